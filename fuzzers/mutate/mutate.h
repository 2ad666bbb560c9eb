// The structured mutator: edits and splices cases so that nearly every mutant stays valid. A mutant
// whose shapes break is repaired by inference, or falls back to generation. Deterministic in the
// same sense as the generator. Does not know any backend or oracle.
#ifndef MOIRE_FUZZERS_MUTATE_MUTATE_H_
#define MOIRE_FUZZERS_MUTATE_MUTATE_H_

#include <string_view>
#include <vector>

#include "fuzzers/generate/generate.h"

namespace moire {

// Applies one to three mutations drawn from the registry. A malformed parent stays flagged.
GeneratedCase Mutate(const GeneratedCase& parent, Random& random,
                     const GeneratorSettings& settings, const Learned& learned);

// Splices a part of b into a; falls back to Mutate(a) where nothing fits.
GeneratedCase Crossover(const GeneratedCase& a, const GeneratedCase& b, Random& random,
                        const GeneratorSettings& settings, const Learned& learned);

// Names of the registered mutations, for statistics.
std::vector<std::string_view> MutationNames();

}  // namespace moire

#endif  // MOIRE_FUZZERS_MUTATE_MUTATE_H_
