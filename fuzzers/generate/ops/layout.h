// Shape arithmetic that the layout family shares with patterns and the mutator.
#ifndef MOIRE_FUZZERS_GENERATE_OPS_LAYOUT_H_
#define MOIRE_FUZZERS_GENERATE_OPS_LAYOUT_H_

#include <optional>

#include "harness/case/random.h"
#include "harness/case/shape.h"

namespace moire {

// `rank` dims whose product is `count` (rank 0: an extra factor is kept, so count must be 1).
Shape RandomFactorization(int64_t count, int64_t rank, Random& random);

// Reshape's rule for its shape input: 0 copies (or is 0 with allow_zero), -1 is inferred. nullopt
// where the target breaks the rules.
std::optional<Shape> ReshapeTarget(Dims input, Dims target, bool allow_zero);

}  // namespace moire

#endif  // MOIRE_FUZZERS_GENERATE_OPS_LAYOUT_H_
