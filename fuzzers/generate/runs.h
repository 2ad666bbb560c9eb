// Further runs of a case in one session, at other shapes: what a runtime keeps between runs (memory
// patterns, buffers, shapes that it worked out) must not show.
#ifndef MOIRE_FUZZERS_GENERATE_RUNS_H_
#define MOIRE_FUZZERS_GENERATE_RUNS_H_

#include "fuzzers/generate/generate.h"
#include "harness/case/random.h"

namespace moire {

// Declares one dim of the inputs by name, wherever its size stands, and adds runs in which it has
// other sizes, the last of them the first one again. Keeps to shapes at which the graph infers;
// false, and the case as it was, where none is found. Values are those of the first run, repeated.
bool AddRuns(GeneratedCase& made, Random& random);

}  // namespace moire

#endif  // MOIRE_FUZZERS_GENERATE_RUNS_H_
