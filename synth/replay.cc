#include "synth/replay.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "synth/bundle.h"
#include "synth/finding.h"
#include "synth/symptom_check.h"

namespace moire {
namespace {

constexpr std::array<std::string_view, 4> kStates = {"fails", "changed", "passes", "unjudged"};

// Some configuration ran the case and was judged, or refused it and rightly so.
bool AnyJudged(const std::vector<Judgement>& judgements) {
  return std::ranges::any_of(judgements, [](const Judgement& judgement) {
    return std::ranges::any_of(judgement.verdicts,
                               [](const Verdict& v) { return v.kind == VerdictKind::kMatch; });
  });
}

ReplayState StateOf(const std::vector<Judgement>& judgements, const Verdict* wanted) {
  const bool bug = std::ranges::any_of(judgements, [](const Judgement& j) { return j.bug; });
  if (!bug) return AnyJudged(judgements) ? ReplayState::kPasses : ReplayState::kUnjudged;
  if (wanted == nullptr) return ReplayState::kFails;
  const bool same = std::ranges::any_of(judgements, [&](const Judgement& judgement) {
    return FindSymptom(*wanted, judgement.verdicts) != nullptr;
  });
  return same ? ReplayState::kFails : ReplayState::kChanged;
}

// Bundles, and directories with a model that are none; others are searched.
std::vector<std::string> Targets(const std::string& directory) {
  namespace fs = std::filesystem;
  if (!fs::is_directory(directory) || fs::exists(fs::path(directory) / "model.onnx"))
    return {directory};
  std::vector<std::string> inside;
  std::error_code failed;
  for (const auto& entry : fs::directory_iterator(directory, failed)) {
    if (entry.is_directory() && entry.path().extension() != ".new")
      inside.push_back(entry.path().string());
  }
  std::ranges::sort(inside);
  std::vector<std::string> all;
  for (const std::string& entry : inside)
    std::ranges::move(Targets(entry), std::back_inserter(all));
  return all;
}

Result<Replay> ReplayOne(const std::string& directory, const std::vector<std::string>& specs,
                         const std::vector<std::string>& default_specs,
                         const JudgeOptions& options) {
  Replay replay;
  replay.directory = directory;
  std::optional<Finding> finding;
  if (std::filesystem::exists(std::filesystem::path(directory) / "finding.json")) {
    MOIRE_ASSIGN(finding, ReadBundle(directory));
    replay.expected_symptom = finding->symptom;
  }
  std::vector<std::string> used = specs;
  if (used.empty() && finding) used = finding->specs;
  if (used.empty()) used = default_specs;
  MOIRE_ASSIGN(replay.judgements, JudgeModel(directory, used, options));
  replay.state = StateOf(replay.judgements, finding ? &finding->verdict : nullptr);
  return replay;
}

}  // namespace

std::string_view Name(ReplayState state) { return kStates[static_cast<size_t>(state)]; }

Result<std::vector<Replay>> ReplayBundles(const std::vector<std::string>& directories,
                                          const std::vector<std::string>& specs,
                                          const std::vector<std::string>& default_specs,
                                          const JudgeOptions& options) {
  std::vector<Replay> replays;
  for (const std::string& directory : directories) {
    if (!std::filesystem::exists(directory)) {
      return Fail(ErrorCode::kNotFound, "{}: no such directory", directory);
    }
    const std::vector<std::string> targets = Targets(directory);
    if (targets.empty()) return Fail(ErrorCode::kInvalidInput, "{}: holds no bundle", directory);
    for (const std::string& target : targets) {
      MOIRE_ASSIGN(Replay replay, ReplayOne(target, specs, default_specs, options));
      replays.push_back(std::move(replay));
    }
  }
  return replays;
}

nlohmann::json ReplaysToJson(const std::vector<Replay>& replays) {
  nlohmann::json bundles = nlohmann::json::array();
  std::vector<Judgement> all;
  int64_t failing = 0;
  for (const Replay& replay : replays) {
    if (replay.state == ReplayState::kFails || replay.state == ReplayState::kChanged) ++failing;
    bundles.push_back({{"directory", replay.directory},
                       {"state", Name(replay.state)},
                       {"symptom", replay.expected_symptom}});
    all.insert(all.end(), replay.judgements.begin(), replay.judgements.end());
  }
  nlohmann::json result = JudgementsToJson(all);
  result["bundles"] = std::move(bundles);
  result["failing"] = failing;
  return result;
}

std::string ReplaysToText(const std::vector<Replay>& replays) {
  std::string text;
  for (const Replay& replay : replays) {
    std::string reason;
    for (const Judgement& judgement : replay.judgements) {
      if (const Verdict* worst = WorstBug(judgement.verdicts); worst != nullptr && reason.empty()) {
        reason = fmt::format("{} {}: {}", worst->configuration, Name(worst->kind), worst->reason);
      }
    }
    text += fmt::format("{:9} {} {}\n", Name(replay.state), replay.directory, reason);
  }
  return text;
}

}  // namespace moire
