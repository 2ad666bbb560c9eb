// What `moire run` and `moire replay` do, as library functions: judge cases in children and say it
// in words or JSON. Depends on execution and on reading cases; knows no command line.
#ifndef MOIRE_SYNTH_JUDGE_H_
#define MOIRE_SYNTH_JUDGE_H_

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "harness/execute/child.h"
#include "synth/load.h"

namespace moire {

struct JudgeOptions {
  LoadOptions load;
  ChildOptions child;
  bool check_growth = true;  // see ChildOptions
};

struct Judgement {
  std::string name;  // of the case, as LoadCases gives it
  std::vector<std::string> configurations;
  std::vector<Verdict> verdicts;  // at least one for each configuration
  std::string symptom;            // of the worst bug; empty when there is none
  bool bug = false;
  std::string ours;  // ChildExecution::ours
};

// Judges one case against configurations that `open` opens in children.
Result<Judgement> Judge(const std::string& name, const Case& test_case, const OpenAll& open,
                        const ChildOptions& options);

// `moire run PATH --backend SPEC...`: every case at the path, against every configuration of the
// specs and the reference.
Result<std::vector<Judgement>> JudgeModel(const std::string& path,
                                          const std::vector<std::string>& specs,
                                          const JudgeOptions& options = {});

// The worst bug, by severity, crashes first; null when there is none.
const Verdict* WorstBug(const std::vector<Verdict>& verdicts);

// {"cases": [...], "verdicts": [{"case", "configuration", "oracle", "verdict", "severity",
// "reason", ...}],
//  "bug": bool}
nlohmann::json JudgementsToJson(const std::vector<Judgement>& judgements);
nlohmann::json VerdictToJson(const Verdict& verdict);
Verdict VerdictFromJson(const nlohmann::json& json);
// One line a configuration: "BUG  ort@1.32.0:level=all  mismatch  ...".
std::string JudgementsToText(const std::vector<Judgement>& judgements);

}  // namespace moire

#endif  // MOIRE_SYNTH_JUDGE_H_
