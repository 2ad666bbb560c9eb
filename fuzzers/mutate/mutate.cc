#include "fuzzers/mutate/mutate.h"

namespace moire {

GeneratedCase Mutate(GeneratedCase parent, Random& random, const GeneratorSettings& settings,
                     const Learned& learned) {
  (void)parent;
  return Generate(random, settings, learned);
}

GeneratedCase Crossover(const GeneratedCase& a, const GeneratedCase& b, Random& random,
                        const GeneratorSettings& settings, const Learned& learned) {
  return Mutate(random.Chance(1, 2) ? a : b, random, settings, learned);
}

std::vector<std::string_view> MutationNames() { return {"generate anew"}; }

}  // namespace moire
