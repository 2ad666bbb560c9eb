#include "tests/bank/rates.h"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <cstdlib>

#include "harness/backends/bench_bare.h"
#include "harness/backends/testing/sample_cases.h"
#include "harness/case/onnx_adapter.h"
#include "harness/execute/wire.h"
#include "synth/judge.h"
#include "synth/reduce.h"
#include "synth/symptom_check.h"

namespace moire::bank {
namespace {

double CpuOf(int who) {
  rusage usage{};
  getrusage(who, &usage);
  return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         1e-6 * static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

// Adds the time until its end.
class Timer {
 public:
  explicit Timer(LoopTime& sum) : sum_(sum) {}
  ~Timer() {
    sum_.wall += std::chrono::duration<double>(std::chrono::steady_clock::now() - wall_).count();
    sum_.cpu += CpuOf(RUSAGE_SELF) + CpuOf(RUSAGE_CHILDREN) - cpu_;
  }
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

 private:
  LoopTime& sum_;
  double cpu_ = CpuOf(RUSAGE_SELF) + CpuOf(RUSAGE_CHILDREN);
  std::chrono::steady_clock::time_point wall_ = std::chrono::steady_clock::now();
};

int64_t NodesOf(const Case& test_case) {
  const Result<Model> model = ParseModel(test_case.model);
  return model ? CountNodes(model->graph) : 0;
}

// A real runtime that does wrong.
class Faulty : public Configuration {
 public:
  Faulty(std::unique_ptr<Configuration> runtime, bool crash)
      : runtime_(std::move(runtime)), crash_(crash) {}
  const std::string& name() const override { return runtime_->name(); }
  Observation Run(const Case& test_case) override {
    Observation seen = runtime_->Run(test_case);
    if (seen.outcome != Outcome::kOutputs) return seen;
    if (crash_) std::abort();
    for (NamedTensor& output : seen.outputs) {
      for (int64_t i = 0; IsFloat(output.tensor.type) && i < output.tensor.size(); ++i) {
        const double right = GetFloat(output.tensor, i);
        SetFloat(output.tensor, i, std::isfinite(right) ? 2 * right + 1 : 1);
      }
    }
    return seen;
  }

 private:
  std::unique_ptr<Configuration> runtime_;
  bool crash_;
};

class Measurement {
 public:
  explicit Measurement(const RateOptions& options) : options_(options) {}

  Result<RateReport> Run() {
    const std::string spec =
        fmt::format("ort{}:level=all", options_.release.empty() ? "" : "@" + options_.release);
    for (int seed = 1; seed <= options_.cases; ++seed) {
      MOIRE_ASSIGN(auto opened, OpenConfigurations(spec));
      Configurations faulty;
      faulty.push_back(std::make_unique<Faulty>(std::move(opened.front()), options_.crash));
      MOIRE_TRY(Reduction(static_cast<uint64_t>(seed), std::move(faulty)));
    }
    if (report_.compared == 0) return Fail(ErrorCode::kInternal, "no candidate to compare with");
    report_.mean_nodes /= static_cast<double>(report_.checks);
    return report_;
  }

 private:
  Status Reduction(uint64_t seed, Configurations faulty) {
    const Case original = testing::ChainCase(seed, options_.nodes);
    Verdict wanted;
    if (options_.crash) {
      wanted.kind = VerdictKind::kCrash;
      wanted.configuration = faulty.front()->name();
      wanted.error_class = "SIGABRT";
    } else {
      const std::vector<Verdict> verdicts = Execute(original, faulty).verdicts;
      const Verdict* worst = WorstBug(verdicts);
      if (worst == nullptr) return {};  // nothing that the reference can judge
      wanted = *worst;
    }
    SymptomCheck check(std::move(faulty), wanted, {}, nullptr);
    check.set_any_place(true);
    std::vector<Case> candidates;
    const Interesting interesting = [&](const Case& candidate) {
      candidates.push_back(candidate);
      return check.Shows(candidate);
    };
    ReduceOptions reduce;
    reduce.max_checks = 1'000'000;
    reduce.max_seconds = 60;
    reduce.only = {"constants",  "shapes", "ranks",  "types", "options",
                   "attributes", "opset",  "values", "names"};
    LoopTime time;
    {
      const Timer timer(time);
      if (!Reduce(original, interesting, reduce)) return {};  // does not fail: as above
    }
    report_.ours.cpu += time.cpu;
    report_.ours.wall += time.wall;
    report_.checks += std::ssize(candidates);
    for (const Case& candidate : candidates) {
      report_.mean_nodes += static_cast<double>(NodesOf(candidate));
      MOIRE_TRY(Bare(candidate));
    }
    return {};
  }

  Status Bare(const Case& candidate) {
    Result<BareLoop> bare =
        BareLoop::Prepare(options_.release, options_.crash ? "level=all" : "level=none+all",
                          std::span(&candidate, 1));
    if (!bare) return {};  // the runtime does not take it
    LoopTime time;
    bool ran = true;
    {
      const Timer timer(time);
      if (!options_.crash) {
        ran = bare->Run(0).failed == 0;
      } else {
        const pid_t child = fork();
        if (child < 0) return Fail(ErrorCode::kEnvironment, "cannot fork");
        if (child == 0) _exit(bare->Run(0).failed > 0 ? 1 : 0);
        int status = 0;
        waitpid(child, &status, 0);
        ran = status == 0;
      }
    }
    if (!ran) return {};
    report_.bare.cpu += time.cpu;
    report_.bare.wall += time.wall;
    ++report_.compared;
    return {};
  }

  const RateOptions& options_;
  RateReport report_;
};

}  // namespace

Result<RateReport> MeasureRate(const RateOptions& options) {
  ChildLimits limits{.cpu_seconds = 3600, .wall_seconds = 3600, .idle_seconds = 3600};
  const ChildResult end = RunInChild(
      [&](SharedState&, const std::function<void(std::string_view)>& send) {
        WireWriter record;
        const Result<RateReport> report = Measurement(options).Run();
        record.Put(std::string_view(report ? "" : report.error().message));
        const RateReport figures = report ? *report : RateReport{};
        record.Put(figures.checks);
        record.Put(figures.compared);
        for (const LoopTime& time : {figures.ours, figures.bare}) {
          record.Put(time.cpu);
          record.Put(time.wall);
        }
        record.Put(figures.mean_nodes);
        send(record.bytes());
        return 0;
      },
      limits);
  WireReader record(end.output);
  const std::string error = record.GetString();
  RateReport report;
  report.checks = record.Get<int64_t>();
  report.compared = record.Get<int64_t>();
  for (LoopTime* time : {&report.ours, &report.bare}) {
    time->cpu = record.Get<double>();
    time->wall = record.Get<double>();
  }
  report.mean_nodes = record.Get<double>();
  if (!record.ok()) return Fail(ErrorCode::kInternal, "the measurement did not come to an end");
  if (!error.empty()) return Fail(ErrorCode::kInternal, "{}", error);
  return report;
}

}  // namespace moire::bank
