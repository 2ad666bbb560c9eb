// What an operator needs of its inputs so that its results are finite and decidable: one row for
// each operator that asks for something of its own.
#ifndef MOIRE_FUZZERS_VALUES_WANTS_H_
#define MOIRE_FUZZERS_VALUES_WANTS_H_

#include <vector>

#include "fuzzers/values/traced_graph.h"

namespace moire {

struct Want {
  int value = -1;
  Range range;          // where its elements are to lie
  bool varied = false;  // its elements must differ: ties, a variance of 0, steps hit exactly
};

// Of the inputs of a node whose results are bad although its inputs are not.
std::vector<Want> WantsOf(const TracedGraph& graph, size_t node);

}  // namespace moire

#endif  // MOIRE_FUZZERS_VALUES_WANTS_H_
