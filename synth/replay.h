// `moire replay DIR...`: runs bundles and plain backend-test directories again and says which still
// fail.
#ifndef MOIRE_SYNTH_REPLAY_H_
#define MOIRE_SYNTH_REPLAY_H_

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "synth/judge.h"

namespace moire {

enum class ReplayState {
  kFails,     // a bundle: with its symptom; a plain directory: some bug
  kChanged,   // fails, but with another symptom than the bundle's
  kPasses,    // nothing is wrong any more
  kUnjudged,  // no configuration could be judged
};
std::string_view Name(ReplayState state);

struct Replay {
  std::string directory;
  ReplayState state = ReplayState::kUnjudged;
  std::string expected_symptom;  // of a bundle
  std::vector<Judgement> judgements;
};

// `specs` empty: each bundle's own, and for a plain directory `default_specs`.
Result<std::vector<Replay>> ReplayBundles(const std::vector<std::string>& directories,
                                          const std::vector<std::string>& specs,
                                          const std::vector<std::string>& default_specs,
                                          const JudgeOptions& options = {});

// {"bundles": [{"directory", "state", "symptom"}], "verdicts": [...], "failing": N}
nlohmann::json ReplaysToJson(const std::vector<Replay>& replays);
std::string ReplaysToText(const std::vector<Replay>& replays);

}  // namespace moire

#endif  // MOIRE_SYNTH_REPLAY_H_
