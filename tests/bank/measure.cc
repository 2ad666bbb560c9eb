// How reduction does on one graph of the bank, beside the two baselines.
#include <chrono>

#include "harness/case/onnx_adapter.h"
#include "synth/minimality.h"
#include "synth/repeats.h"
#include "synth/symptom_check.h"
#include "synth/unfinished.h"
#include "tests/bank/graphs.h"

namespace moire::bank {
namespace {

int64_t NodesOf(const Case& test_case) {
  const Result<Model> model = ParseModel(test_case.model);
  return model ? CountNodes(model->graph) : 0;
}

Reduction Measure(const Case& test_case, const Interesting& interesting,
                  const ReduceOptions& options, Case* reduced = nullptr) {
  Reduction done;
  const auto start = std::chrono::steady_clock::now();
  const Interesting counted = [&](const Case& candidate) {
    ++done.checks;
    const bool fails = interesting(candidate);
    if (fails) done.history.emplace_back(done.checks, NodesOf(candidate));
    return fails;
  };
  const Result<ReduceResult> result = Reduce(test_case, counted, options);
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
  done.seconds = elapsed.count();
  if (!result) return done;
  if (reduced != nullptr) *reduced = result->reduced;
  done.nodes = result->nodes_after;
  done.bytes = static_cast<int64_t>(result->bytes_after);
  done.minimal = result->minimal;
  return done;
}

}  // namespace

int Reduction::ChecksTo(int64_t wanted) const {
  for (const auto& [checks_so_far, kept] : history) {
    if (kept <= wanted) return checks_so_far;
  }
  return -1;
}

GraphReport MeasureGraph(const FailingGraph& graph, const MeasureOptions& measure) {
  constexpr int kLevel = 3;
  GraphReport report;
  report.name = graph.name;
  report.kind = graph.kind;
  report.nodes = NodesOf(graph.test_case);
  report.bytes = static_cast<int64_t>(SerializeCase(graph.test_case).size());
  report.smallest = graph.smallest;
  ChildOptions child;
  const OpenAll open = [&graph]() -> Result<Configurations> {
    return OpenPlantedAt(graph.plant, kLevel);
  };
  Verdict wanted;
  if (graph.plant.effect == Effect::kWrong) {
    // A flaky one shows itself in one of a few runs.
    Configurations one = OpenPlantedAt(graph.plant, kLevel);
    for (int again = 0; again < 40 && !IsBug(wanted.kind); ++again) {
      const Execution execution = Execute(graph.test_case, one);
      if (!execution.verdicts.empty()) wanted = execution.verdicts.front();
    }
  } else if (const auto run = ExecuteInChild(graph.test_case, open, child)) {
    if (!run->execution.verdicts.empty()) wanted = run->execution.verdicts.front();
  }
  if (!IsBug(wanted.kind)) {
    report.error = "does not fail";
    return report;
  }
  SymptomCheck check(OpenPlantedAt(graph.plant, kLevel), wanted, child, nullptr);
  const Interesting once = [&](const Case& candidate) { return check.Shows(candidate); };
  const FailureRate rate = EstimateRate([&] { return once(graph.test_case); });
  const Interesting interesting = Repeated(once, RepeatsFor(rate));
  ReduceOptions options;
  options.max_checks = 1'000'000;
  options.max_seconds = measure.seconds;
  options.jobs = measure.jobs;
  options.search = ParseSearchOrder(ReduceRequest{}.search).value();  // as `moire reduce` does it
  Case reduced;
  report.ours = Measure(graph.test_case, interesting, options, &reduced);
  const MinimalityReport minimality = CheckMinimal(reduced, graph.test_case, interesting);
  report.verified = minimality.minimal;
  report.still_fails = minimality.still_fails;
  const auto with = [&](SearchOrder order, const std::string& experience) {
    ReduceOptions other = options;
    other.search = order;
    other.experience = experience;
    return Measure(graph.test_case, interesting, other);
  };
  report.chunks = with(SearchOrder::kChunks, {});
  report.cut = with(SearchOrder::kCut, {});
  if (!measure.orders) return report;
  report.fixed = with(SearchOrder::kFixed, {});
  report.learned = with(SearchOrder::kLearned, {});
  report.experienced = with(SearchOrder::kLearned, measure.experience);
  return report;
}

}  // namespace moire::bank
