#include "harness/execute/calibrate.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <sstream>

#include "harness/case/float_bits.h"
#include "harness/case/onnx_adapter.h"
#include "harness/execute/serial.h"
#include "oracles/reference/reference.h"

namespace moire {
namespace {

struct Function {
  std::string_view op;
  int64_t opset;
  int inputs = 1;
};

// Every operator with a row in the accuracy table, and those that use another's row.
constexpr Function kFunctions[] = {
    {"Add", 14, 2},    {"Sub", 14, 2},   {"Mul", 14, 2},     {"Div", 14, 2},      {"Pow", 15, 2},
    {"Mean", 13, 2},   {"PRelu", 16, 2}, {"Sqrt", 13},       {"Reciprocal", 13},  {"Exp", 13},
    {"Log", 13},       {"Sin", 22},      {"Cos", 22},        {"Tan", 22},         {"Asin", 22},
    {"Acos", 22},      {"Atan", 22},     {"Sinh", 22},       {"Cosh", 22},        {"Asinh", 22},
    {"Acosh", 22},     {"Atanh", 22},    {"Tanh", 13},       {"Sigmoid", 13},     {"Erf", 13},
    {"Softplus", 22},  {"Softsign", 22}, {"Elu", 22},        {"Selu", 22},        {"Celu", 12},
    {"Gelu", 20},      {"Swish", 24},    {"Mish", 22},       {"HardSigmoid", 22}, {"HardSwish", 22},
    {"LeakyRelu", 16}, {"Softmax", 13},  {"LogSoftmax", 13},
};
constexpr DataType kTypes[] = {DataType::kFloat, DataType::kFloat16, DataType::kBfloat16,
                               DataType::kDouble};

// The k-th of n values spread evenly over the bit patterns of a type, so that each binade gets as
// many as any other; all patterns where there are no more than n. NaN becomes 1.
double Spread(DataType type, uint64_t k, uint64_t n) {
  const int bits = Traits(type).bits;
  uint64_t pattern = k;
  if (bits > 16) {
    const uint64_t step = (bits == 64 ? ~uint64_t{0} : (uint64_t{1} << bits) - 1) / n;
    // Off the round numbers: low bits from a multiplicative hash.
    pattern = k * step + (k * 0x9e3779b97f4a7c15) % step;
  }
  const double value = DecodeFloat(type, pattern);
  return std::isnan(value) ? 1 : value;
}

int64_t Points(DataType type, const CalibrateOptions& options) {
  return Traits(type).bits <= 16 ? int64_t{1} << 16 : std::max<int64_t>(options.points, 2);
}

struct Sweep {
  Model model;
  Case test_case;
};

Sweep MakeSweep(const Function& function, DataType type, const CalibrateOptions& options) {
  Sweep out;
  const int64_t n = Points(type, options);
  Node node;
  node.op = function.op;
  // Rows of four for what normalises along the last axis.
  const bool rows = function.op == "Softmax" || function.op == "LogSoftmax";
  const Shape shape = rows ? Shape{n / 4, 4} : Shape{n};
  for (int input = 0; input < function.inputs; ++input) {
    Tensor values = MakeTensor(type, shape);
    for (int64_t i = 0; i < values.size(); ++i) {
      // The second operand runs through the values in another order.
      const int64_t k = input == 0 ? i : i * 40503 % n;
      SetFloat(values, i, Spread(type, static_cast<uint64_t>(k), static_cast<uint64_t>(n)));
    }
    const std::string name = input == 0 ? "x" : "y";
    node.inputs.push_back(name);
    out.model.graph.inputs.push_back({name, TensorType(type, shape)});
    out.test_case.inputs.push_back({name, std::move(values)});
  }
  node.outputs = {"z"};
  out.model.graph.name = "sweep";
  out.model.graph.nodes.push_back(std::move(node));
  out.model.graph.outputs.push_back({"z", TensorType(type, shape)});
  out.model.opsets = {{"", function.opset}};
  out.test_case.model = SerializeModel(out.model);
  return out;
}

void Compare(const RangeTensor& range, const Sweep& sweep, const Tensor& actual, Calibration& out) {
  const auto& inputs = sweep.test_case.inputs;
  for (int64_t i = 0; i < range.size(); ++i) {
    const auto k = static_cast<size_t>(i);
    ++out.elements;
    if (range.MarkAt(k) != kDecided) continue;
    ++out.decided;
    const double y = GetFloat(actual, i);
    const double x = GetFloat(inputs[0].tensor, i);
    const double ulps = std::abs(y - range.value[k]) / Ulp(range.type, range.value[k]);
    if (std::isfinite(ulps) && ulps > out.largest_ulps) {
      out.largest_ulps = ulps;
      out.at = x;
    }
    if (Legal(range, actual, i)) continue;
    if (out.outside++ > 0) continue;
    out.x = x;
    out.second = inputs.size() > 1 ? GetFloat(inputs[1].tensor, i) : 0;
    out.actual = y;
    out.low = range.Lo()[k];
    out.high = range.Hi()[k];
  }
}

Calibration Measure(const Function& function, DataType type, Configuration& configuration,
                    StageObserver& observer, const CalibrateOptions& options) {
  Calibration out;
  const Sweep sweep = MakeSweep(function, type, options);
  const ReferenceResult reference = Evaluate(sweep.model, sweep.test_case.inputs);
  if (reference.status != ReferenceStatus::kEvaluated) {
    out.problem = "the reference: " + reference.reason;
    return out;
  }
  const RangeTensor& range = reference.outputs[0];
  if (range.opaque != Opaque::kNo) {
    out.problem = "the reference: " + range.opaque_reason;
    return out;
  }
  observer.Enter(Stage::kConfiguration, 0);
  const Observation seen = configuration.Run(sweep.test_case);
  if (seen.outcome != Outcome::kOutputs) {
    out.problem = fmt::format("{}: {}", Name(seen.outcome), seen.reason);
    return out;
  }
  const Tensor& actual = seen.outputs[0].tensor;
  if (actual.type != range.type || actual.shape != range.shape) {
    out.problem = fmt::format("gives {} {}", Name(actual.type), ToString(actual.shape));
    return out;
  }
  Compare(range, sweep, actual, out);
  return out;
}

// As hexadecimal text, which is exact.
std::string ToLine(const Calibration& c) {
  return fmt::format("{} {} {} {:a} {:a} {:a} {:a} {:a} {:a} {:a} {}", c.elements, c.decided,
                     c.outside, c.largest_ulps, c.at, c.x, c.second, c.actual, c.low, c.high,
                     c.problem);
}

Calibration FromLine(const std::string& line) {
  Calibration out;
  std::istringstream fields(line);
  fields >> out.elements >> out.decided >> out.outside;
  for (double* value :
       {&out.largest_ulps, &out.at, &out.x, &out.second, &out.actual, &out.low, &out.high}) {
    std::string text;
    fields >> text;
    *value = std::strtod(text.c_str(), nullptr);
  }
  fields >> std::ws;
  std::getline(fields, out.problem);
  return out;
}

}  // namespace

Result<std::vector<Calibration>> Calibrate(const OpenAll& open, const CalibrateOptions& options) {
  std::vector<std::pair<Function, DataType>> sweeps;
  for (const Function& function : kFunctions) {
    if (function.op.find(options.filter) == std::string_view::npos) continue;
    for (const DataType type : kTypes) sweeps.emplace_back(function, type);
  }
  if (sweeps.empty()) {
    return Fail(ErrorCode::kInvalidInput, "no function's name contains '{}'", options.filter);
  }
  std::vector<Calibration> out;
  const ChildLimits limits = {.cpu_seconds = 60, .wall_seconds = 3600};
  const auto job = [&](size_t i, Configurations& configurations, StageObserver& observer) {
    return ToLine(
        Measure(sweeps[i].first, sweeps[i].second, *configurations.front(), observer, options));
  };
  const auto take = [&](size_t i, const Result<std::string>& line) {
    Calibration one;
    if (line) {
      one = FromLine(*line);
    } else {
      one.problem = line.error().message;
    }
    one.function = sweeps[i].first.op;
    one.type = sweeps[i].second;
    out.push_back(std::move(one));
  };
  MOIRE_TRY(RunSerially(sweeps.size(), open, limits, job, take));
  return out;
}

}  // namespace moire
