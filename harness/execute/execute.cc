// The pipeline that every user of Moire's judgement shares. Depends on nothing above the oracles.
#include "harness/execute/execute.h"

#include <time.h>

#include <algorithm>
#include <array>

#include "harness/case/onnx_adapter.h"

namespace moire {
namespace {

constexpr std::array<std::string_view, 8> kStageNames = {
    "idle", "generate", "parse", "check", "infer", "reference", "configuration", "judge"};

double ThreadCpuSeconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

void Enter(const ExecuteOptions& options, Stage stage, int configuration = -1) {
  if (options.observer != nullptr) options.observer->Enter(stage, configuration);
}

bool HasUnspecified(std::span<const RangeTensor> values) {
  return std::ranges::any_of(values, [](const RangeTensor& value) {
    return value.opaque == Opaque::kUnspecified ||
           std::ranges::any_of(value.marks,
                               [](uint8_t mark) { return (mark & kUnspecified) != 0; });
  });
}

// What the checker is asked about. It insists that graph inputs and outputs declare a shape, which
// ONNX leaves optional: where one is missing, the shape that was given or came out stands in.
std::string ModelToCheck(const Case& test_case, const Execution& execution) {
  if (!execution.model) return test_case.model;
  const Graph& graph = execution.model->graph;
  const auto lacks = [](const ValueInfo& v) { return !v.type.dims && v.type.opaque.empty(); };
  if (std::ranges::none_of(graph.inputs, lacks) && std::ranges::none_of(graph.outputs, lacks)) {
    return test_case.model;
  }
  Model model = *execution.model;
  for (ValueInfo& input : model.graph.inputs) {
    for (const NamedTensor& given : test_case.inputs) {
      if (lacks(input) && given.name == input.name) {
        input.type = TensorType(given.tensor.type, given.tensor.shape);
      }
    }
  }
  for (size_t i = 0; i < model.graph.outputs.size(); ++i) {
    ValueInfo& output = model.graph.outputs[i];
    if (!lacks(output)) continue;
    if (execution.reference && i < execution.reference->outputs.size() &&
        execution.reference->outputs[i].opaque == Opaque::kNo) {
      output.type = TensorType(output.type.type, execution.reference->outputs[i].shape);
    }
    for (const Observation& seen : execution.observations) {
      if (lacks(output) && i < seen.outputs.size()) {
        output.type = TensorType(output.type.type, seen.outputs[i].tensor.shape);
      }
    }
  }
  return SerializeModel(model);
}

// How the class of an error ends that a run has behind another in one session and not by itself.
constexpr std::string_view kOnlyLater = ", only after another run";

// Judges one of the further runs of a case as a case of its own. Where its inputs fail in a session
// of their own as well, it is no matter of what the session kept.
void JudgeRun(const Case& test_case, size_t run,
              std::span<const std::unique_ptr<Configuration>> configurations,
              const ExecuteOptions& options, Execution& execution) {
  std::vector<Observation> seen;
  std::vector<size_t> indices;
  for (size_t i = 0; i < execution.observations.size(); ++i) {
    const std::vector<Observation>& later = execution.observations[i].later;
    if (later.size() < run) continue;
    seen.push_back(later[run - 1]);
    seen.back().configuration = execution.observations[i].configuration;
    indices.push_back(i);
  }
  if (seen.empty()) return;
  const Case alone = CaseOfRun(test_case, run);
  ExecuteOptions reference_options = options;
  reference_options.on_node = nullptr;
  const Evaluated evaluated = EvaluateCase(*execution.model, alone.inputs, reference_options);
  Enter(options, Stage::kJudge);
  const auto judge = [&](std::span<const Observation> observations) {
    return JudgeAll({.test_case = alone,
                     .model = &*execution.model,
                     .reference = &evaluated.result,
                     .observations = observations,
                     .checker = [&] { return CheckModel(alone.model, true); },
                     .reference_cpu_seconds = evaluated.cpu_seconds,
                     .unspecified_inside = evaluated.unspecified_inside});
  };
  std::vector<Verdict> verdicts = judge(seen);
  const bool bug = std::ranges::any_of(verdicts, [](const Verdict& v) { return IsBug(v.kind); });
  std::vector<Verdict> of_itself;
  if (bug && options.run_again) {
    for (size_t i = 0; i < seen.size(); ++i) {
      Enter(options, Stage::kConfiguration, static_cast<int>(indices[i]));
      Observation fresh = configurations[indices[i]]->Run(alone);
      fresh.configuration = seen[i].configuration;
      seen[i] = std::move(fresh);
    }
    Enter(options, Stage::kJudge);
    of_itself = judge(seen);
  }
  for (Verdict& verdict : verdicts) {
    verdict.run = static_cast<int>(run);
    if (!IsBug(verdict.kind)) continue;
    verdict.reason = fmt::format("run {}: {}", run + 1, verdict.reason);
    const bool same = std::ranges::any_of(of_itself, [&](const Verdict& v) {
      return v.kind == verdict.kind && v.configuration == verdict.configuration &&
             v.error_class == verdict.error_class;
    });
    if (options.run_again && !same) verdict.error_class += kOnlyLater;
    execution.verdicts.push_back(std::move(verdict));
  }
}

// Runs and judges a case whose model has been parsed (or could not be).
Execution RunStages(const Case& test_case, Execution execution,
                    std::span<const std::unique_ptr<Configuration>> configurations,
                    const ExecuteOptions& options) {
  Evaluated evaluated;
  if (execution.model && options.run_reference) {
    evaluated = options.evaluated != nullptr
                    ? std::move(*options.evaluated)
                    : EvaluateCase(*execution.model, test_case.inputs, options);
    execution.reference = std::move(evaluated.result);
    if (options.observer != nullptr) {
      options.observer->ReferenceDone(*execution.reference, evaluated.cpu_seconds);
    }
  }
  execution.observations.reserve(configurations.size());
  for (size_t i = 0; i < configurations.size(); ++i) {
    const int index = static_cast<int>(i);
    if (options.instead && execution.model) {
      if (auto known = options.instead(index, *execution.model)) {
        known->configuration = configurations[i]->name();
        execution.observations.push_back(std::move(*known));
        continue;
      }
    }
    Enter(options, Stage::kConfiguration, index);
    Observation seen = configurations[i]->Run(test_case);
    seen.configuration = configurations[i]->name();
    execution.observations.push_back(std::move(seen));
  }
  Enter(options, Stage::kJudge);
  Evidence evidence{.test_case = test_case,
                    .model = execution.model ? &*execution.model : nullptr,
                    .reference = execution.reference ? &*execution.reference : nullptr,
                    .observations = execution.observations,
                    .checker =
                        [&] {
                          Enter(options, Stage::kCheck);
                          const Status status =
                              CheckModel(ModelToCheck(test_case, execution), true);
                          Enter(options, Stage::kJudge);
                          return status;
                        },
                    .again = nullptr,
                    .reference_cpu_seconds = evaluated.cpu_seconds,
                    .unspecified_inside = evaluated.unspecified_inside};
  if (options.run_again) {
    evidence.again = [&](size_t index, const Case& other) {
      Enter(options, Stage::kConfiguration, static_cast<int>(index));
      Observation seen = configurations[index]->Run(other);
      Enter(options, Stage::kJudge);
      return seen;
    };
  }
  execution.verdicts = JudgeAll(evidence);
  if (execution.model && options.run_reference) {
    for (size_t run = 1; run <= test_case.options.more_runs.size(); ++run) {
      JudgeRun(test_case, run, configurations, options, execution);
    }
  }
  Enter(options, Stage::kIdle);
  return execution;
}

}  // namespace

std::string_view Name(Stage stage) {
  const auto index = static_cast<size_t>(stage);
  return index < kStageNames.size() ? kStageNames[index] : "unknown";
}

Evaluated EvaluateCase(const Model& model, std::span<const NamedTensor> inputs,
                       const ExecuteOptions& options) {
  Enter(options, Stage::kReference);
  Evaluated out;
  ReferenceOptions reference_options{.budget = options.budget, .on_node = {}};
  reference_options.on_node = [&](const Node& node, std::span<const RangeTensor> values) {
    out.unspecified_inside = out.unspecified_inside || HasUnspecified(values);
    if (options.on_node) options.on_node(node, values);
  };
  const double start = ThreadCpuSeconds();
  out.result = Evaluate(model, inputs, reference_options);
  out.cpu_seconds = ThreadCpuSeconds() - start;
  return out;
}

Execution Execute(const Case& test_case,
                  std::span<const std::unique_ptr<Configuration>> configurations,
                  const ExecuteOptions& options) {
  Enter(options, Stage::kParse);
  Execution execution;
  Result<Model> model = ParseModel(test_case.model);
  if (model) {
    execution.model = std::move(*model);
  } else {
    execution.parse_error = model.error().message;
  }
  return RunStages(test_case, std::move(execution), configurations, options);
}

Execution Execute(const Case& test_case, Model model,
                  std::span<const std::unique_ptr<Configuration>> configurations,
                  const ExecuteOptions& options) {
  Execution execution;
  execution.model = std::move(model);
  return RunStages(test_case, std::move(execution), configurations, options);
}

}  // namespace moire
