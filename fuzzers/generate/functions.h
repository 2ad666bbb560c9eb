// Model-local functions: a run of nodes of a finished model becomes the body of a function that the
// model carries, and one node that calls it.
#ifndef MOIRE_FUZZERS_GENERATE_FUNCTIONS_H_
#define MOIRE_FUZZERS_GENERATE_FUNCTIONS_H_

#include "harness/case/model.h"
#include "harness/case/random.h"

namespace moire {

// The domain of the functions that are made.
inline constexpr std::string_view kFunctionDomain = "moire.local";

// False (model as before) when no run of nodes will do.
bool MakeFunction(Model& model, Random& random);

}  // namespace moire

#endif  // MOIRE_FUZZERS_GENERATE_FUNCTIONS_H_
