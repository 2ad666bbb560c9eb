#include "oracles/reference/conformance/conformance.h"

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "harness/case/case.h"
#include "harness/case/onnx_adapter.h"

namespace moire {
namespace {

namespace fs = std::filesystem;

// Reads PREFIX0.pb, PREFIX1.pb, ... for the values of a graph, by position.
template <typename Store>
Status ReadValues(const fs::path& directory, const std::string& prefix,
                  const std::vector<ValueInfo>& values, Store store) {
  for (size_t i = 0; i < values.size(); ++i) {
    const fs::path path = directory / fmt::format("{}{}.pb", prefix, i);
    if (!fs::exists(path)) continue;
    MOIRE_ASSIGN(const std::string bytes, ReadFile(path.string()));
    OnnxValue value;
    if (values[i].type.opaque.empty()) {
      Result<NamedTensor> tensor = ParseTensor(bytes);
      if (!tensor) return std::unexpected(std::move(tensor).error().With(path.string()));
      value.tensor = std::move(tensor->tensor);
    } else {
      Result<OnnxValue> parsed = ParseValue(bytes, values[i].type.opaque);
      if (!parsed) return std::unexpected(std::move(parsed).error().With(path.string()));
      value = std::move(*parsed);
    }
    store(i, std::move(value));
  }
  return {};
}

constexpr std::string_view kDoubleConstants =
    "NumPy's window in double; the expanded graph sums its constants in float";
constexpr InexactCase kInexactCases[] = {
    {"test_averagepool_2d_ceil_last_window_starts_on_pad", "typed in by hand with four digits"},
    {"test_gridsample_bicubic", "typed in by hand with four digits"},
    {"test_roialign_aligned_false", "typed in by hand with four digits"},
    {"test_roialign_aligned_true", "typed in by hand with four digits"},
    {"test_blackmanwindow_expanded", kDoubleConstants},
    {"test_blackmanwindow_symmetric_expanded", kDoubleConstants},
    {"test_hammingwindow_expanded", kDoubleConstants},
    {"test_hammingwindow_symmetric_expanded", kDoubleConstants},
};

bool IsInexact(const std::string& name) {
  return std::ranges::find(kInexactCases, name, &InexactCase::name) != std::end(kInexactCases);
}

// Compares a tensor; an empty string when nothing is wrong.
std::string CompareTensor(const RangeTensor& range, const Tensor& expected, CaseReport& report) {
  if (range.type != expected.type) {
    return fmt::format("is {}, expected {}", Name(range.type), Name(expected.type));
  }
  if (range.shape != expected.shape) {
    return fmt::format("has shape {}, expected {}", ToString(range.shape),
                       ToString(expected.shape));
  }
  const bool inexact = IsInexact(report.name);
  std::string wrong;
  int64_t count = 0;
  for (int64_t i = 0; i < range.size(); ++i) {
    const auto k = static_cast<size_t>(i);
    ++report.elements;
    if (range.MarkAt(k) == kDecided) ++report.decided;
    if (Legal(range, expected, i)) continue;
    if (inexact && IsFloat(range.type) && WithinTolerance(range.value[k], GetFloat(expected, i))) {
      continue;
    }
    if (++count > 1) continue;
    wrong = IsFloat(range.type)
                ? fmt::format("element {}: {} is outside [{}, {}]", i, ElementToString(expected, i),
                              range.Lo()[k], range.Hi()[k])
                : fmt::format("element {}: {} expected, got {}", i, ElementToString(expected, i),
                              ElementToString(ToTensor(range), i));
  }
  return count > 1 ? fmt::format("{} ({} elements in all)", wrong, count) : wrong;
}

// Compares one output: a tensor, or whatever a sequence or optional is made of.
std::string Compare(const RangeTensor& range, const OnnxValue& expected, CaseReport& report) {
  if (range.kind != expected.kind) {
    return fmt::format("is a {}, expected a {}", Name(range.kind), Name(expected.kind));
  }
  if (range.kind == OnnxKind::kTensor) return CompareTensor(range, expected.tensor, report);
  if (range.parts.size() != expected.parts.size()) {
    return fmt::format("holds {} values, expected {}", range.parts.size(), expected.parts.size());
  }
  for (size_t i = 0; i < range.parts.size(); ++i) {
    const std::string wrong = Compare(range.parts[i], expected.parts[i], report);
    if (!wrong.empty()) return fmt::format("part {} {}", i, wrong);
  }
  return {};
}

// The first tensor in a value of which nothing is known.
const RangeTensor* FindOpaque(const RangeTensor& range) {
  if (range.opaque == Opaque::kNo) return nullptr;
  if (range.opaque != Opaque::kParts) return &range;
  for (const RangeTensor& part : range.parts) {
    if (const RangeTensor* found = FindOpaque(part)) return found;
  }
  return nullptr;
}

// Returns the number of outputs that were compared.
int64_t RunDataSet(const Model& model, const std::string& directory,
                   const ConformanceOptions& options, CaseReport& report) {
  const Result<DataSet> data = ReadDataSet(directory, model.graph);
  if (!data) {
    const bool unsupported = data.error().code == ErrorCode::kUnsupported;
    Worsen(report, unsupported ? CaseOutcome::kNotImplemented : CaseOutcome::kFailed,
           data.error().message);
    return 0;
  }
  ReferenceOptions reference = options.reference;
  reference.values = data->values;
  const ReferenceResult result = Evaluate(model, data->inputs, reference);
  if (result.status == ReferenceStatus::kOverBudget) {
    Worsen(report, CaseOutcome::kUndetermined, result.reason);
    return 0;
  }
  if (result.status == ReferenceStatus::kRejected) {
    Worsen(report, CaseOutcome::kFailed, "rejected: " + result.reason);
    return 0;
  }
  int64_t compared = 0;
  for (const auto& [index, expected] : data->expected) {
    const RangeTensor& range = result.outputs[index];
    const std::string& name = model.graph.outputs[index].name;
    if (const RangeTensor* opaque = FindOpaque(range)) {
      Worsen(report,
             opaque->opaque == Opaque::kUnsupported ? CaseOutcome::kNotImplemented
                                                    : CaseOutcome::kUndetermined,
             opaque->opaque_reason);
      continue;
    }
    ++compared;
    const std::string wrong = Compare(range, expected, report);
    if (!wrong.empty()) {
      Worsen(report, CaseOutcome::kFailed, fmt::format("output '{}' {}", name, wrong));
    }
  }
  return compared;
}

}  // namespace

std::span<const InexactCase> InexactCases() { return kInexactCases; }

Result<DataSet> ReadDataSet(const std::string& directory, const Graph& graph) {
  DataSet out;
  std::vector<ValueInfo> inputs;  // initializers listed as inputs too have no file of their own
  for (const ValueInfo& input : graph.inputs) {
    if (graph.FindInitializer(input.name) == nullptr) inputs.push_back(input);
  }
  MOIRE_TRY(ReadValues(directory, "input_", inputs, [&](size_t i, OnnxValue value) {
    if (value.kind == OnnxKind::kTensor && inputs[i].type.opaque.empty()) {
      out.inputs.push_back({inputs[i].name, std::move(value.tensor)});
    } else {
      out.values.push_back({inputs[i].name, std::move(value)});
    }
  }));
  MOIRE_TRY(ReadValues(directory, "output_", graph.outputs, [&](size_t i, OnnxValue value) {
    out.expected.emplace_back(i, std::move(value));
  }));
  return out;
}

void Worsen(CaseReport& report, CaseOutcome outcome, std::string reason) {
  if (outcome > report.outcome || report.reason.empty()) {
    report.outcome = std::max(outcome, report.outcome);
    report.reason = std::move(reason);
  }
}

void Count(ConformanceReport& report, CaseReport one) {
  int64_t* const counts[] = {&report.passed, &report.undetermined, &report.not_implemented,
                             &report.failed};
  ++*counts[static_cast<size_t>(one.outcome)];
  report.elements += one.elements;
  report.decided += one.decided;
  report.cases.push_back(std::move(one));
}

bool WithinTolerance(double actual, double expected) {
  if (std::isnan(expected) || std::isnan(actual)) return std::isnan(expected) == std::isnan(actual);
  return actual == expected || std::abs(actual - expected) <= 1e-7 + 1e-3 * std::abs(expected);
}

Result<std::vector<std::string>> FindCases(const std::string& directory,
                                           const std::string& filter) {
  std::error_code error;
  std::vector<std::string> paths;
  if (fs::exists(fs::path(directory) / "model.onnx")) paths.push_back(directory);
  for (const auto& entry : fs::directory_iterator(directory, error)) {
    const std::string name = entry.path().filename().string();
    if (fs::exists(entry.path() / "model.onnx") && name.find(filter) != std::string::npos) {
      paths.push_back(entry.path().string());
    }
  }
  if (error) return Fail(ErrorCode::kNotFound, "{}: {}", directory, error.message());
  if (paths.empty()) return Fail(ErrorCode::kNotFound, "{}: no case with a model.onnx", directory);
  std::ranges::sort(paths);
  return paths;
}

std::vector<std::string> FindDataSets(const std::string& directory) {
  std::error_code ignored;
  std::vector<std::string> paths;
  for (const auto& entry : fs::directory_iterator(directory, ignored)) {
    if (!entry.path().filename().string().starts_with("test_data_set_")) continue;
    paths.push_back(entry.path().string());
  }
  std::ranges::sort(paths);
  return paths;
}

CaseReport RunConformanceCase(const std::string& directory, const ConformanceOptions& options) {
  CaseReport report;
  report.name = fs::path(directory).filename().string();
  report.outcome = CaseOutcome::kPassed;
  const Result<std::string> bytes = ReadFile((fs::path(directory) / "model.onnx").string());
  const Result<Model> model =
      bytes ? ParseModel(*bytes) : Result<Model>(std::unexpected(bytes.error()));
  if (!model) {
    Worsen(report, CaseOutcome::kFailed, model.error().message);
    return report;
  }
  const std::vector<std::string> data_sets = FindDataSets(directory);
  int64_t compared = 0;
  for (const std::string& path : data_sets) {
    compared += RunDataSet(*model, path, options, report);
  }
  if (data_sets.empty()) Worsen(report, CaseOutcome::kFailed, "no test_data_set_*");
  if (report.outcome == CaseOutcome::kPassed && compared == 0) {
    Worsen(report, CaseOutcome::kUndetermined, "no expected output");
  }
  if (report.outcome == CaseOutcome::kPassed && report.elements > 0 && report.decided == 0) {
    Worsen(report, CaseOutcome::kUndetermined, "no element is decided");
  }
  return report;
}

Result<ConformanceReport> RunConformance(const std::string& directory,
                                         const ConformanceOptions& options) {
  MOIRE_ASSIGN(const std::vector<std::string> paths, FindCases(directory, options.filter));
  ConformanceReport report;
  for (const std::string& path : paths) Count(report, RunConformanceCase(path, options));
  return report;
}

}  // namespace moire
