// Which optimiser is to blame: the first transformer that modified the graph and without which the
// symptom vanishes (DESIGN 3.11). One that fails while it modifies the graph, or whose work kills
// the process, has told nothing: it is found by bisection over all that the configuration runs.
#ifndef MOIRE_SYNTH_BLAME_H_
#define MOIRE_SYNTH_BLAME_H_

#include <string>

#include "synth/symptom_check.h"

namespace moire {

// For the check's configuration, which runs in this process where the symptom is no death. Empty:
// nobody to blame (level none, or no transformer alone makes the symptom vanish).
std::string BlameOptimizer(const Case& test_case, SymptomCheck& check);

}  // namespace moire

#endif  // MOIRE_SYNTH_BLAME_H_
