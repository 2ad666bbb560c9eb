// Which optimiser is to blame: the first transformer that modified the graph and without which the
// symptom vanishes (DESIGN 3.11).
#ifndef MOIRE_SYNTH_BLAME_H_
#define MOIRE_SYNTH_BLAME_H_

#include <string>

#include "synth/symptom_check.h"

namespace moire {

// Names of the transformers that modify the graph of this case in the configuration; empty where it
// does not tell. Runs the configuration in this process.
std::vector<std::string> AppliedOptimizers(const Case& test_case, const std::string& configuration);

// Empty: nobody to blame (level none, no transformer fired, or none of them alone makes it vanish).
std::string BlameOptimizer(const Case& test_case, SymptomCheck& check,
                           const std::vector<std::string>& applied);

}  // namespace moire

#endif  // MOIRE_SYNTH_BLAME_H_
