#include "synth/symptom_check.h"

#include <algorithm>

#include "harness/execute/wire.h"
#include "oracles/configuration_name.h"

namespace moire {
namespace {

// A hang is held by less than what proves it: the finding itself is judged in full before and
// after.
constexpr double kHangSeconds = 0.5;      // of CPU time
constexpr double kHangIdleSeconds = 3.0;  // without any

// The class of a crash begins with the signal; the frames follow. Without a class any signal is
// wanted.
bool SameSignal(const Verdict& wanted, const Verdict& seen) {
  if (wanted.kind != seen.kind) return false;
  return wanted.error_class.empty() || wanted.error_class.substr(0, wanted.error_class.find(' ')) ==
                                           seen.error_class.substr(0, seen.error_class.find(' '));
}

}  // namespace

bool IsDeath(VerdictKind kind) {
  return kind == VerdictKind::kCrash || kind == VerdictKind::kHang || kind == VerdictKind::kMemory;
}

bool SameSymptom(const Verdict& wanted, const Verdict& seen) {
  return wanted.kind == seen.kind && wanted.error_class == seen.error_class &&
         ConfigurationClass(wanted.configuration) == ConfigurationClass(seen.configuration) &&
         ConfigurationClass(wanted.against) == ConfigurationClass(seen.against);
}

const Verdict* FindSymptom(const Verdict& wanted, const std::vector<Verdict>& verdicts) {
  const auto found =
      std::ranges::find_if(verdicts, [&](const Verdict& v) { return SameSymptom(wanted, v); });
  return found == verdicts.end() ? nullptr : &*found;
}

SymptomCheck::SymptomCheck(Configurations opened, const Verdict& wanted,
                           const ChildOptions& options, StageObserver* observer)
    : wanted_(wanted), options_(options), observer_(observer) {
  for (auto& configuration : opened) {
    // The other side first: a death of it would be another finding.
    if (configuration->name() == wanted.against) {
      configurations_.insert(configurations_.begin(), std::move(configuration));
    } else if (configuration->name() == wanted.configuration) {
      configurations_.push_back(std::move(configuration));
    }
  }
}

Configuration* SymptomCheck::blamed() {
  const auto found = std::ranges::find_if(
      configurations_, [&](const auto& c) { return c->name() == wanted_.configuration; });
  return found == configurations_.end() ? nullptr : found->get();
}

std::optional<Verdict> SymptomCheck::Find(const Case& test_case) {
  if (IsDeath(wanted_.kind)) return FindDeath(test_case);
  const std::vector<Verdict> verdicts = Judge(test_case);
  const Verdict* found = FindSymptom(wanted_, verdicts);
  return found == nullptr ? std::nullopt : std::optional(*found);
}

std::vector<Verdict> SymptomCheck::Judge(const Case& test_case) {
  ExecuteOptions execute;
  execute.budget = options_.budget;
  execute.observer = observer_;
  return std::move(Execute(test_case, configurations_, execute).verdicts);
}

std::optional<Verdict> SymptomCheck::FindDeath(const Case& test_case) {
  Configuration* configuration = blamed();
  if (configuration == nullptr) return std::nullopt;
  ChildLimits limits = options_.limits;
  const bool hang = wanted_.kind == VerdictKind::kHang;
  if (hang) {
    limits.cpu_seconds = kHangSeconds;
    limits.reference_ratio = 0;
    limits.idle_seconds = kHangIdleSeconds;
  }
  // The reference's side of the judgement first, in this process. A crash is one whatever it says.
  ExecuteOptions execute;
  execute.budget = options_.budget;
  execute.observer = observer_;
  const Execution known =
      wanted_.kind == VerdictKind::kCrash ? Execution() : Execute(test_case, {}, execute);
  const ChildResult end = RunInChild(
      [&](SharedState& state, const std::function<void(std::string_view)>& send) {
        InstallFatalSignalHandlers(state, options_.runtime_modules);
        SharedStageObserver(state).Enter(Stage::kConfiguration, 0);
        const bool growth = wanted_.kind == VerdictKind::kMemory && options_.check_growth;
        Observation seen = MeasuredRun(*configuration, test_case, growth);
        seen.configuration = configuration->name();
        WireWriter record;
        record.Put(seen, false);
        send(record.bytes());
        return 0;
      },
      limits);
  Observation seen;
  if (end.end == ChildEnd::kExited && end.exit_code == 0) {
    // It came to an end: only what it took can be wrong.
    WireReader record(end.output);
    seen = record.GetObservation();
    if (!record.ok() || wanted_.kind != VerdictKind::kMemory) return std::nullopt;
  } else {
    seen = ObservationOfEnd(end, configuration->name());
  }
  if (seen.outcome == Outcome::kTimedOut && hang) {
    // Only where the reference was done at once can that stand for a hang.
    const bool done = known.reference && known.reference->status != ReferenceStatus::kOverBudget;
    if (!done) return std::nullopt;
    Verdict verdict = wanted_;
    return verdict;
  }
  const Evidence evidence{.test_case = test_case,
                          .model = known.model ? &*known.model : nullptr,
                          .reference = known.reference ? &*known.reference : nullptr,
                          .observations = std::span(&seen, 1),
                          .checker = {}};
  const std::vector<Verdict> verdicts = JudgeAll(evidence);
  const auto found = std::ranges::find_if(verdicts, [&](const Verdict& v) {
    return any_place_ ? SameSignal(wanted_, v) : SameSymptom(wanted_, v);
  });
  return found == verdicts.end() ? std::nullopt : std::optional(*found);
}

}  // namespace moire
