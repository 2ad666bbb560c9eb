// Finding: a case, its verdict, and the two keys. See DESIGN "Words" and docs/formats.md.
#ifndef MOIRE_SYNTH_FINDING_H_
#define MOIRE_SYNTH_FINDING_H_

#include <string>
#include <vector>

#include "harness/case/case.h"
#include "harness/case/model.h"
#include "oracles/verdict.h"

namespace moire {

struct Finding {
  Case test_case;
  Verdict verdict;
  std::string symptom;                      // what reduction holds
  std::string cause;                        // groups findings; computed on the reduced case
  std::vector<std::string> configurations;  // all that show it
  std::vector<std::string> specs;           // --backend SPECs that reproduce it
  std::string blamed_optimizer;             // empty: none, or not known
};

// Verdict kind, configurations on each side (their settings class, not their version), class of
// error.
std::string SymptomKey(const Verdict& verdict);
// On a reduced case: symptom, operators with types and attribute classes in canonical order, the
// blamed optimiser, and whether it needs external data. Stable across builds; 16 hex digits after a
// readable prefix
// ("mismatch/DivMul/int32/1a2b...").
std::string CauseKey(const Verdict& verdict, const Model& reduced,
                     const std::vector<NamedTensor>& inputs, const RunOptions& options,
                     const std::string& blamed_optimizer);

// Names and numbers removed: "node:v12 ... got: 3" -> "node:* ... got: #".
std::string ErrorClass(std::string_view message);

}  // namespace moire

#endif  // MOIRE_SYNTH_FINDING_H_
