#include "tests/faulty/stress.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "harness/case/float_bits.h"
#include "harness/case/onnx_adapter.h"
#include "harness/execute/execute.h"
#include "oracles/oracle.h"
#include "oracles/pooled.h"
#include "tests/faulty/faulty_backend.h"
#include "tests/faulty/stress_data.h"

namespace moire::faulty {
namespace {

constexpr int64_t kMostTerms = 65'536;
constexpr int64_t kMostElements = 1 << 17;  // of one input
constexpr int64_t kMostNodes = 64;

// A model as it grows.
struct Draft {
  Random& random;
  const DataKind* kind;
  DataType type;
  int64_t opset;
  Model model;
  std::vector<NamedTensor> inputs;
  int64_t names = 0;

  // 2^k, within what sums of many terms of the type can hold.
  double Scale() {
    const int64_t most = type == DataType::kFloat16 ? 3 : 16;
    return random.Chance(1, 3) ? 1.0 : std::exp2(static_cast<double>(random.Between(-most, most)));
  }
  std::string Fresh() { return fmt::format("v{}", names++); }

  Tensor Lines(const DataKind& data, Shape shape, int64_t length, double scale) {
    Tensor tensor = MakeTensor(type, std::move(shape));
    for (int64_t at = 0; at < tensor.size(); at += length) {
      const std::vector<double> line = data.line(random, static_cast<size_t>(length));
      for (int64_t k = 0; k < std::min(length, tensor.size() - at); ++k) {
        SetFloat(tensor, at + k, line[static_cast<size_t>(k)] * scale);
      }
    }
    return tensor;
  }
  std::string Input(Tensor tensor) {
    const std::string name = Fresh();
    model.graph.inputs.push_back({name, TensorType(tensor.type, tensor.shape)});
    inputs.push_back({name, std::move(tensor)});
    return name;
  }
  std::string Constant(Tensor tensor) {
    const std::string name = Fresh();
    model.graph.initializers.push_back({name, std::move(tensor)});
    return name;
  }
  // An operand of a sum over lines of `length`; of another kind of data now and then.
  std::string Operand(Shape shape, int64_t length) {
    const DataKind& data = random.Chance(1, 4) ? random.Pick(DataKinds()) : *kind;
    Tensor tensor = Lines(data, std::move(shape), length, Scale());
    return random.Chance(1, 3) ? Constant(std::move(tensor)) : Input(std::move(tensor));
  }
  std::string Scalar(double value) {
    Tensor tensor = MakeTensor(type, {});
    SetFloat(tensor, 0, value);
    return Constant(std::move(tensor));
  }
  std::string Axes(Ints axes) { return Constant(Int64Tensor(axes)); }
  std::string Add(std::string op, std::vector<std::string> in,
                  std::vector<Attribute> attributes = {}) {
    Node node;
    node.op = std::move(op);
    node.inputs = std::move(in);
    node.outputs = {Fresh()};
    node.attributes = std::move(attributes);
    model.graph.nodes.push_back(std::move(node));
    return model.graph.nodes.back().outputs[0];
  }
  // A reduction along `axis`, which is an attribute before opset 18 (ReduceSum: 13).
  std::string Reduce(const std::string& op, const std::string& x, int64_t axis, bool keep) {
    const Attribute kept = {"keepdims", int64_t{keep ? 1 : 0}};
    if (op == "ReduceSum" || opset >= 18) return Add(op, {x, Axes({axis})}, {kept});
    return Add(op, {x}, {kept, {"axes", Ints{axis}}});
  }
};

// --- One sum -----------------------------------------------------------------------------------

struct Extent {
  int64_t rows = 1, n = 1;
};

std::string Reduction(Draft& d, Extent e, const char* op) {
  return d.Reduce(op, d.Operand({e.rows, e.n}, e.n), 1, d.random.Chance(1, 2));
}
std::string AnyReduction(Draft& d, Extent e) {
  static constexpr const char* kOps[] = {"ReduceSum",      "ReduceMean",      "ReduceL1",
                                         "ReduceL2",       "ReduceSumSquare", "ReduceLogSum",
                                         "ReduceLogSumExp"};
  return Reduction(d, e, d.random.Pick(std::span(kOps)));
}
std::string FirstAxis(Draft& d, Extent e) {
  const char* op = d.random.Chance(1, 2) ? "ReduceSum" : "ReduceMean";
  return d.Reduce(op, d.Operand({e.n, e.rows}, e.n * e.rows), 0, true);
}
std::string CumSum(Draft& d, Extent e) {
  return d.Add("CumSum", {d.Operand({e.rows, e.n}, e.n), d.Axes({1})},
               {{"reverse", int64_t{d.random.Chance(1, 3)}}});
}
std::string MatMul(Draft& d, Extent e) {
  const int64_t columns = std::min<int64_t>(d.random.Between(1, 4), kMostElements / e.n);
  return d.Add("MatMul", {d.Operand({e.rows, e.n}, e.n), d.Operand({e.n, columns}, e.n * columns)});
}
std::string Gemm(Draft& d, Extent e) {
  const int64_t columns = std::min<int64_t>(d.random.Between(1, 4), kMostElements / e.n);
  std::vector<std::string> in = {d.Operand({e.rows, e.n}, e.n), d.Operand({columns, e.n}, e.n)};
  if (d.random.Chance(1, 2)) in.push_back(d.Operand({columns}, columns));
  return d.Add("Gemm", in,
               {{"transB", int64_t{1}}, {"alpha", d.random.Chance(1, 2) ? 1.0F : 0.3F}});
}
std::string Einsum(Draft& d, Extent e) {
  return d.Add("Einsum", {d.Operand({e.rows, e.n}, e.n), d.Operand({e.n, 2}, 2 * e.n)},
               {{"equation", std::string("ij,jk->ik")}});
}
// n products as channels, or as a kernel along one axis.
std::string Conv(Draft& d, Extent e) {
  if (d.random.Chance(1, 2)) {
    return d.Add("Conv", {d.Operand({1, e.n, e.rows}, e.n * e.rows), d.Operand({2, e.n, 1}, e.n)});
  }
  const int64_t kernel = std::min<int64_t>(e.n, 1024);
  const int64_t channels = std::max<int64_t>(1, e.n / kernel);
  return d.Add("Conv", {d.Operand({1, channels, kernel + e.rows - 1}, kernel + e.rows - 1),
                        d.Operand({1, channels, kernel}, kernel)});
}
std::string ConvTranspose(Draft& d, Extent e) {
  return d.Add("ConvTranspose",
               {d.Operand({1, e.n, e.rows}, e.n * e.rows), d.Operand({e.n, 1, 2}, 2 * e.n)});
}
std::string Pool(Draft& d, Extent e) {
  const std::string x = d.Operand({1, e.rows, e.n}, e.n);
  switch (d.random.Below(4)) {
    case 0:
      return d.Add("GlobalAveragePool", {x});
    case 1:
      return d.Add("LpPool", {x}, {{"kernel_shape", Ints{e.n}}, {"p", d.random.Between(1, 3)}});
    default:
      return d.Add("AveragePool", {x}, {{"kernel_shape", Ints{std::max<int64_t>(1, e.n / 2)}}});
  }
}
std::string Normalise(Draft& d, Extent e) {
  switch (d.random.Below(8)) {
    case 0:
      return d.Add("Softmax", {d.Operand({e.rows, e.n}, e.n)});
    case 1:
      return d.Add("LogSoftmax", {d.Operand({e.rows, e.n}, e.n)});
    case 2:
      return d.Add("LayerNormalization", {d.Operand({e.rows, e.n}, e.n), d.Operand({e.n}, e.n)});
    case 3:
      return d.Add("InstanceNormalization",
                   {d.Operand({1, e.rows, e.n}, e.n), d.Operand({e.rows}, e.rows),
                    d.Operand({e.rows}, e.rows)});
    case 4:
      return d.Add("MeanVarianceNormalization", {d.Operand({1, e.rows, 1, e.n}, e.n)});
    case 5:
      return d.Add("LpNormalization", {d.Operand({e.rows, e.n}, e.n)},
                   {{"p", d.random.Between(1, 2)}});
    case 6:
      return d.Add("LRN", {d.Operand({1, e.n, e.rows, 1}, e.n)},
                   {{"size", int64_t{d.random.Between(0, 4) * 2 + 1}}});
    default: {
      const std::string vector = d.Operand({e.rows}, e.rows);
      return d.Add("BatchNormalization",
                   {d.Operand({1, e.rows, e.n}, e.n), vector, vector, vector,
                    d.Constant(d.Lines(DataKinds().back(), {e.rows}, e.rows, 1))});
    }
  }
}

// Many outputs of one product.
std::string Wide(Draft& d, Extent e) {
  const int64_t rows = d.random.Between(8, 32);
  switch (d.random.Below(4)) {
    case 0:
      return d.Add("Gemm",
                   {d.Operand({rows, e.n}, e.n), d.Operand({e.n, 8}, 8 * e.n), d.Operand({8}, 8)});
    case 1:
      return d.Add("Conv", {d.Operand({1, e.n, rows}, e.n * rows), d.Operand({8, e.n, 1}, e.n)});
    case 2: {
      const int64_t channels = std::max<int64_t>(1, e.n / 9);
      return d.Add("Conv",
                   {d.Operand({1, channels, 10, 10}, 100), d.Operand({2, channels, 3, 3}, 9)});
    }
    default:
      return d.Add("MatMul", {d.Operand({rows, e.n}, e.n), d.Operand({e.n, 8}, 8 * e.n)});
  }
}

using Build = std::string (*)(Draft& d, Extent e);
struct Family {
  Build build;
  int64_t most_terms;
};
constexpr Family kSums[] = {
    {AnyReduction, kMostTerms},
    {AnyReduction, kMostTerms},
    {FirstAxis, kMostTerms},
    {CumSum, 4096},
    {MatMul, kMostTerms},
    {MatMul, kMostTerms},
    {Gemm, kMostTerms},
    {Einsum, 8192},
    {Conv, kMostTerms},
    {ConvTranspose, 4096},
    {Pool, 16'384},
    {Normalise, kMostTerms},
    {Normalise, kMostTerms},
    {Wide, 2048},
    {Wide, 2048},
};

// --- Several nodes -----------------------------------------------------------------------------

// The formulas that runtimes fuse, written out: where they cancel, each step's rounding counts.
std::string Composed(Draft& d, Extent e) {
  const std::string x = d.Operand({e.rows, e.n}, e.n);
  const std::string mean = d.Reduce("ReduceMean", x, 1, true);
  switch (d.random.Below(4)) {
    case 0: {  // LayerNormalization
      const std::string centred = d.Add("Sub", {x, mean});
      const std::string variance =
          d.Reduce("ReduceMean", d.Add("Mul", {centred, centred}), 1, true);
      return d.Add("Div", {centred, d.Add("Sqrt", {d.Add("Add", {variance, d.Scalar(1e-5)})})});
    }
    case 1:  // variance as the difference of two means
      return d.Add("Sub", {d.Reduce("ReduceMean", d.Add("Mul", {x, x}), 1, true),
                           d.Add("Mul", {mean, mean})});
    case 2: {  // Softmax
      const std::string shifted = d.Add("Sub", {x, d.Reduce("ReduceMax", x, 1, true)});
      const std::string power = d.Add("Exp", {shifted});
      return d.Add("Div", {power, d.Reduce("ReduceSum", power, 1, true)});
    }
    default: {  // two sums of the same terms: nothing is left
      const std::string other = d.Reduce("ReduceSum", d.Add("Neg", {x}), 1, true);
      return d.Add("Add", {d.Reduce("ReduceSum", x, 1, true), other});
    }
  }
}

// One more node on a value of shape [rows, n].
std::string Link(Draft& d, Extent e, const std::string& x, const std::string& earlier) {
  static constexpr const char* kUnary[] = {
      "Abs",       "Neg",       "Relu",  "Sigmoid", "Tanh",        "Erf",     "Softplus",
      "Softsign",  "LeakyRelu", "Elu",   "Selu",    "Sin",         "Cos",     "Atan",
      "HardSwish", "Ceil",      "Floor", "Round",   "HardSigmoid", "Identity"};
  static constexpr const char* kBinary[] = {"Add", "Sub", "Mul", "Max", "Min", "Add", "Sub"};
  switch (d.random.Below(9)) {
    case 0:
      return d.Add("Softmax", {x});
    case 1:
      return d.Add("Div", {x, d.Add("Add", {d.Add("Abs", {earlier}), d.Scalar(0.5)})});
    case 2:
      return d.Add("Sub", {x, d.Reduce("ReduceMean", x, 1, true)});
    case 3: {
      // A square weight that keeps sizes as they are.
      const double scale = 1 / std::sqrt(static_cast<double>(e.n));
      return d.Add("MatMul", {x, d.Constant(d.Lines(*d.kind, {e.n, e.n}, e.n, scale))});
    }
    case 4:
    case 5:
      return d.Add(d.random.Pick(std::span(kBinary)),
                   {x, d.random.Chance(1, 2) ? earlier : d.Operand({e.n}, e.n)});
    case 6:
      return d.Add("Sqrt", {d.Add("Abs", {x})});
    default:
      return d.Add(d.random.Pick(std::span(kUnary)), {x});
  }
}

std::string Chain(Draft& d, Extent e) {
  const int64_t depth = d.random.Between(4, kMostNodes - 2);
  std::vector<std::string> values = {d.Operand({e.rows, e.n}, e.n)};
  while (std::ssize(d.model.graph.nodes) < depth) {
    values.push_back(Link(d, e, values.back(), d.random.Pick(values)));
  }
  return values.back();
}

int64_t Length(Random& random, int64_t most) {
  if (random.Chance(1, 7)) return most;
  const double exponent = 1 + random.Unit() * (std::log2(static_cast<double>(most)) - 1);
  return static_cast<int64_t>(std::exp2(exponent));
}

DataType TypeOf(Random& random) {
  const uint64_t draw = random.Below(10);
  return draw < 6 ? DataType::kFloat : draw < 8 ? DataType::kFloat16 : DataType::kDouble;
}

// "16..31": the power of two below.
std::string Octave(int64_t n) {
  int64_t low = 1;
  while (low * 2 <= n) low *= 2;
  return fmt::format("{}..{}", low, 2 * low - 1);
}

// Every pool is measured, not only those that the oracle looks at.
void MeasurePools(const Case& test_case, const Execution& execution, StressReport& report) {
  const Evidence evidence{.test_case = test_case,
                          .model = &*execution.model,
                          .reference = &*execution.reference,
                          .observations = execution.observations,
                          .checker = nullptr};
  PooledJudge pooled(evidence);
  for (const Observation& seen : execution.observations) {
    for (size_t i = 0; i < seen.outputs.size(); ++i) {
      if (!pooled.Applies(seen, i)) continue;
      const std::optional<double> share = pooled.Measure(seen, i);
      if (!share) continue;
      ++report.pools;
      report.largest_pool = std::max(report.largest_pool, *share);
    }
  }
}

}  // namespace

StressCase DrawStress(uint64_t seed, int64_t index) {
  Random random(Mix64(seed) ^ static_cast<uint64_t>(index) * 0x9e3779b97f4a7c15);
  Draft draft{.random = random,
              .kind = &random.Pick(DataKinds()),
              .type = TypeOf(random),
              .opset = random.Chance(1, 2) ? 17 : 21,
              .model = {},
              .inputs = {}};
  StressCase out;
  out.data = draft.kind->name;
  out.type = Name(draft.type);
  Extent extent;
  std::string output;
  const uint64_t which = random.Below(8);
  if (which == 0) {
    out.family = "composed";
    extent = {random.Between(1, 4), Length(random, 16'384)};
    output = Composed(draft, extent);
  } else if (which <= 2) {
    out.family = "chain";
    extent = {random.Between(1, 4), random.Between(2, 48)};
    output = Chain(draft, extent);
  } else {
    out.family = "sum";
    const Family& family = random.Pick(std::span(kSums));
    extent.n = Length(random, family.most_terms);
    extent.rows = random.Between(1, std::min<int64_t>(8, kMostElements / extent.n));
    output = family.build(draft, extent);
  }
  draft.model.graph.name = "stress";
  draft.model.opsets = {{"", draft.opset}};
  draft.model.graph.outputs = {{output, ValueType{draft.type, std::nullopt, {}}}};
  out.terms = extent.n;
  out.nodes = std::ssize(draft.model.graph.nodes);
  out.test_case.model = SerializeModel(draft.model);
  out.test_case.inputs = std::move(draft.inputs);
  return out;
}

Result<StressReport> RunStress(const StressOptions& options) {
  Configurations runtime;
  if (options.backend.empty()) {
    FaultySettings settings;
    settings.seed = options.seed;
    runtime.push_back(std::make_unique<FaultyConfiguration>(settings));
  } else {
    MOIRE_ASSIGN(runtime, OpenConfigurations(options.backend));
  }
  StressReport report;
  std::vector<Judged> by_type(AllTypes().size() + 1);
  for (int64_t index = options.first; report.judged < options.cases; ++index) {
    // A generator whose cases nobody can judge would go on for ever.
    if (report.drawn > 4 * options.cases + 100) break;
    const StressCase drawn = DrawStress(options.seed, index);
    const Execution execution = Execute(drawn.test_case, runtime);
    ++report.drawn;
    for (const Verdict& verdict : execution.verdicts) {
      ++report.verdicts[std::string(Name(verdict.kind))];
      if (!IsBug(verdict.kind)) continue;
      report.alarms.push_back(fmt::format("seed {} case {}: {}: {} [{}, {}, {}, {} terms]",
                                          options.seed, index, Name(verdict.kind), verdict.reason,
                                          drawn.family, drawn.data, drawn.type, drawn.terms));
      if (options.save.empty()) continue;
      const std::string path =
          fmt::format("{}/stress_{}_{}.case", options.save, options.seed, index);
      MOIRE_TRY(WriteFile(path, SerializeCase(drawn.test_case)));
    }
    const bool judged = std::ranges::any_of(execution.verdicts, [](const Verdict& verdict) {
      return verdict.oracle == "differential" &&
             (verdict.kind == VerdictKind::kMatch || verdict.kind == VerdictKind::kMismatch);
    });
    if (!judged) continue;
    ++report.judged;
    MeasurePools(drawn.test_case, execution, report);
    CountJudged(*execution.reference, by_type, nullptr);
    ++report.families[drawn.family];
    ++report.data[drawn.data];
    ++report.types[drawn.type];
    ++report.lengths[Octave(drawn.terms)];
    ++report.depths[Octave(drawn.nodes)];
  }
  for (const Judged& judged : by_type) {
    report.elements += judged.elements;
    report.decidable += judged.decidable;
  }
  return report;
}

nlohmann::json ToJson(const StressReport& report) {
  return {{"drawn", report.drawn},
          {"judged", report.judged},
          {"elements", report.elements},
          {"decidable", report.decidable},
          {"verdicts", report.verdicts},
          {"families", report.families},
          {"data", report.data},
          {"pools", report.pools},
          {"largest_pool", report.largest_pool},
          {"types", report.types},
          {"lengths", report.lengths},
          {"depths", report.depths},
          {"alarms", report.alarms}};
}

}  // namespace moire::faulty
