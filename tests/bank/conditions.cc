#include "tests/bank/conditions.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "harness/case/onnx_adapter.h"
#include "synth/explain/explain.h"
#include "synth/explain/judge_probes.h"
#include "synth/explain/neighbours.h"
#include "synth/load.h"

namespace moire::bank {
namespace {

using Test = std::function<bool(const Site&)>;
using Values = std::vector<std::pair<std::string, std::vector<double>>>;

Condition Make(std::string name, std::string truth, std::string_view op, Test test,
               std::string model, Values values, Effect effect) {
  Condition condition;
  condition.plant.name = std::move(name);
  condition.plant.effect = effect;
  condition.plant.needs = {[op = std::string(op), test = std::move(test)](const Site& s) {
    return s.node.op == op && test(s);
  }};
  condition.truth = std::move(truth);
  condition.model = "<ir_version: 8, opset_import: [\"\" : 18]> g " + std::move(model);
  condition.values = std::move(values);
  return condition;
}

int64_t Axis(const Site& s, int64_t otherwise) {
  const int64_t axis = s.node.Int("axis", otherwise);
  return axis < 0 ? axis + s.rank(0) : axis;
}
bool HasOne(const Site& s, size_t k) {
  return std::ranges::find(s.shape(k), 1) != s.shape(k).end();
}
bool Negative(double v) { return v < 0; }

std::vector<Condition> MakeAll() {
  std::vector<Condition> all;
  const auto add = [&](std::string name, std::string truth, std::string_view op, Test test,
                       std::string model, Values values = {}, Effect effect = Effect::kWrong) {
    all.push_back(Make(std::move(name), std::move(truth), op, std::move(test), std::move(model),
                       std::move(values), effect));
  };
  add(
      "softmax_axis", "axis is not the last", "Softmax",
      [](const Site& s) { return Axis(s, -1) != s.rank(0) - 1; },
      "(float[2,3,4] x) => (float[2,3,4] y) { y = Softmax<axis = 1>(x) }");
  add(
      "softmax_first", "axis is the first", "Softmax",
      [](const Site& s) { return Axis(s, -1) == 0; },
      "(float[2,3,4] x) => (float[2,3,4] y) { y = Softmax<axis = 0>(x) }");
  add(
      "gemm_trans_a", "transA", "Gemm", [](const Site& s) { return s.node.Int("transA", 0) != 0; },
      "(float[3,3] a, float[3,3] b) => (float[3,3] y) { y = Gemm<transA = 1>(a, b) }");
  add(
      "gemm_both", "transA and transB", "Gemm",
      [](const Site& s) { return s.node.Int("transA", 0) != 0 && s.node.Int("transB", 0) != 0; },
      "(float[3,3] a, float[3,3] b) => (float[3,3] y) { y = Gemm<transA = 1, transB = 1>(a, b) }");
  add(
      "gemm_alpha", "alpha != 1", "Gemm",
      [](const Site& s) { return s.node.Float("alpha", 1) != 1.0F; },
      "(float[3,3] a, float[3,3] b) => (float[3,3] y) { y = Gemm<alpha = 0.5>(a, b) }");
  add(
      "reduce_keepdims", "keepdims = 0", "ReduceMean",
      [](const Site& s) { return s.node.Int("keepdims", 1) == 0; },
      "(float[3,4] x) => (float[3] y) <int64[1] axes = {1}> { y = ReduceMean<keepdims = 0>(x, "
      "axes) }");
  add(
      "reduce_level", "keepdims = 0 and level >= extended", "ReduceMax",
      [](const Site& s) { return s.node.Int("keepdims", 1) == 0 && s.level >= 2; },
      "(float[3,4] x) => (float[3] y) <int64[1] axes = {1}> { y = ReduceMax<keepdims = 0>(x, axes) "
      "}");
  add(
      "add_one", "input 1 has a dim of 1", "Add", [](const Site& s) { return HasOne(s, 1); },
      "(float[3,4] a, float[3,1] b) => (float[3,4] y) { y = Add(a, b) }");
  add(
      "add_broadcast", "shapes differ", "Add",
      [](const Site& s) { return s.shape(0) != s.shape(1); },
      "(float[3,4] a, float[4] b) => (float[3,4] y) { y = Add(a, b) }");
  add(
      "mul_double", "type double", "Mul",
      [](const Site& s) { return s.type(0) == DataType::kDouble; },
      "(double[3] a, double[3] b) => (double[3] y) { y = Mul(a, b) }");
  add(
      "mul_narrow", "type float16 or bfloat16", "Mul",
      [](const Site& s) {
        return s.type(0) == DataType::kFloat16 || s.type(0) == DataType::kBfloat16;
      },
      "(float16[3] a, float16[3] b) => (float16[3] y) { y = Mul(a, b) }");
  add("div_negative", "int32 and a negative divisor", "Div",
      [](const Site& s) { return s.type(0) == DataType::kInt32 && HasValue(*s.in[1], Negative); },
      "(int32[3] a, int32[3] b) => (int32[3] y) { y = Div(a, b) }", {{"b", {2, -3, 4}}});
  add("abs_nan", "a NaN", "Abs",
      [](const Site& s) { return HasValue(*s.in[0], [](double v) { return std::isnan(v); }); },
      "(float[2,3] x) => (float[2,3] y) { y = Abs(x) }", {{"x", {1, NAN, 3, 4, 5, 6}}});
  add("relu_negative", "a negative value and level >= basic", "Relu",
      [](const Site& s) { return s.level >= 1 && HasValue(*s.in[0], Negative); },
      "(float[2,3] x) => (float[2,3] y) { y = Relu(x) }", {{"x", {1, -2, 3, 4, 5, 6}}});
  add("abs_large", "a magnitude of 100 or more", "Abs",
      [](const Site& s) { return HasValue(*s.in[0], [](double v) { return std::abs(v) >= 100; }); },
      "(float[2,3] x) => (float[2,3] y) { y = Abs(x) }", {{"x", {1, -200, 3, 4, 5, 6}}});
  add(
      "tanh_elements", "16 elements or more", "Tanh",
      [](const Site& s) { return s.in[0]->size() >= 16; },
      "(float[4,5] x) => (float[4,5] y) { y = Tanh(x) }");
  add(
      "tanh_remainder", "last dim is no multiple of 4", "Tanh",
      [](const Site& s) { return s.rank(0) > 0 && s.dim(0, -1) % 4 != 0; },
      "(float[2,5] x) => (float[2,5] y) { y = Tanh(x) }");
  add(
      "matmul_inner", "inner dim >= 8", "MatMul", [](const Site& s) { return s.dim(0, -1) >= 8; },
      "(float[2,9] a, float[9,3] b) => (float[2,3] y) { y = MatMul(a, b) }");
  add(
      "matmul_column", "inner dim is 1", "MatMul", [](const Site& s) { return s.dim(0, -1) == 1; },
      "(float[2,1] a, float[1,3] b) => (float[2,3] y) { y = MatMul(a, b) }");
  add(
      "transpose_square", "square and level >= basic", "Transpose",
      [](const Site& s) { return s.level >= 1 && s.rank(0) >= 2 && s.dim(0, -1) == s.dim(0, -2); },
      "(float[3,3] x) => (float[3,3] y) { y = Transpose<perm = [1, 0]>(x) }");
  add(
      "concat_last", "axis is the last", "Concat",
      [](const Site& s) { return Axis(s, 0) == s.rank(0) - 1; },
      "(float[2,3] a, float[2,3] b) => (float[2,6] y) { y = Concat<axis = 1>(a, b) }");
  add(
      "pool_pad", "count_include_pad", "AveragePool",
      [](const Site& s) { return s.node.Int("count_include_pad", 0) != 0; },
      "(float[1,1,5,5] x) => (float[1,1,5,5] y) { y = AveragePool<kernel_shape = [3, 3], pads = "
      "[1, 1, 1, 1], "
      "count_include_pad = 1>(x) }");
  add(
      "pool_ceil", "ceil_mode and a stride of 2", "MaxPool",
      [](const Site& s) {
        return s.node.Int("ceil_mode", 0) != 0 && s.node.IntList("strides", {1, 1})[0] == 2;
      },
      "(float[1,1,6,6] x) => (float[1,1,3,3] y) { y = MaxPool<kernel_shape = [3, 3], strides = [2, "
      "2], ceil_mode "
      "= 1>(x) }");
  add(
      "leaky_sign", "alpha < 0", "LeakyRelu",
      [](const Site& s) { return s.node.Float("alpha", 0.01F) < 0; },
      "(float[2,3] x) => (float[2,3] y) { y = LeakyRelu<alpha = -1.0>(x) }");
  add(
      "clip_constant", "min is an initializer, type float", "Clip",
      [](const Site& s) { return s.constant[1] && s.type(0) == DataType::kFloat; },
      "(float[2,3] x) => (float[2,3] y) <float low = {-1}> { y = Clip(x, low) }");
  add(
      "pad_mode", "mode reflect", "Pad",
      [](const Site& s) { return s.node.String("mode", "constant") == "reflect"; },
      "(float[3,4] x) => (float[5,6] y) <int64[4] pads = {1, 1, 1, 1}> { y = Pad<mode = "
      "\"reflect\">(x, pads) }");
  add(
      "cumsum_both", "reverse and exclusive", "CumSum",
      [](const Site& s) {
        return s.node.Int("reverse", 0) == 1 && s.node.Int("exclusive", 0) == 1;
      },
      "(float[3,4] x) => (float[3,4] y) <int64 axis = {1}> { y = CumSum<reverse = 1, exclusive = "
      "1>(x, axis) }");
  add(
      "sub_threads", "2 threads or more", "Sub", [](const Site& s) { return s.threads >= 2; },
      "(float[3] a, float[3] b) => (float[3] y) { y = Sub(a, b) }");
  all.back().threads = 2;
  add(
      "mul_basic", "level is basic", "Mul", [](const Site& s) { return s.level == 1; },
      "(float[3] a, float[3] b) => (float[3] y) { y = Mul(a, b) }");
  add(
      "sum_rank", "rank >= 3", "Max", [](const Site& s) { return s.rank(0) >= 3; },
      "(float[2,2,3] a, float[2,2,3] b) => (float[2,2,3] y) { y = Max(a, b) }");
  add("sqrt_or", "a zero, or a dim of 1", "Sqrt",
      [](const Site& s) {
        return HasOne(s, 0) || HasValue(*s.in[0], [](double v) { return v == 0; });
      },
      "(float[2,3] x) => (float[2,3] y) { y = Sqrt(x) }", {{"x", {1, 0, 3, 4, 5, 6}}});
  add(
      "exp_second", "extended level and two columns or more", "Exp",
      [](const Site& s) { return s.level >= 2 && s.dim(0, -1) >= 2; },
      "(float[2,3] x) => (float[2,3] y) { a = Neg(x) y = Exp(a) }");
  add(
      "gather_reject", "axis is not 0", "Gather", [](const Site& s) { return Axis(s, 0) != 0; },
      "(float[3,3] x) => (float[3,2] y) <int64[2] i = {0, 1}> { y = Gather<axis = 1>(x, i) }", {},
      Effect::kReject);
  return all;
}

}  // namespace

const std::vector<Condition>& Conditions() {
  static const std::vector<Condition> all = MakeAll();
  return all;
}

Case ToCase(const Condition& condition) {
  Case test_case;
  const Result<std::string> bytes = ParseModelText(condition.model);
  if (!bytes) return test_case;
  test_case.model = *bytes;
  const Result<Model> model = ParseModel(*bytes);
  if (!model) return test_case;
  Result<std::vector<NamedTensor>> inputs = GenerateInputs(*model, {.seed = 7});
  if (!inputs) return test_case;
  test_case.inputs = std::move(*inputs);
  test_case.options.intra_op_threads = condition.threads;
  for (const auto& [name, values] : condition.values) {
    for (NamedTensor& input : test_case.inputs) {
      if (input.name != name) continue;
      for (size_t i = 0; i < values.size(); ++i) {
        if (IsFloat(input.tensor.type)) {
          SetFloat(input.tensor, static_cast<int64_t>(i), values[i]);
        } else {
          SetInt(input.tensor, static_cast<int64_t>(i), static_cast<int64_t>(values[i]));
        }
      }
    }
  }
  return test_case;
}

ExplainReport MeasureExplain(const Condition& condition, int fresh) {
  constexpr uint64_t kFreshSeed = 0x5eed;
  ExplainReport report;
  report.name = condition.plant.name;
  report.truth = condition.truth;
  const auto start = std::chrono::steady_clock::now();
  const OpenAll open = OpenPlanted(condition.plant);
  const Case test_case = ToCase(condition);
  ChildOptions child;
  Finding finding;
  finding.test_case = test_case;
  const Result<ChildExecution> run = ExecuteInChild(test_case, open, child);
  for (size_t i = 0; run && i < run->execution.verdicts.size(); ++i) {
    if (IsBug(run->execution.verdicts[i].kind)) finding.verdict = run->execution.verdicts[i];
  }
  const std::vector<std::string> levels = {"none", "basic", "extended", "all"};
  const Result<Explanation> explained = Explain(finding, open, levels, {.child = child});
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
  report.seconds = elapsed.count();
  if (!explained) {
    report.error = explained.error().message;
    return report;
  }
  report.predicate = explained->predicate.ToString();
  Probe base{{*ParseModel(test_case.model), test_case.inputs, test_case.options}, "all"};
  base.level = finding.verdict.configuration.substr(finding.verdict.configuration.find('=') + 1);
  const Neighbourhood neighbours(base, levels);
  Random random(kFreshSeed);
  while (report.fresh < fresh) {
    std::vector<Probe> probes;
    for (int i = 0; i < 250; ++i) probes.push_back(neighbours.Draw(random).probe);
    const auto labels = JudgeProbes(probes, finding.verdict, open, child, 300);
    if (!labels) break;
    for (size_t i = 0; i < probes.size() && report.fresh < fresh; ++i) {
      if ((*labels)[i] == Label::kUnjudged) continue;
      const bool fails = (*labels)[i] == Label::kFails;
      ++report.fresh;
      report.failing += fails ? 1 : 0;
      report.right += explained->predicate.Holds(FeaturesOf(probes[i])) == fails ? 1 : 0;
    }
  }
  return report;
}

}  // namespace moire::bank
