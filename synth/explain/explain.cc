#include "synth/explain/explain.h"

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>

#include "harness/case/onnx_adapter.h"
#include "oracles/configuration_name.h"
#include "synth/blame.h"
#include "synth/explain/child_features.h"
#include "synth/explain/judge_probes.h"
#include "synth/explain/neighbours.h"
#include "synth/explain/releases.h"
#include "synth/symptom_check.h"

namespace moire {
namespace {

// Clauses that tell no more than this share of the neighbours are dropped: a wrong value that does
// not show in one of a hundred cases makes no condition.
constexpr double kTolerated = 0.005;
constexpr double kOdd = 0.01;    // share of a round's neighbours that may be told wrong
constexpr int kQuietRounds = 3;  // such rounds before the predicate stands

class Explainer {
 public:
  Explainer(const Finding& finding, Probe base, OpenAll open,
            const std::vector<std::string>& levels, const ExplainOptions& options)
      : finding_(finding),
        base_(std::move(base)),
        open_(std::move(open)),
        options_(options),
        neighbours_(base_, levels),
        random_(options.seed),
        malformed_(BreaksOnnx(base_.sketch)) {}

  Result<Explanation> Run() {
    MOIRE_ASSIGN(const std::vector<Label> first, Judge({{base_, "", ""}}));
    if (first.empty() || first[0] != Label::kFails) {
      return Fail(ErrorCode::kInvalidInput, "the case does not fail with this symptom any more");
    }
    AddSamples({{base_, "", ""}}, first);
    const std::vector<Neighbour> singles = neighbours_.Singles();
    MOIRE_ASSIGN(const std::vector<Label> labels, Judge(singles));
    for (size_t i = 0; i < singles.size(); ++i) {
      if (labels[i] == Label::kPasses) explanation_.passing_changes.push_back(singles[i].what);
    }
    AddSamples(singles, labels);
    MOIRE_TRY(Refine());
    explanation_.predicate = Prune(std::move(explanation_.predicate), samples_, kTolerated);
    for (const Sample& sample : samples_)
      (sample.fails ? explanation_.failing : explanation_.passing)++;
    return std::move(explanation_);
  }

 private:
  double Left() const {
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start_;
    return options_.seconds - elapsed.count();
  }

  Result<std::vector<Label>> Judge(const std::vector<Neighbour>& neighbours) {
    std::vector<Probe> probes;
    for (const Neighbour& neighbour : neighbours) probes.push_back(neighbour.probe);
    return JudgeProbes(probes, finding_.verdict, open_, options_.child, std::max(1.0, Left()),
                       malformed_);
  }

  // Those that were judged.
  void AddSamples(const std::vector<Neighbour>& neighbours, const std::vector<Label>& labels) {
    std::vector<Probe> probes;
    std::vector<bool> fails;
    for (size_t i = 0; i < neighbours.size(); ++i) {
      if (labels[i] == Label::kUnjudged) continue;
      probes.push_back(neighbours[i].probe);
      fails.push_back(labels[i] == Label::kFails);
    }
    ChildFeatures found = FeaturesInChildren(probes, options_.child.limits);
    explanation_.stated_only += found.stated_only;
    for (size_t i = 0; i < probes.size(); ++i) {
      samples_.push_back({std::move(found.features[i]), fails[i]});
    }
  }

  // Counterexample by counterexample: fresh neighbours are drawn until the predicate, made anew
  // after each round that shows it wrong, has been right for several rounds.
  Status Refine() {
    explanation_.predicate = Separate(samples_);
    int quiet = 0;
    for (int round = 0; round < options_.rounds && quiet < kQuietRounds && Left() > 0; ++round) {
      std::vector<Neighbour> drawn;
      for (int i = 0; i < options_.round_size; ++i) drawn.push_back(neighbours_.Draw(random_));
      MOIRE_ASSIGN(const std::vector<Label> labels, Judge(drawn));
      const size_t before = samples_.size();
      AddSamples(drawn, labels);
      int judged = 0, right = 0;
      for (size_t i = before; i < samples_.size(); ++i) {
        ++judged;
        right += explanation_.predicate.Holds(samples_[i].features) == samples_[i].fails ? 1 : 0;
      }
      if (judged - right <= kOdd * judged) {
        ++quiet;
        explanation_.fresh += judged;
        explanation_.fresh_right += right;
        continue;
      }
      quiet = 0;
      Predicate better = Separate(samples_);
      // The figures are those of the predicate that stands.
      explanation_.fresh = explanation_.fresh_right = 0;
      if (round + 1 == options_.rounds || Left() <= 0) {
        explanation_.fresh = judged;
        explanation_.fresh_right = right;
      }
      explanation_.predicate = std::move(better);
    }
    return {};
  }

  const Finding& finding_;
  Probe base_;
  OpenAll open_;
  const ExplainOptions& options_;
  Neighbourhood neighbours_;
  Random random_;
  bool malformed_;
  std::vector<Sample> samples_;
  Explanation explanation_;
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

// The name with another value of a setting that it has.
std::string WithSetting(std::string name, std::string_view key, std::string_view value) {
  const std::string_view old = Setting(name, key);
  if (old.empty()) return name;
  const size_t at = name.find(std::string(key) + "=");
  return name.replace(at + key.size() + 1, old.size(), value);
}

// The optimiser to blame, found in a child.
std::string FindPass(const Finding& finding, const ChildOptions& options) {
  if (!finding.blamed_optimizer.empty()) return finding.blamed_optimizer;
  const std::string& name = finding.verdict.configuration;
  if (IsPlain(name)) return {};
  ChildLimits limits = options.limits;
  limits.idle_seconds = limits.wall_seconds;
  const ChildResult end = RunInChild(
      [&](SharedState& state, const std::function<void(std::string_view)>& send) {
        SilenceOutput();
        InstallFatalSignalHandlers(state, options.runtime_modules);
        SharedStageObserver observer(state);
        Result<Configurations> opened = OpenConfigurations(name);
        if (!opened) return 1;
        if (!finding.verdict.against.empty() && finding.verdict.against != "reference") {
          Result<Configurations> other = OpenConfigurations(finding.verdict.against);
          if (other) std::ranges::move(*other, std::back_inserter(*opened));
        }
        SymptomCheck check(std::move(*opened), finding.verdict, options, &observer);
        send(BlameOptimizer(finding.test_case, check));
        return 0;
      },
      limits);
  return end.end == ChildEnd::kExited ? end.output : std::string();
}

}  // namespace

Result<Explanation> Explain(const Finding& finding, const OpenAll& open,
                            const std::vector<std::string>& levels, const ExplainOptions& options) {
  Result<Model> model = ParseModel(finding.test_case.model);
  if (!model) return std::unexpected(std::move(model).error().With("the case's model"));
  Probe base{{std::move(*model), finding.test_case.inputs, finding.test_case.options}, {}};
  if (!levels.empty()) base.level = std::string(Setting(finding.verdict.configuration, "level"));
  return Explainer(finding, std::move(base), open, levels, options).Run();
}

Result<Explanation> Explain(const Finding& finding, const ExplainOptions& options) {
  const std::string& name = finding.verdict.configuration;
  std::vector<std::string> levels;
  std::vector<std::string> specs = {name};
  if (!Setting(name, "level").empty()) {
    specs.clear();
    for (int i = 0; !LevelName(i).empty(); ++i) {
      levels.emplace_back(LevelName(i));
      specs.push_back(WithSetting(name, "level", LevelName(i)));
    }
  }
  MOIRE_ASSIGN(Explanation explanation, Explain(finding, OpenSpecs(specs), levels, options));
  if (options.releases) MOIRE_TRY(CompareReleases(finding, options.child, explanation));
  if (options.blame) explanation.pass = FindPass(finding, options.child);
  return explanation;
}

nlohmann::json ExplanationToJson(const Explanation& e) {
  nlohmann::json clauses = nlohmann::json::array();
  for (const Clause& clause : e.predicate.all) clauses.push_back(clause.ToString());
  return {{"predicate", e.predicate.ToString()},
          {"clauses", clauses},
          {"support",
           {{"failing", e.failing},
            {"passing", e.passing},
            {"fresh", e.fresh},
            {"fresh_right", e.fresh_right},
            {"stated_only", e.stated_only}}},
          {"passing_changes", e.passing_changes},
          {"first_bad_release", e.first_bad_release},
          {"last_good_release", e.last_good_release},
          {"bad_releases", e.bad_releases},
          {"good_releases", e.good_releases},
          {"pass", e.pass}};
}

std::string ExplanationToText(const Explanation& e) {
  constexpr size_t kMostChanges = 12;
  std::string text = fmt::format("fails iff {}\n", e.predicate.ToString());
  text += fmt::format("  from {} failing and {} passing neighbours; {} of {} fresh ones right\n",
                      e.failing, e.passing, e.fresh_right, e.fresh);
  if (e.stated_only > 0) {
    text += fmt::format(
        "  of {} only what they state is known: shape inference (the ONNX library) died of such a "
        "model or did not end\n",
        e.stated_only);
  }
  if (!e.first_bad_release.empty() || !e.good_releases.empty()) {
    text += fmt::format("  first bad release {}, last good release {}\n",
                        e.first_bad_release.empty() ? "none" : e.first_bad_release,
                        e.last_good_release.empty() ? "none" : e.last_good_release);
  }
  if (!e.pass.empty()) text += fmt::format("  vanishes without the optimiser {}\n", e.pass);
  for (size_t i = 0; i < e.passing_changes.size() && i < kMostChanges; ++i) {
    text += fmt::format("  passes with {}\n", e.passing_changes[i]);
  }
  return text;
}

}  // namespace moire
