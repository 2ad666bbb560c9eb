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
  std::string name;
  Configurations opened;  // for what is judged in process: the other side, if any, then the one
  std::unique_ptr<SymptomCheck> deaths;  // or this, for what kills
};

// Whether the run says anything of a case that does not fail: the case is valid and, where a wrong
// value is what is looked for, has values to compare. The last configuration is the judged one.
bool CanPass(const Verdict& wanted, const Execution& run) {
  if (wanted.kind == VerdictKind::kWronglyAccepted) return true;
  if (!run.reference || run.reference->status != ReferenceStatus::kEvaluated) return false;
  if (run.observations.empty() || run.observations.back().outcome != Outcome::kOutputs) {
    return false;
  }
  return wanted.kind != VerdictKind::kMismatch ||
         std::ranges::any_of(run.reference->outputs,
                             [](const RangeTensor& o) { return o.size() > 0; });
}

bool IsThisFailure(const Verdict& wanted, const Verdict& seen, Likeness likeness) {
  if (seen.kind != wanted.kind) return false;
  // A wrong value may be of any class near by: a NaN here, a number there.
  if (wanted.kind == VerdictKind::kMismatch) return true;
  // What is refused when it is loaded is not what fails when it runs.
  if (likeness == Likeness::kOfReleases) return seen.actual == wanted.actual;
  return seen.error_class == wanted.error_class;
}

// Beside which configuration `name` has to run for the wanted verdict to come about: the verdict's
// other side, in the release and with the library of `name` where that is how it was found. Empty:
// it is judged by the reference, or is that other side itself.
std::string OtherSide(const Verdict& wanted, const std::string& name) {
  if (BackendName(wanted.against) != BackendName(wanted.configuration)) return {};
  std::string other = wanted.against;
  const std::string_view part = BackendPart(wanted.against);
  if (part == BackendPart(wanted.configuration)) {
    other = std::string(BackendPart(name)) + wanted.against.substr(part.size());
  }
  return other == name ? std::string() : other;
}

// A configuration of its own with this name.
Result<Configurations> OpenNamed(const OpenAll& open, const std::string& name) {
  MOIRE_ASSIGN(Configurations all, open());
  std::erase_if(all, [&](const auto& one) { return one->name() != name; });
  return all.empty() ? OpenConfigurations(name) : std::move(all);
}

class ProbeJudge {
 public:
  ProbeJudge(const Verdict& wanted, const ChildOptions& options, SharedState& state, bool malformed,
             Likeness likeness)
      : wanted_(wanted),
        options_(options),
        observer_(state),
        malformed_(malformed),
        likeness_(likeness) {}

  Status Open(const OpenAll& open) {
    MOIRE_ASSIGN(Configurations opened, open());
    for (auto& configuration : opened) {
      LevelJudge judge{configuration->name(), {}, nullptr};
      if (IsDeath(wanted_.kind)) {
        Verdict here = wanted_;
        here.configuration = configuration->name();
        here.against.clear();
        if (likeness_ == Likeness::kOfReleases) here.error_class.clear();
        judge.opened.push_back(std::move(configuration));
        judge.deaths =
            std::make_unique<SymptomCheck>(std::move(judge.opened), here, options_, &observer_);
        judge.deaths->set_any_place(true);
      } else {
        const std::string other = OtherSide(wanted_, judge.name);
        if (!other.empty()) {
          MOIRE_ASSIGN(judge.opened, OpenNamed(open, other));
        }
        judge.opened.push_back(std::move(configuration));
      }
      judges_.push_back(std::move(judge));
    }
    return {};
  }

  Label Judge(const Probe& probe) {
    const auto judge = std::ranges::find_if(judges_, [&](const LevelJudge& j) {
      return probe.level.empty() || Setting(j.name, "level") == probe.level;
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
    const Execution run = Execute(test_case, judge->opened, execute);
    bool matches = false, other = false;
    for (const Verdict& verdict : run.verdicts) {
      if (verdict.configuration != judge->name) continue;
      if (IsThisFailure(wanted_, verdict, likeness_)) return Label::kFails;
      (verdict.kind == VerdictKind::kMatch ? matches : other) = true;
    }
    return matches && !other && CanPass(wanted_, run) ? Label::kPasses : Label::kUnjudged;
  }

 private:
  const Verdict& wanted_;
  const ChildOptions& options_;
  SharedStageObserver observer_;
  bool malformed_;
  Likeness likeness_;
  std::vector<LevelJudge> judges_;
};

}  // namespace

bool BreaksOnnx(const Sketch& sketch) {
  return Evaluate(sketch.model, sketch.inputs).status == ReferenceStatus::kRejected;
}

Result<std::vector<Label>> JudgeProbes(std::span<const Probe> probes, const Verdict& wanted,
                                       const OpenAll& open, const ChildOptions& options,
                                       double seconds, bool malformed, Likeness likeness) {
  const auto start = [&](SharedState& state) -> Result<ChildStep> {
    auto judge = std::make_shared<ProbeJudge>(wanted, options, state, malformed, likeness);
    MOIRE_TRY(judge->Open(open));
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
