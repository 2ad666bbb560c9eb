// The explanation's place in a bundle.
#ifndef MOIRE_SYNTH_EXPLAIN_ISSUE_H_
#define MOIRE_SYNTH_EXPLAIN_ISSUE_H_

#include <string>

#include "synth/explain/explain.h"

namespace moire {

// Writes explanation.json and explanation.txt, and issue.md anew with what is known now.
Status AddExplanation(const std::string& bundle, const Finding& finding,
                      const Explanation& explanation);

}  // namespace moire

#endif  // MOIRE_SYNTH_EXPLAIN_ISSUE_H_
