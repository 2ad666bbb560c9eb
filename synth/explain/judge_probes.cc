#include "synth/explain/judge_probes.h"

#include <algorithm>
#include <memory>

#include "oracles/configuration_name.h"
#include "synth/explain/each_in_children.h"
#include "synth/symptom_check.h"

namespace moire {
namespace {

// What a child needs for the probes of one level.
struct LevelJudge {
  std::string level;
  std::vector<std::unique_ptr<Configuration>>
      one;                               // the configuration, for what is judged in process
  std::unique_ptr<SymptomCheck> deaths;  // or this, for what kills
};

// Whether the run says anything of a case that does not fail: the case is valid and, where a wrong
// value is what is looked for, has values to compare.
bool CanPass(const Verdict& wanted, const Execution& run) {
  if (wanted.kind == VerdictKind::kWronglyAccepted) return true;
  if (!run.reference || run.reference->status != ReferenceStatus::kEvaluated) return false;
  if (run.observations.empty() || run.observations[0].outcome != Outcome::kOutputs) return false;
  return wanted.kind != VerdictKind::kMismatch ||
         std::ranges::any_of(run.reference->outputs,
                             [](const RangeTensor& o) { return o.size() > 0; });
}

bool IsThisFailure(const Verdict& wanted, const Verdict& seen) {
  if (seen.kind != wanted.kind) return false;
  // A wrong value may be of any class near by: a NaN here, a number there.
  return wanted.kind == VerdictKind::kMismatch || seen.error_class == wanted.error_class;
}

class ProbeJudge {
 public:
  ProbeJudge(const Verdict& wanted, const ChildOptions& options, SharedState& state, bool malformed)
      : wanted_(wanted), options_(options), observer_(state), malformed_(malformed) {}

  void Take(Configurations opened) {
    for (auto& configuration : opened) {
      LevelJudge judge{std::string(Setting(configuration->name(), "level")), {}, nullptr};
      if (IsDeath(wanted_.kind)) {
        Verdict here = wanted_;
        here.configuration = configuration->name();
        here.against.clear();
        Configurations one;
        one.push_back(std::move(configuration));
        judge.deaths = std::make_unique<SymptomCheck>(std::move(one), here, options_, &observer_);
        judge.deaths->set_any_place(true);
      } else {
        judge.one.push_back(std::move(configuration));
      }
      judges_.push_back(std::move(judge));
    }
  }

  Label Judge(const Probe& probe) {
    const auto judge = std::ranges::find_if(judges_, [&](const LevelJudge& j) {
      return probe.level.empty() || j.level == probe.level;
    });
    if (judge == judges_.end()) return Label::kUnjudged;
    const Case test_case = ToCase(probe.sketch);
    if (judge->deaths) {
      if (judge->deaths->Shows(test_case)) return Label::kFails;
      const ReferenceStatus status = Evaluate(probe.sketch.model, probe.sketch.inputs).status;
      const bool judged = status == ReferenceStatus::kEvaluated ||
                          (malformed_ && status == ReferenceStatus::kRejected);
      return judged ? Label::kPasses : Label::kUnjudged;
    }
    ExecuteOptions execute;
    execute.budget = options_.budget;
    execute.observer = &observer_;
    const Execution run = Execute(test_case, judge->one, execute);
    bool matches = false;
    for (const Verdict& verdict : run.verdicts) {
      if (IsThisFailure(wanted_, verdict)) return Label::kFails;
      matches = matches || verdict.kind == VerdictKind::kMatch;
    }
    return matches && run.verdicts.size() == 1 && CanPass(wanted_, run) ? Label::kPasses
                                                                        : Label::kUnjudged;
  }

 private:
  const Verdict& wanted_;
  const ChildOptions& options_;
  SharedStageObserver observer_;
  bool malformed_;
  std::vector<LevelJudge> judges_;
};

}  // namespace

bool BreaksOnnx(const Sketch& sketch) {
  return Evaluate(sketch.model, sketch.inputs).status == ReferenceStatus::kRejected;
}

Result<std::vector<Label>> JudgeProbes(std::span<const Probe> probes, const Verdict& wanted,
                                       const OpenAll& open, const ChildOptions& options,
                                       double seconds, bool malformed) {
  const auto start = [&](SharedState& state) -> Result<ChildStep> {
    MOIRE_ASSIGN(Configurations opened, open());
    auto judge = std::make_shared<ProbeJudge>(wanted, options, state, malformed);
    judge->Take(std::move(opened));
    return [&probes, judge](size_t i) {
      return std::string(1, static_cast<char>(judge->Judge(probes[i])));
    };
  };
  const auto judged = EachInChildren(
      probes.size(), start,
      {.limits = options.limits, .runtime_modules = options.runtime_modules, .seconds = seconds});
  if (!judged) {
    // Opening failed: say why, from here. It has failed, so nothing is loaded.
    const Result<Configurations> opened = open();
    return std::unexpected(opened ? judged.error() : opened.error());
  }
  std::vector<Label> labels(probes.size(), Label::kUnjudged);
  for (size_t i = 0; i < probes.size(); ++i) {
    const auto& result = (*judged)[i];
    if (result && !result->empty()) labels[i] = static_cast<Label>(result->front());
  }
  return labels;
}

}  // namespace moire
