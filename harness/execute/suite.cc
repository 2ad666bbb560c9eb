#include "harness/execute/suite.h"

#include <algorithm>
#include <filesystem>
#include <sstream>

#include "harness/case/onnx_adapter.h"
#include "harness/execute/serial.h"

namespace moire {
namespace {

// Compares one output of a backend with what the case expects. `range` is null where the reference
// does not know the output.
std::string Compare(const Tensor& actual, const Tensor& expected, const RangeTensor* range,
                    CaseReport& report) {
  if (actual.type != expected.type) {
    return fmt::format("is {}, expected {}", Name(actual.type), Name(expected.type));
  }
  if (actual.shape != expected.shape) {
    return fmt::format("has shape {}, expected {}", ToString(actual.shape),
                       ToString(expected.shape));
  }
  int64_t wrong = 0, legal = 0, first = -1;
  for (int64_t i = 0; i < expected.size(); ++i) {
    ++report.elements;
    if (range != nullptr && range->MarkAt(static_cast<size_t>(i)) != kDecided) continue;
    ++report.decided;
    bool same = false;
    if (IsFloat(expected.type)) {
      same = WithinTolerance(GetFloat(actual, i), GetFloat(expected, i));
    } else if (IsExact(expected.type)) {
      same = GetInt(actual, i) == GetInt(expected, i);
    } else {
      same = ElementToString(actual, i) == ElementToString(expected, i);
    }
    if (same) continue;
    ++wrong;
    if (first < 0) first = i;
    legal += range != nullptr && Legal(*range, actual, i);
  }
  if (wrong == 0) return {};
  const char* const verdict = range == nullptr ? "the reference does not know it"
                              : legal == wrong
                                  ? "legal by the reference: the tolerance is too tight"
                                  : "wrong by the reference too";
  return fmt::format("element {} is {}, expected {} ({} elements in all); {}", first,
                     ElementToString(actual, first), ElementToString(expected, first), wrong,
                     verdict);
}

bool IsDense(const OnnxValue& value) { return value.kind == OnnxKind::kTensor; }

// What the reference knows of a dense output of the right type and shape.
const RangeTensor* Known(const ReferenceResult& result, size_t output, const Tensor& expected) {
  if (result.status != ReferenceStatus::kEvaluated) return nullptr;
  const RangeTensor& range = result.outputs[output];
  const bool fits =
      range.opaque == Opaque::kNo && range.type == expected.type && range.shape == expected.shape;
  return fits ? &range : nullptr;
}

void RunData(Configuration& configuration, const Model& model, const std::string& bytes,
             const DataSet& data, const ConformanceOptions& options, CaseReport& report) {
  if (!data.values.empty() ||
      !std::ranges::all_of(data.expected, [](const auto& one) { return IsDense(one.second); })) {
    return Worsen(report, CaseOutcome::kNotImplemented, "values that are no dense tensors");
  }
  Case test_case;
  test_case.model = bytes;
  test_case.inputs = data.inputs;
  const Observation seen = configuration.Run(test_case);
  if (seen.outcome != Outcome::kOutputs) {
    const bool open = seen.outcome == Outcome::kUnsupported;
    return Worsen(
        report, open ? CaseOutcome::kNotImplemented : CaseOutcome::kFailed,
        OneLine(fmt::format("{} at {}: {}", Name(seen.outcome), seen.stage, seen.reason)));
  }
  const ReferenceResult reference = Evaluate(model, data.inputs, options.reference);
  for (const auto& [index, expected] : data.expected) {
    const std::string& name = model.graph.outputs[index].name;
    if (index >= seen.outputs.size()) {
      Worsen(report, CaseOutcome::kFailed, fmt::format("no output '{}'", name));
      continue;
    }
    const std::string wrong = Compare(seen.outputs[index].tensor, expected.tensor,
                                      Known(reference, index, expected.tensor), report);
    if (!wrong.empty()) {
      Worsen(report, CaseOutcome::kFailed, OneLine(fmt::format("output '{}' {}", name, wrong)));
    }
  }
}

CaseReport RunCase(const std::string& directory, Configurations& configurations,
                   const ConformanceOptions& options, StageObserver& observer) {
  CaseReport report;
  report.outcome = CaseOutcome::kPassed;
  const Result<std::string> bytes = ReadFile(directory + "/model.onnx");
  const Result<Model> model =
      bytes ? ParseModel(*bytes) : Result<Model>(std::unexpected(bytes.error()));
  if (!model) {
    Worsen(report, CaseOutcome::kFailed, OneLine(model.error().message));
    return report;
  }
  for (const std::string& path : FindDataSets(directory)) {
    const Result<DataSet> data = ReadDataSet(path, model->graph);
    if (!data) {
      Worsen(report, CaseOutcome::kNotImplemented, OneLine(data.error().message));
      continue;
    }
    for (size_t i = 0; i < configurations.size(); ++i) {
      observer.Enter(Stage::kConfiguration, static_cast<int>(i));
      RunData(*configurations[i], *model, *bytes, *data, options, report);
    }
  }
  if (report.outcome == CaseOutcome::kPassed && report.decided == 0 && report.elements > 0) {
    Worsen(report, CaseOutcome::kUndetermined, "no element is decided");
  }
  return report;
}

std::string NameOf(const std::string& path) {
  return std::filesystem::path(path).filename().string();
}

// A report as text fields, and back.
std::string ToLine(const CaseReport& report) {
  return fmt::format("{} {} {} {}", static_cast<int>(report.outcome), report.elements,
                     report.decided, report.reason);
}

CaseReport FromLine(const std::string& line) {
  CaseReport out;
  std::istringstream fields(line);
  int outcome = 0;
  fields >> outcome >> out.elements >> out.decided >> std::ws;
  out.outcome = static_cast<CaseOutcome>(outcome);
  std::getline(fields, out.reason);
  return out;
}

}  // namespace

Result<ConformanceReport> RunSuite(const std::string& directory, const OpenAll& open,
                                   const ConformanceOptions& options) {
  MOIRE_ASSIGN(const std::vector<std::string> paths, FindCases(directory, options.filter));
  ConformanceReport report;
  const ChildLimits limits = {.cpu_seconds = 30, .wall_seconds = 3600};
  const auto job = [&](size_t i, Configurations& configurations, StageObserver& observer) {
    return ToLine(RunCase(paths[i], configurations, options, observer));
  };
  const auto take = [&](size_t i, const Result<std::string>& line) {
    CaseReport one;
    if (line) {
      one = FromLine(*line);
    } else {
      one.reason = line.error().message;
    }
    one.name = NameOf(paths[i]);
    Count(report, std::move(one));
  };
  MOIRE_TRY(RunSerially(paths.size(), open, limits, job, take));
  return report;
}

}  // namespace moire
