// Changes of a source's numbers that the value search tries.
#ifndef MOIRE_FUZZERS_VALUES_LEAF_EDIT_H_
#define MOIRE_FUZZERS_VALUES_LEAF_EDIT_H_

#include "fuzzers/values/wants.h"
#include "harness/case/random.h"
#include "harness/case/tensor.h"

namespace moire {

// Moves the numbers of a float or integer tensor into a range: their order and relative distances
// stay unless they are to vary. `narrower` in [0, 1): by how much the range is narrowed first, to a
// random part of it.
void MoveInto(Tensor& tensor, const Want& want, double narrower, Random& random);

// Changes without a target, from mild to rough, for a source whose way to the trouble is not known.
inline constexpr int kRoughEdits = 6;
void EditRoughly(Tensor& tensor, int edit, Random& random);

// Whether a tensor holds numbers without NaN, infinities and extremes: what the search may change.
bool IsTame(const Tensor& tensor);

}  // namespace moire

#endif  // MOIRE_FUZZERS_VALUES_LEAF_EDIT_H_
