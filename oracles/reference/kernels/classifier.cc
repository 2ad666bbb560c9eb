// ai.onnx.ml: LinearClassifier, SVMClassifier, SVMRegressor. The pages name the attributes and give
// no formulas; these are the ones of ONNX's own implementation: scores are products with the
// coefficients plus the intercept (or rho[0]); a support vector regressor sums coefficient *
// kernel. What SVMClassifier scores with support vectors stands for (votes, pairs of classes,
// estimates of probabilities) is not said and not computed: its shape of one score a class is not
// either.
#include <cmath>

#include "oracles/reference/kernels/families.h"
#include "oracles/reference/kernels/ml_scores.h"
#include "oracles/reference/kernels/ml_util.h"
#include "oracles/reference/kernels/movement_util.h"
#include "oracles/reference/kernels/sums.h"

namespace moire {
namespace {

// The rows of [N, C]; [C] is [1, C]. Read in float.
struct Samples {
  int64_t rows = 0;
  int64_t features = 0;
  std::vector<double> value, lo, hi;
  std::vector<uint8_t> marks;  // one for each row

  Row row(int64_t r) const {
    return {value.data() + r * features, lo.data() + r * features, hi.data() + r * features};
  }
};

Result<Samples> ReadSamples(KernelContext& ctx) {
  const RangeTensor& x = ctx.In(0);
  MOIRE_TRY(CheckNumeric(x));
  if (x.shape.empty() || x.shape.size() > 2) {
    return Fail(ErrorCode::kInvalidInput, "input of shape {}", ToString(x.shape));
  }
  Samples out;
  out.features = x.shape.back();
  out.rows = x.shape.size() == 2 ? x.shape[0] : 1;
  out.marks.assign(static_cast<size_t>(out.rows), kDecided);
  MOIRE_TRY(ctx.Spend(static_cast<uint64_t>(x.size()) * 4));
  for (size_t i = 0; i < static_cast<size_t>(x.size()); ++i) {
    const Interval one = AsFloat(x, i);
    out.value.push_back(one.value);
    out.lo.push_back(one.lo);
    out.hi.push_back(one.hi);
    out.marks[i / static_cast<size_t>(out.features)] |= one.mark;
  }
  return out;
}

std::vector<double> Doubles(const Floats& list) { return {list.begin(), list.end()}; }

// A row times `weights`, plus `more`, which may be where the sum starts.
Interval Product(const Samples& x, int64_t r, const double* weights, double more) {
  const auto n = static_cast<size_t>(x.features);
  const Row row = x.row(r);
  std::vector<double> value(row.value, row.value + n), lo(row.lo, row.lo + n),
      hi(row.hi, row.hi + n), factors(weights, weights + n);
  for (std::vector<double>* list : {&value, &lo, &hi}) list->push_back(1);
  factors.push_back(more);
  Interval out = SumOfProducts(DataType::kFloat, {value.data(), lo.data(), hi.data()},
                               {factors.data()}, x.features + 1, 0);
  out.mark |= x.marks[static_cast<size_t>(r)];
  return out;
}

// Scores [rows, classes] of a model with one row of coefficients a class, the labels, and the
// transform.
Status Classify(KernelContext& ctx, const Samples& x, const std::vector<double>& weights,
                const std::vector<double>& offsets, const RangeTensor& labels) {
  const int64_t classes = labels.size();
  const Shape shape = {x.rows, classes};
  MOIRE_TRY(ctx.Reserve(DataType::kFloat, shape));
  RangeTensor scores = MakeRangeTensor(DataType::kFloat, shape);
  MOIRE_TRY(
      ctx.Spend(static_cast<uint64_t>(scores.size()) * static_cast<uint64_t>(x.features + 1) * 8));
  for (int64_t r = 0; r < x.rows; ++r) {
    for (int64_t c = 0; c < classes; ++c) {
      StoreElement(scores, static_cast<size_t>(r * classes + c),
                   Product(x, r, weights.data() + c * x.features, offsets[static_cast<size_t>(c)]));
    }
  }
  Round(scores);
  MOIRE_ASSIGN(ctx.Out(0), TopLabels(ctx, scores, labels));
  if (!ctx.Wants(1)) return {};
  MOIRE_ASSIGN(ctx.Out(1),
               PostTransform(ctx, std::move(scores), ctx.node().String("post_transform", "NONE")));
  return {};
}

Status LinearClassifier(KernelContext& ctx) {
  MOIRE_ASSIGN(const Samples x, ReadSamples(ctx));
  MOIRE_ASSIGN(const RangeTensor labels, ClassLabels(ctx.node(), "classlabels_ints"));
  const std::vector<double> weights = Doubles(FloatList(ctx.node(), "coefficients"));
  std::vector<double> offsets = Doubles(FloatList(ctx.node(), "intercepts"));
  const auto count = static_cast<int64_t>(weights.size());
  // One row of coefficients for two classes: which scores the two get is not said.
  if (labels.size() < 2 || count == x.features) {
    return Fail(ErrorCode::kUndecidable, "a classifier with one row of coefficients");
  }
  if (offsets.empty()) offsets.assign(static_cast<size_t>(labels.size()), 0);
  if (count != labels.size() * x.features ||
      static_cast<int64_t>(offsets.size()) != labels.size()) {
    return Fail(ErrorCode::kInvalidInput, "{} coefficients, {} intercepts for {} classes", count,
                offsets.size(), labels.size());
  }
  return Classify(ctx, x, weights, offsets, labels);
}

Status SvmClassifier(KernelContext& ctx) {
  MOIRE_ASSIGN(const Samples x, ReadSamples(ctx));
  MOIRE_ASSIGN(const RangeTensor labels, ClassLabels(ctx.node(), "classlabels_ints"));
  if (!ctx.node().IntList("vectors_per_class").empty()) {
    return Fail(ErrorCode::kUndecidable, "scores of a classifier with support vectors");
  }
  const std::vector<double> weights = Doubles(FloatList(ctx.node(), "coefficients"));
  const Floats rho = FloatList(ctx.node(), "rho");
  if (labels.size() < 3) {
    return Fail(ErrorCode::kUndecidable, "scores of a classifier of {} classes", labels.size());
  }
  if (rho.size() != 1) {  // the first for all, or one a class
    return Fail(ErrorCode::kUndecidable, "{} values of rho", rho.size());
  }
  if (static_cast<int64_t>(weights.size()) != labels.size() * x.features) {
    return Fail(ErrorCode::kInvalidInput, "{} coefficients for {} classes", weights.size(),
                labels.size());
  }
  const std::vector<double> offsets(static_cast<size_t>(labels.size()),
                                    static_cast<double>(rho[0]));
  return Classify(ctx, x, weights, offsets, labels);
}

// --- SVMRegressor -----------------------------------------------------------------------------

struct SvmKernel {
  std::string type;
  Interval gamma, constant;
  double degree = 0;
};

Result<SvmKernel> ParseSvmKernel(const Node& node) {
  SvmKernel out;
  out.type = node.String("kernel_type", "LINEAR");
  const Floats parameters = FloatList(node, "kernel_params");
  if (out.type != "LINEAR" && out.type != "POLY" && out.type != "RBF" && out.type != "SIGMOID") {
    return Fail(ErrorCode::kInvalidInput, "kernel_type '{}'", out.type);
  }
  if (out.type == "LINEAR") return out;
  if (parameters.size() != 3) {
    return Fail(ErrorCode::kInvalidInput, "{} kernel_params", parameters.size());
  }
  out.gamma = Exactly(static_cast<double>(parameters[0]));
  out.constant = Exactly(static_cast<double>(parameters[1]));
  out.degree = static_cast<double>(parameters[2]);
  return out;
}

Interval Negated(const Interval& x) { return {-x.value, -x.hi, -x.lo, x.mark}; }

// base ^ degree for a whole degree: products, or a power function whose error Pow knows.
Interval WholePower(const Arithmetic& type, const Interval& base, double degree) {
  const Interval size = Abs(base);
  const Interval power = type.Rounded(type.Pow(size, degree), degree);
  if (std::fmod(degree, 2) == 0 || base.lo >= 0) return power;
  if (base.hi <= 0) return Negated(power);
  return {base.value < 0 ? -power.value : power.value, -power.hi, power.hi, power.mark};
}

Interval KernelOf(const SvmKernel& kernel, const Samples& x, int64_t r, const double* support) {
  const Arithmetic type(DataType::kFloat);
  if (kernel.type == "RBF") {
    std::vector<double> value, lo, hi;
    uint8_t marks = x.marks[static_cast<size_t>(r)];
    for (int64_t f = 0; f < x.features; ++f) {
      const Row row = x.row(r);
      const Interval d =
          type.Sub({row.value[f], row.lo[f], row.hi[f], kDecided}, Exactly(support[f]));
      value.push_back(d.value);
      lo.push_back(d.lo);
      hi.push_back(d.hi);
      marks |= d.mark;
    }
    const Interval distance =
        RoundedSquares(type, {value.data(), lo.data(), hi.data()}, x.features);
    Interval out = type.Exp(Negated(type.Mul(kernel.gamma, distance)));
    out.mark |= marks;
    return out;
  }
  const Interval product = type.Rounded(Product(x, r, support, 0));
  if (kernel.type == "LINEAR") return product;
  const Interval scaled = type.Add(type.Mul(product, kernel.gamma), kernel.constant);
  return kernel.type == "POLY" ? WholePower(type, scaled, kernel.degree) : type.Tanh(scaled);
}

Status SvmRegressor(KernelContext& ctx) {
  MOIRE_ASSIGN(const Samples x, ReadSamples(ctx));
  const Node& node = ctx.node();
  MOIRE_ASSIGN(const SvmKernel kernel, ParseSvmKernel(node));
  MOIRE_ASSIGN(const bool one_class, ctx.Flag("one_class", false));
  const std::vector<double> coefficients = Doubles(FloatList(node, "coefficients"));
  const std::vector<double> support = Doubles(FloatList(node, "support_vectors"));
  const Floats rho = FloatList(node, "rho");
  const int64_t count = node.Int("n_supports", 0);
  const auto width = static_cast<size_t>(x.features);
  const bool fits = count > 0 ? coefficients.size() == static_cast<size_t>(count) &&
                                    support.size() == static_cast<size_t>(count) * width
                              : coefficients.size() == width;
  if (count < 0 || !fits || rho.size() != 1) {
    return Fail(ErrorCode::kInvalidInput, "{} support vectors, {} coefficients", count,
                coefficients.size());
  }
  if (kernel.type == "POLY" && (kernel.degree < 0 || kernel.degree != std::trunc(kernel.degree))) {
    return Fail(ErrorCode::kUndecidable, "a degree of {}", kernel.degree);
  }
  MOIRE_ASSIGN(RangeTensor * out, ctx.Make(0, DataType::kFloat, {x.rows, 1}));
  MOIRE_TRY(ctx.Spend(static_cast<uint64_t>(x.rows) * static_cast<uint64_t>(count + 1) *
                      (width + 1) * 16));
  for (int64_t r = 0; r < x.rows; ++r) {
    Interval y;
    if (count == 0) {
      y = Product(x, r, coefficients.data(), static_cast<double>(rho[0]));
    } else {
      std::vector<double> value, lo, hi, factors;
      uint8_t marks = kDecided;
      for (size_t k = 0; k < static_cast<size_t>(count); ++k) {
        const Interval one = KernelOf(kernel, x, r, support.data() + k * width);
        value.push_back(one.value);
        lo.push_back(one.lo);
        hi.push_back(one.hi);
        marks |= one.mark;
      }
      factors = coefficients;
      for (std::vector<double>* list : {&value, &lo, &hi}) list->push_back(1);
      factors.push_back(static_cast<double>(rho[0]));
      y = SumOfProducts(DataType::kFloat, {value.data(), lo.data(), hi.data()}, {factors.data()},
                        count + 1, 0);
      y.mark |= marks;
    }
    if (one_class) {
      if ((y.lo > 0) != (y.hi > 0)) y.mark |= kUndecidable;
      const double side = y.value > 0 ? 1 : -1;
      y = {side, side, side, y.mark};
    }
    StoreElement(*out, static_cast<size_t>(r), y);
  }
  Round(*out);
  MOIRE_ASSIGN(*out, PostTransform(ctx, std::move(*out), node.String("post_transform", "NONE")));
  return {};
}

constexpr KernelEntry kClassifierKernels[] = {
    {"LinearClassifier", 1, kLatest, LinearClassifier, kMl},
    {"SVMClassifier", 1, kLatest, SvmClassifier, kMl},
    {"SVMRegressor", 1, kLatest, SvmRegressor, kMl},
};

}  // namespace

std::span<const KernelEntry> ClassifierKernels() { return kClassifierKernels; }

}  // namespace moire
