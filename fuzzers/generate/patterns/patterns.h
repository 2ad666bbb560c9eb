// Small subgraphs that runtimes rewrite, each with random near misses: an extra consumer, an
// unusual axis, a constant that is none. A pattern is one function and one row of a table
// (patterns/*.cc).
#ifndef MOIRE_FUZZERS_GENERATE_PATTERNS_PATTERNS_H_
#define MOIRE_FUZZERS_GENERATE_PATTERNS_PATTERNS_H_

#include "fuzzers/generate/graph_builder.h"
#include "fuzzers/generate/pool.h"

namespace moire {

// Adds one pattern to the graph; false (graph as before) when none of a few tries fits.
bool PlacePattern(GraphBuilder& builder, const OperatorPool& pool);

}  // namespace moire

#endif  // MOIRE_FUZZERS_GENERATE_PATTERNS_PATTERNS_H_
