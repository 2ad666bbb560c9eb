// How far two correct configurations may be apart at a value, as far as that can be told from the
// operators it goes through, contributed ones (com.microsoft) included. Only what a table vouches
// for is judged: an operator that is not in it leaves its results open. Depends on the model alone.
#ifndef MOIRE_ORACLES_STABILITY_H_
#define MOIRE_ORACLES_STABILITY_H_

#include <string_view>

#include "harness/case/model.h"

namespace moire {

enum class Stability {
  kSame,       // the same bits everywhere: the case's own values, moved, compared, counted, hashed
  kClose,      // floats that carry rounding errors, by functions without jumps
  kNearSteps,  // integers of a quantised result: a rounding may fall on the other side
  kOpen,       // nothing is claimed
};

// Of the graph output (or value) `name`. kOpen also where a value behind it is of a type in which
// runtimes may keep intermediates wider (float16, bfloat16) or is no dense tensor.
Stability StabilityOf(const Model& model, std::string_view name);

// Whether a contributed operator stands before the value.
bool HasContributed(const Model& model, std::string_view name);

}  // namespace moire

#endif  // MOIRE_ORACLES_STABILITY_H_
