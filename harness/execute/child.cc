#include "harness/execute/child.h"

#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <utility>

#include "harness/case/onnx_adapter.h"
#include "harness/execute/wire.h"
#include "oracles/growth.h"

namespace moire {
namespace {

constexpr double kMomentSeconds = 1.5;  // CPU time of a configuration after another one hung

enum class Record : char { kError = 'E', kNames = 'N', kObservation = 'O', kDone = 'D' };

double ProcessCpuSeconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

// Resident bytes of this process, now and at the most since the last reset.
struct Resident {
  uint64_t now = 0;
  uint64_t peak = 0;
};
Resident ReadResident() {
  Resident resident;
  std::FILE* file = std::fopen("/proc/self/status", "r");
  if (file == nullptr) return resident;
  char line[256];
  unsigned long long kilobytes = 0;
  while (std::fgets(line, sizeof line, file) != nullptr) {
    if (std::sscanf(line, "VmHWM: %llu", &kilobytes) == 1) resident.peak = kilobytes * 1024;
    if (std::sscanf(line, "VmRSS: %llu", &kilobytes) == 1) resident.now = kilobytes * 1024;
  }
  std::fclose(file);
  return resident;
}
bool ResetPeak() {
  const int fd = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);
  if (fd < 0) return false;
  const bool reset = write(fd, "5", 1) == 1;
  close(fd);
  return reset;
}

// Whether every quarter of the repeats, twice over, has gained memory: what is warmed up stops
// growing. 16 KiB a quarter lies above the noise of the allocator's pages, at 25 runs a quarter.
constexpr int kWarmRepeats = 10;
constexpr int kQuarters = 8;
constexpr uint64_t kLeastGrowth = uint64_t{1} << 14;
constexpr double kQuickSeconds = 0.01;  // slower cases are not repeated

void CheckGrowth(Configuration& configuration, const Case& test_case, Observation& seen) {
  for (int i = 0; i < kWarmRepeats; ++i) configuration.Run(test_case);
  const uint64_t start = ReadResident().now;
  uint64_t before = start;
  for (int quarter = 0; quarter < kQuarters; ++quarter) {
    for (int i = 0; i < kMeasuredRepeats / 4; ++i) configuration.Run(test_case);
    const uint64_t now = ReadResident().now;
    if (now < before + kLeastGrowth) return;
    before = now;
  }
  seen.stage = kGrowthStage;
  seen.peak_bytes = (before - start) / 2;
}

class Measured : public Configuration {
 public:
  Measured(std::unique_ptr<Configuration> inner, bool check_growth)
      : inner_(std::move(inner)), check_growth_(check_growth) {}
  const std::string& name() const override { return inner_->name(); }
  Observation Run(const Case& test_case) override {
    return MeasuredRun(*inner_, test_case, check_growth_);
  }
  std::vector<std::string> AppliedOptimizers() const override {
    return inner_->AppliedOptimizers();
  }
  std::vector<std::string> RunOptimizers() const override { return inner_->RunOptimizers(); }

 private:
  std::unique_ptr<Configuration> inner_;
  bool check_growth_;
};

// Says again what another child has seen.
class Recorded : public Configuration {
 public:
  explicit Recorded(Observation seen) : seen_(std::move(seen)) {}
  const std::string& name() const override { return seen_.configuration; }
  Observation Run(const Case& /*test_case*/) override { return seen_; }

 private:
  Observation seen_;
};

using Send = std::function<void(std::string_view)>;

void SendError(const Error& error, const Send& send) {
  WireWriter record;
  record.Put(Record::kError);
  record.Put(error.code);
  record.Put(std::string_view(error.message));
  send(record.bytes());
}

void SendNames(const Configurations& configurations, const Send& send) {
  WireWriter record;
  record.Put(Record::kNames);
  record.Put(uint64_t{configurations.size()});
  for (const auto& configuration : configurations)
    record.Put(std::string_view(configuration->name()));
  send(record.bytes());
}

void SendExecution(const Execution& execution, bool with_outputs, const Send& send) {
  WireWriter record;
  record.Put(Record::kDone);
  record.Put(execution.model.has_value());
  record.Put(std::string_view(execution.parse_error));
  record.Put(execution.reference.has_value());
  if (execution.reference) {
    record.Put(execution.reference->status);
    record.Put(execution.reference->must_reject);
    record.Put(execution.reference->may_reject);
    record.Put(std::string_view(execution.reference->reason));
    record.Put(execution.reference->spent.steps);
    record.Put(execution.reference->spent.bytes);
  }
  record.Put(uint64_t{execution.observations.size()});
  for (const Observation& seen : execution.observations) record.Put(seen, with_outputs);
  record.Put(uint64_t{execution.verdicts.size()});
  for (const Verdict& verdict : execution.verdicts) record.Put(verdict);
  send(record.bytes());
}

// Everything that a child has sent before its end.
struct Heard {
  std::optional<Error> error;
  std::vector<std::string> names;
  std::optional<Observation> observation;
  std::optional<Execution> execution;
  bool parsed = false;
};

void HearExecution(WireReader& reader, Heard& heard) {
  Execution execution;
  heard.parsed = reader.Get<bool>();
  execution.parse_error = reader.GetString();
  if (reader.Get<bool>()) {
    ReferenceResult reference;
    reference.status = reader.Get<ReferenceStatus>();
    reference.must_reject = reader.Get<bool>();
    reference.may_reject = reader.Get<bool>();
    reference.reason = reader.GetString();
    reference.spent.steps = reader.Get<uint64_t>();
    reference.spent.bytes = reader.Get<uint64_t>();
    execution.reference = std::move(reference);
  }
  const size_t observations = reader.GetCount();
  for (size_t i = 0; i < observations && reader.ok(); ++i) {
    execution.observations.push_back(reader.GetObservation());
  }
  const size_t verdicts = reader.GetCount();
  for (size_t i = 0; i < verdicts && reader.ok(); ++i) {
    execution.verdicts.push_back(reader.GetVerdict());
  }
  if (reader.ok()) heard.execution = std::move(execution);
}

Heard Hear(std::string_view bytes) {
  Heard heard;
  WireReader reader(bytes);
  while (reader.ok() && !reader.done()) {
    switch (reader.Get<Record>()) {
      case Record::kError: {
        const auto code = reader.Get<ErrorCode>();
        heard.error = Error{code, reader.GetString()};
        break;
      }
      case Record::kNames: {
        const size_t count = reader.GetCount();
        for (size_t i = 0; i < count && reader.ok(); ++i) heard.names.push_back(reader.GetString());
        break;
      }
      case Record::kObservation: {
        Observation seen = reader.GetObservation();
        if (reader.ok()) heard.observation = std::move(seen);
        break;
      }
      case Record::kDone:
        HearExecution(reader, heard);
        break;
      default:
        return heard;
    }
  }
  return heard;
}

bool EndedWell(const ChildResult& end) {
  return end.end == ChildEnd::kExited && end.exit_code == 0;
}

std::string DescribeEnd(const ChildResult& end) {
  std::string how;
  switch (end.end) {
    case ChildEnd::kExited:
      how = fmt::format("exit code {}", end.exit_code);
      break;
    case ChildEnd::kSignalled:
      how = fmt::format("signal {}", end.signal);
      break;
    case ChildEnd::kTimedOut:
      how = "no end";
      break;
    case ChildEnd::kCpuTimedOut:
      how = fmt::format("{:.1f} s of CPU time", end.cpu_seconds);
      break;
    case ChildEnd::kOutOfMemory:
      how = "out of memory";
      break;
  }
  for (size_t i = 0; i < end.frames.size() && i < 3; ++i) how += " " + end.frames[i];
  return fmt::format("{} in stage {}", how, Name(end.stage));
}

class Session {
 public:
  Session(const Case& test_case, const OpenAll& open, const ChildOptions& options)
      : case_(test_case), open_(open), options_(options) {}

  Result<ChildExecution> Run() {
    const ChildResult first =
        InChild(options_.limits, [&](Configurations opened, SharedState& state, const Send& send) {
          Configurations measured;
          for (auto& configuration : opened) {
            measured.push_back(
                std::make_unique<Measured>(std::move(configuration), options_.check_growth));
          }
          return ExecuteAndSend(measured, /*run_again=*/true, state, send);
        });
    Heard heard = Hear(first.output);
    if (heard.error) return std::unexpected(*heard.error);
    if (heard.names.empty()) {
      return Fail(ErrorCode::kEnvironment, "the runtime did not open: {}", DescribeEnd(first));
    }
    names_ = heard.names;
    if (heard.execution && EndedWell(first)) return Complete(std::move(heard));
    return RunApart(first);
  }

 private:
  ChildResult InChild(const ChildLimits& limits,
                      const std::function<int(Configurations, SharedState&, const Send&)>& body) {
    return RunInChild(
        [&](SharedState& state, const Send& send) {
          SilenceOutput();
          InstallFatalSignalHandlers(state, options_.runtime_modules);
          Result<Configurations> opened = open_();
          if (!opened) {
            SendError(opened.error(), send);
            return 0;
          }
          SendNames(*opened, send);
          return body(std::move(*opened), state, send);
        },
        limits);
  }

  int ExecuteAndSend(const Configurations& configurations, bool run_again, SharedState& state,
                     const Send& send) {
    SharedStageObserver observer(state);
    ExecuteOptions execute;
    execute.budget = options_.budget;
    execute.observer = &observer;
    execute.run_again = run_again;
    SendExecution(Execute(case_, configurations, execute), options_.keep_outputs, send);
    return 0;
  }

  ChildExecution Complete(Heard heard) {
    ChildExecution result;
    result.execution = std::move(*heard.execution);
    result.configurations = names_;
    result.parsed = heard.parsed;
    return result;
  }

  // One configuration in a child of its own. The stage stays the configuration's to the end: what
  // dies on the way out died of it too.
  Observation RunOne(size_t index, const ChildLimits& limits) {
    const ChildResult end =
        InChild(limits, [&](Configurations opened, SharedState& state, const Send& send) {
          SharedStageObserver(state).Enter(Stage::kConfiguration, static_cast<int>(index));
          Measured measured(std::move(opened.at(index)), options_.check_growth);
          Observation seen = measured.Run(case_);
          seen.configuration = measured.name();
          opened.clear();
          WireWriter record;
          record.Put(Record::kObservation);
          record.Put(seen, true);
          send(record.bytes());
          return 0;
        });
    Heard heard = Hear(end.output);
    if (heard.observation && EndedWell(end)) return std::move(*heard.observation);
    return ObservationOfEnd(end, names_[index]);
  }

  ChildExecution RunApart(const ChildResult& first) {
    ChildLimits limits = options_.limits;
    if (first.reference_seconds > 0) {
      limits.cpu_seconds = std::max(
          limits.cpu_seconds, std::min(60.0, limits.reference_ratio * first.reference_seconds));
    }
    const bool in_configuration = first.stage == Stage::kConfiguration &&
                                  first.configuration >= 0 &&
                                  first.configuration < static_cast<int>(names_.size());
    const auto blamed = static_cast<size_t>(in_configuration ? first.configuration : 0);
    const bool slow_end = first.end != ChildEnd::kSignalled && first.end != ChildEnd::kExited;
    // One proven hang is enough: the others get a moment, and are over budget after it.
    if (slow_end) limits.cpu_seconds = std::min(limits.cpu_seconds, kMomentSeconds);
    std::vector<Observation> seen;
    for (size_t i = 0; i < names_.size(); ++i) {
      // What has timed out once is not waited for again.
      seen.push_back(in_configuration && slow_end && i == blamed
                         ? ObservationOfEnd(first, names_[i])
                         : RunOne(i, limits));
    }
    const bool died_apart = std::ranges::any_of(
        seen, [](const Observation& o) { return o.outcome == Outcome::kCrashed; });
    if (in_configuration && !slow_end && !died_apart) {
      seen[blamed] = ObservationOfEnd(first, names_[blamed]);
      seen[blamed].reason = "only after other configurations had run in the same process";
    }
    return Judge(std::move(seen));
  }

  ChildExecution Judge(std::vector<Observation> seen) {
    const ChildResult end = RunInChild(
        [&](SharedState& state, const Send& send) {
          SilenceOutput();
          InstallFatalSignalHandlers(state, options_.runtime_modules);
          Configurations recorded;
          for (const Observation& observation : seen) {
            recorded.push_back(std::make_unique<Recorded>(observation));
          }
          // Once before it counts: a fresh process is slow, and hangs are judged against this time.
          SharedStageObserver(state).Enter(Stage::kReference, -1);
          if (const Result<Model> model = ParseModel(case_.model)) {
            Evaluate(*model, case_.inputs, {.budget = options_.budget, .on_node = {}});
          }
          return ExecuteAndSend(recorded, /*run_again=*/false, state, send);
        },
        options_.limits);
    Heard heard = Hear(end.output);
    if (heard.execution && EndedWell(end)) return Complete(std::move(heard));

    // Our own code or the ONNX library fails on this case. A crash of the runtime is one all the
    // same.
    ChildExecution result;
    result.configurations = names_;
    result.ours = DescribeEnd(end);
    result.execution.observations = std::move(seen);
    result.execution.verdicts = JudgeAll(
        {.test_case = case_, .observations = result.execution.observations, .checker = {}});
    for (const std::string& name : names_) {
      result.execution.verdicts.push_back(
          {.kind = VerdictKind::kOracleError,
           .oracle = "execute",
           .configuration = name,
           .against = {},
           .reason = "Moire or the ONNX library failed: " + result.ours,
           .error_class = {},
           .expected = {},
           .actual = {}});
    }
    if (!options_.keep_outputs) {
      for (Observation& observation : result.execution.observations) observation.outputs.clear();
    }
    return result;
  }

  const Case& case_;
  const OpenAll& open_;
  const ChildOptions& options_;
  std::vector<std::string> names_;
};

}  // namespace

Observation ObservationOfEnd(const ChildResult& end, std::string configuration) {
  Observation seen;
  seen.configuration = std::move(configuration);
  seen.cpu_seconds = end.cpu_seconds;
  seen.peak_bytes = end.peak_bytes;
  switch (end.end) {
    case ChildEnd::kSignalled:
      // Nobody in the child raises SIGKILL: it is the kernel, out of memory.
      seen.outcome = end.signal == SIGKILL ? Outcome::kOutOfMemory : Outcome::kCrashed;
      seen.signal = end.signal;
      seen.frames = end.frames;
      break;
    case ChildEnd::kExited:
      seen.outcome = Outcome::kCrashed;
      seen.reason = fmt::format("ended the process with exit code {}", end.exit_code);
      break;
    case ChildEnd::kTimedOut:
    case ChildEnd::kCpuTimedOut:
      seen.outcome = Outcome::kTimedOut;
      if (end.idle) seen.stage = kIdleStage;
      break;
    case ChildEnd::kOutOfMemory:
      seen.outcome = Outcome::kOutOfMemory;
      break;
  }
  return seen;
}

Observation MeasuredRun(Configuration& configuration, const Case& test_case, bool check_growth) {
  const bool reset = ResetPeak();
  const uint64_t before = ReadResident().now;
  const double start = ProcessCpuSeconds();
  Observation seen = configuration.Run(test_case);
  seen.cpu_seconds = ProcessCpuSeconds() - start;
  const uint64_t peak = ReadResident().peak;
  seen.peak_bytes = reset && peak > before ? peak - before : 0;
  if (check_growth && seen.outcome == Outcome::kOutputs && seen.cpu_seconds < kQuickSeconds) {
    CheckGrowth(configuration, test_case, seen);
  }
  return seen;
}

void SilenceOutput() {
  const int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
  if (null < 0) return;
  dup2(null, STDOUT_FILENO);
  dup2(null, STDERR_FILENO);
}

OpenAll OpenSpecs(std::vector<std::string> specs) {
  return [specs = std::move(specs)]() -> Result<Configurations> {
    Configurations all;
    for (const std::string& spec : specs) {
      MOIRE_ASSIGN(Configurations some, OpenConfigurations(spec));
      std::ranges::move(some, std::back_inserter(all));
    }
    return all;
  };
}

Result<ChildExecution> ExecuteInChild(const Case& test_case, const OpenAll& open,
                                      const ChildOptions& options) {
  return Session(test_case, open, options).Run();
}

}  // namespace moire
