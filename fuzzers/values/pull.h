// Backwards from what a value is wanted to be to what its sources should be: legal ranges go from a
// node's output to its inputs until they reach tensors that can be changed.
#ifndef MOIRE_FUZZERS_VALUES_PULL_H_
#define MOIRE_FUZZERS_VALUES_PULL_H_

#include <map>

#include "fuzzers/values/wants.h"

namespace moire {

// What sources are wanted to be, by value.
using LeafWants = std::map<int, Want>;

// Follows a want to the sources that the graph's last evaluation ties it to: exactly through
// monotone functions and moves, by scale and shift through sums and products. Adds to `leaves`; of
// two wants for one source what both allow, or the later one. What nothing is known about is left.
void Pull(const TracedGraph& graph, const Want& want, LeafWants& leaves);

}  // namespace moire

#endif  // MOIRE_FUZZERS_VALUES_PULL_H_
