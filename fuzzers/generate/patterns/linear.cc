// MatMul, Gemm and Conv with what runtimes fuse into them.
#include "fuzzers/generate/patterns/context.h"

namespace moire {
namespace {

Attribute Int(std::string_view name, int64_t value) { return {std::string(name), value}; }
Attribute List(std::string_view name, Ints value) { return {std::string(name), std::move(value)}; }

// Activations that are fused into what comes before.
ValueId Activate(PatternContext& p, ValueId x) {
  switch (p.random().Below(7)) {
    case 0:
      return p.Op("Relu", {x});
    case 1:
      return p.Op("Sigmoid", {x});
    case 2:
      return p.Op("Tanh", {x});
    case 3:
      return p.Op("LeakyRelu", {x}, {{"alpha", 0.125f}});
    case 4:
      return p.Op("Clip", {x, p.Scalar(x, 0), p.Scalar(x, 6)});
    case 5:
      return p.Op("HardSigmoid", {x});
    default:
      return p.Op("Elu", {x});
  }
}

bool MatMulAdd(PatternContext& p) {
  const ValueId x = p.Take(2, p.Miss() ? 4 : 2);
  if (!p.ok()) return false;
  const int64_t k = p.shape(x).back();
  const int64_t n = p.b().DrawDim();
  const ValueId product = p.Op("MatMul", {x, p.Weights(x, {k, n})});
  if (!p.ok()) return false;
  p.Disturb(product);
  const Shape biases[] = {{n}, {1, n}, {}, {1}, p.shape(product)};
  const ValueId sum =
      p.Commutative("Add", product, p.Weights(x, biases[p.random().Index(p.Miss() ? 5 : 2)]));
  if (p.ok() && p.Miss(4)) Activate(p, sum);
  return p.ok();
}

bool GemmActivation(PatternContext& p) {
  const ValueId x = p.Take(2, 2);
  if (!p.ok()) return false;
  const int64_t n = p.b().DrawDim();
  const bool transposed = p.Miss(4);
  const int64_t k = p.shape(x)[1];
  const ValueId y =
      p.Op("Gemm", {x, p.Weights(x, transposed ? Shape{n, k} : Shape{k, n}), p.Weights(x, {n})},
           {Int("transB", transposed ? 1 : 0)});
  if (!p.ok()) return false;
  p.Disturb(y);
  if (p.Miss(3))
    return p.Op("Add", {y, p.Weights(x, p.Miss() ? Shape{p.shape(y)[0], 1} : Shape{n})}), p.ok();
  Activate(p, y);
  return p.ok();
}

// Transposes around a product: folded into transA/transB or FusedMatMul.
bool TransposeMatMul(PatternContext& p) {
  const ValueId x = p.Take(2, 4);
  if (!p.ok()) return false;
  const int64_t rank = p.At(x).rank();
  Ints perm;
  for (int64_t i = 0; i < rank; ++i) perm.push_back(i);
  std::swap(perm[static_cast<size_t>(rank - 1)], perm[static_cast<size_t>(rank - 2)]);
  if (p.Miss() && rank > 2) std::swap(perm[0], perm[static_cast<size_t>(rank - 1)]);
  const ValueId t = p.Op("Transpose", {x}, {List("perm", perm)});
  if (!p.ok()) return false;
  p.Disturb(t);
  const int64_t n = p.b().DrawDim();
  ValueId y = kNoValue;
  if (rank == 2 && p.Miss(4)) {
    y = p.Op("Gemm", {t, p.Weights(x, {p.shape(t)[1], n})}, {{"alpha", p.Miss() ? 0.5f : 1.0f}});
  } else if (p.Miss(4)) {
    y = p.Op("MatMul", {t, p.Miss(4) ? x : p.Weights(x, {p.shape(t).back(), n})});
  } else {
    y = p.Op("MatMul", {p.Weights(x, {n, p.shape(t)[static_cast<size_t>(rank - 2)]}), t});
  }
  if (p.ok() && p.Miss(3)) y = p.Op("Mul", {y, p.Scalar(y, p.Miss() ? -1.5 : 0.25)});
  if (p.ok() && rank == 2 && p.Miss(2)) p.Op("Transpose", {y});
  return p.ok();
}

bool ConvFollowed(PatternContext& p) {
  const ValueId x = p.Take(4, p.Miss() ? 5 : 4);
  if (!p.ok() || p.shape(x)[1] > 16) return false;
  const int64_t rank = p.At(x).rank();
  const int64_t channels = p.shape(x)[1];
  const int64_t filters = p.random().Between(1, 4);
  Shape w = {filters, channels};
  Ints pads;
  const int64_t kernel = p.random().Between(1, 3);
  for (int64_t i = 2; i < rank; ++i) {
    w.push_back(std::min(kernel, p.shape(x)[static_cast<size_t>(i)]));
    pads.push_back(0);
    pads.push_back(0);
  }
  ValueId in = x;
  if (p.Miss(2)) {
    // Pad in front: folded into the convolution's own padding.
    Ints amounts(static_cast<size_t>(2 * rank), 0);
    for (int64_t i = p.Miss() ? 1 : 2; i < rank; ++i) {
      amounts[static_cast<size_t>(i)] = p.random().Between(0, 2);
      amounts[static_cast<size_t>(i + rank)] = p.random().Between(0, 2);
    }
    std::vector<ValueId> inputs = {x, p.Ints(amounts)};
    if (p.Miss(2)) inputs.push_back(p.Scalar(x, p.Miss(2) ? 1 : 0));
    in = p.Op("Pad", inputs);
    if (!p.ok()) return false;
    w[1] = p.shape(in)[1];
  }
  std::vector<ValueId> inputs = {in, p.Weights(x, w)};
  if (p.Miss(4)) inputs.push_back(p.Weights(x, {filters}));
  ValueId y = p.Op("Conv", inputs, {List("pads", pads)});
  if (!p.ok()) return false;
  p.Disturb(y);
  const Shape per_channel = [&] {
    Shape s(static_cast<size_t>(rank), 1);
    s[1] = filters;
    return s;
  }();
  switch (p.random().Below(5)) {
    case 0:
      y = p.Op("BatchNormalization", {y, p.Weights(x, {filters}), p.Weights(x, {filters}),
                                      p.Weights(x, {filters}), p.Weights(x, {filters}, {0.25, 2})});
      break;
    case 1:
      y = p.Commutative("Add", y, p.Weights(x, p.Miss() ? p.shape(y) : per_channel));
      break;
    case 2:
      y = p.Commutative("Mul", y, p.Weights(x, p.Miss() ? Shape{} : per_channel));
      break;
    case 3:
      y = p.Commutative("Add", y, y);
      break;
    default:
      break;
  }
  if (p.ok() && p.Miss(5)) y = Activate(p, y);
  return p.ok();
}

bool PadPool(PatternContext& p) {
  const ValueId x = p.Take(4, 4);
  if (!p.ok() || p.shape(x)[2] < 2 || p.shape(x)[3] < 2) return false;
  const int64_t amount = p.random().Between(0, 2);
  const ValueId padded =
      p.Op("Pad",
           {x, p.Ints({0, p.Miss() ? 1 : 0, amount, amount, 0, 0, amount, p.Miss() ? 0 : amount})},
           {{"mode", std::string(p.Miss() ? "edge" : "constant")}});
  const bool average = p.Miss(4);
  std::vector<Attribute> attributes = {List("kernel_shape", {2, 2})};
  if (average && p.Miss(4)) attributes.push_back(Int("count_include_pad", 1));
  p.Op(average ? "AveragePool" : "MaxPool", {padded}, attributes);
  return p.ok();
}

bool BatchNormAfter(PatternContext& p) {
  const ValueId x = p.Take(2, 2);
  if (!p.ok()) return false;
  const int64_t n = p.b().DrawDim();
  ValueId y = p.Op("MatMul", {x, p.Weights(x, {p.shape(x)[1], n})});
  if (p.ok() && p.Miss(4)) y = p.Op("Reshape", {y, p.Ints({p.Miss(4) ? -1 : p.shape(y)[0], n})});
  if (p.ok() && p.Miss(2)) y = p.Op("Transpose", {y});
  if (!p.ok()) return false;
  const int64_t channels = p.shape(y)[1];
  p.Op("BatchNormalization", {y, p.Weights(x, {channels}), p.Weights(x, {channels}),
                              p.Weights(x, {channels}), p.Weights(x, {channels}, {0.25, 2})});
  return p.ok();
}

bool Attentionlike(PatternContext& p) {
  const ValueId x = p.Take(2, 3);
  if (!p.ok()) return false;
  const int64_t rank = p.At(x).rank();
  Ints perm;
  for (int64_t i = 0; i < rank; ++i) perm.push_back(i);
  std::swap(perm[static_cast<size_t>(rank - 1)], perm[static_cast<size_t>(rank - 2)]);
  const ValueId keys = p.Op("Transpose", {x}, {List("perm", perm)});
  ValueId scores = p.Op("MatMul", {x, keys});
  if (!p.ok()) return false;
  scores =
      p.Miss(4) ? p.Op("Mul", {scores, p.Scalar(x, 0.5)}) : p.Op("Div", {scores, p.Scalar(x, 2)});
  if (p.ok() && p.Miss(2)) scores = p.Op("Add", {scores, p.Weights(x, {p.shape(scores).back()})});
  const ValueId weights = p.Op("Softmax", {scores}, {Int("axis", p.Miss() ? 0 : -1)});
  p.Op("MatMul", {weights, x});
  return p.ok();
}

constexpr PatternEntry kLinear[] = {
    {"MatMulAddFusion", MatMulAdd, 2},
    {"GemmActivationFusion", GemmActivation},
    {"MatmulTransposeFusion", TransposeMatMul, 2},
    {"ConvFusions", ConvFollowed, 3},
    {"PadFusion", PadPool},
    {"MatMulBNFusion", BatchNormAfter},
    {"attention", Attentionlike},
};

}  // namespace

std::span<const PatternEntry> LinearPatterns() { return kLinear; }

}  // namespace moire
