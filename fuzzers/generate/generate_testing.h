// What the tests of the generator and of the mutator share.
#ifndef MOIRE_FUZZERS_GENERATE_GENERATE_TESTING_H_
#define MOIRE_FUZZERS_GENERATE_GENERATE_TESTING_H_

#include "fuzzers/generate/generate.h"

namespace moire::testing {

// The whole standard, ten nodes a graph.
inline GeneratorSettings TenNodes() {
  GeneratorSettings settings = WholeStandard();
  settings.min_nodes = settings.max_nodes = 10;
  return settings;
}

}  // namespace moire::testing

#endif  // MOIRE_FUZZERS_GENERATE_GENERATE_TESTING_H_
