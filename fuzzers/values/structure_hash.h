// A number for what a case's graph is like apart from the numbers in its sources: mutants that
// changed nothing but data share it.
#ifndef MOIRE_FUZZERS_VALUES_STRUCTURE_HASH_H_
#define MOIRE_FUZZERS_VALUES_STRUCTURE_HASH_H_

#include <cstdint>

#include "fuzzers/generate/generate.h"

namespace moire {

// Operators, their names for values, attributes, opsets; of tensors the type and shape alone.
uint64_t StructureHash(const GeneratedCase& made);

}  // namespace moire

#endif  // MOIRE_FUZZERS_VALUES_STRUCTURE_HASH_H_
