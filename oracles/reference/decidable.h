// How much of a value the reference can decide. Depends on the reference's values alone.
#ifndef MOIRE_ORACLES_REFERENCE_DECIDABLE_H_
#define MOIRE_ORACLES_REFERENCE_DECIDABLE_H_

#include <cstdint>

#include "oracles/reference/range_tensor.h"

namespace moire {

// Of one value. An opaque one counts as a single element that is not decidable.
struct Decided {
  int64_t elements = 0;
  int64_t decidable = 0;
  int64_t unspecified = 0;
  int64_t finite =
      0;  // of the decidable ones: whole numbers, text, and floats whose range is finite

  Decided& operator+=(const Decided& other);
  // Neither decidable nor left open by ONNX.
  int64_t Undecidable() const { return elements - decidable - unspecified; }
};

// Element i of a value that is not opaque: it has no mark, and its range is finite, or a certain
// infinity or NaN.
bool Decidable(const RangeTensor& value, size_t i);

// A sequence, optional or map counts as what it is made of.
Decided CountDecided(const RangeTensor& value);

}  // namespace moire

#endif  // MOIRE_ORACLES_REFERENCE_DECIDABLE_H_
