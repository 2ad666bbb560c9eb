// Whether a case can be judged well: what the reference says of its outputs. Depends on the
// reference alone.
#ifndef MOIRE_FUZZERS_VALUES_ASSESSMENT_H_
#define MOIRE_FUZZERS_VALUES_ASSESSMENT_H_

#include <cstdint>

#include "oracles/reference/reference.h"

namespace moire {

// The share of elements that must be decidable.
inline constexpr double kWantedDecidable = 0.9;

struct Assessment {
  bool evaluated = false;  // the reference went through all of it
  int64_t elements = 0;    // of the graph's outputs; an opaque one counts as one element
  int64_t undecided = 0;   // marked, or of a range that may be infinite
  int64_t not_finite = 0;  // floats whose usual result is NaN or infinite

  bool Decidable() const {
    return static_cast<double>(undecided) <= (1 - kWantedDecidable) * static_cast<double>(elements);
  }
  // Every element finite, and nine of ten decidable.
  bool Good() const { return evaluated && not_finite == 0 && Decidable(); }
  // 0 when nothing is wrong; to compare the inputs of one graph.
  double Badness() const;
};

Assessment Assess(const ReferenceResult& result);

// NaN and infinite among the usual results of a value, parts included.
int64_t CountNotFinite(const RangeTensor& value);

}  // namespace moire

#endif  // MOIRE_FUZZERS_VALUES_ASSESSMENT_H_
