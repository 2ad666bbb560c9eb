// Contributed operators that multiply matrices or convolve.
#include <algorithm>
#include <cmath>
#include <optional>

#include "fuzzers/generate/ops/contributed.h"
#include "fuzzers/generate/ops/families.h"

namespace moire {
namespace {

// FusedMatMul: an operand's shape as the product sees it. transBatch moves the first dim behind the
// batch dims; then trans swaps the last two.
Shape Logical(Shape shape, bool trans, bool trans_batch) {
  if (trans_batch && shape.size() > 2) {
    std::rotate(shape.begin(), shape.begin() + 1, shape.end() - 1);
  }
  if (trans && shape.size() > 1) std::swap(shape[shape.size() - 1], shape[shape.size() - 2]);
  return shape;
}

// The operand that the product sees as `shape`.
Shape Stored(Shape shape, bool trans, bool trans_batch) {
  if (trans && shape.size() > 1) std::swap(shape[shape.size() - 1], shape[shape.size() - 2]);
  if (trans_batch && shape.size() > 2) {
    std::rotate(shape.begin(), shape.end() - 2, shape.end() - 1);
  }
  return shape;
}

std::optional<Shape> ProductShape(const Shape& a, const Shape& b) {
  if (a.size() < 2 || b.size() < 2 || a.back() != b[b.size() - 2]) return std::nullopt;
  auto out = BroadcastShapes(Dims(a).first(a.size() - 2), Dims(b).first(b.size() - 2));
  if (!out) return std::nullopt;
  out->push_back(a[a.size() - 2]);
  out->push_back(b.back());
  return out;
}

constexpr float kFactors[] = {1.0f, 0.5f, 2.0f, -1.0f, 0.125f};

bool ChooseFusedMatMul(OpContext& c) {
  if (!c.TakeRank(0, 2, 4) || c.In(0).count == 0) return false;
  const bool batches = c.schema().HasAttribute("transBatchA") && c.In(0).rank() > 2;
  const bool trans_a = c.random().Chance(1, 2);
  const bool trans_b = c.random().Chance(1, 2);
  const bool batch_a = batches && c.random().Chance(1, 3);
  const bool batch_b = batches && c.random().Chance(1, 3);
  const Shape a = Logical(c.In(0).shape, trans_a, batch_a);
  const auto fits = [&](const Value& v) {
    if ((batch_a || batch_b) && v.rank() != std::ssize(a)) return false;
    const auto shape = ProductShape(a, Logical(v.shape, trans_b, batch_b));
    return shape && Count(*shape) <= c.b().max_elements();
  };
  if (!c.Take(1, fits)) {
    Shape b = {a.back(), c.b().DrawDim()};
    if (batch_a || batch_b || c.random().Chance(1, 3)) b.insert(b.begin(), a.begin(), a.end() - 2);
    if (!c.TakeShape(1, Stored(b, trans_b, batch_b))) return false;
  }
  c.SetInt("transA", trans_a, 0);
  c.SetInt("transB", trans_b, 0);
  if (batch_a) c.Set("transBatchA", int64_t{1});
  if (batch_b) c.Set("transBatchB", int64_t{1});
  if (c.random().Chance(1, 2)) c.Set("alpha", kFactors[c.random().Index(5)]);
  return c.Done();
}

bool InferFusedMatMul(InferContext& c) {
  if (!c.Given(0) || !c.Given(1)) return false;
  const bool batches = c.node.Int("transBatchA", 0) != 0 || c.node.Int("transBatchB", 0) != 0;
  if (batches && (c.rank(0) < 3 || c.rank(0) != c.rank(1))) return false;
  const auto flag = [&](std::string_view name) { return c.node.Int(name, 0) != 0; };
  const auto shape = ProductShape(Logical(c.shape(0), flag("transA"), flag("transBatchA")),
                                  Logical(c.shape(1), flag("transB"), flag("transBatchB")));
  if (!shape) return false;
  c.out[0].shape = *shape;
  return true;
}

void ProductRange(InferContext& c) {
  const double n = static_cast<double>(std::max<int64_t>(1, *std::ranges::max_element(c.shape(0))));
  const double alpha = std::abs(static_cast<double>(c.node.Float("alpha", 1.0f)));
  const double m = Product(c.in[0]->range, c.in[1]->range).Magnitude() * 2 * std::sqrt(n) * alpha;
  c.out[0].range = {-m, m};
}

bool InferMatMulInteger16(InferContext& c) {
  if (!c.Given(0) || !c.Given(1)) return false;
  const auto shape = ProductShape(c.shape(0), c.shape(1));
  if (!shape) return false;
  c.out[0].shape = *shape;
  c.out[0].type = IsSigned(c.in[0]->type) ? DataType::kInt32 : DataType::kUint32;
  return true;
}

void IntegerProductRange(InferContext& c) {
  const double n = static_cast<double>(std::max<int64_t>(1, c.shape(0).back()));
  const double m = c.in[0]->range.Magnitude() * c.in[1]->range.Magnitude() * n;
  c.out[0].range = {-m, m};
}

bool ChooseMatMulInteger16(OpContext& c) {
  if (!c.TakeRank(0, 2, 3) || c.In(0).range.Magnitude() > 1000) return false;
  const Shape a = c.In(0).shape;
  return c.Make(1, {a.back(), c.b().DrawDim()}, {-100, 100}) && c.Done();
}

bool ChooseFusedGemm(OpContext& c) {
  static constexpr std::string_view kActivations[] = {"Relu", "Tanh", "Sigmoid", "LeakyRelu"};
  const std::string_view activation = kActivations[c.random().Index(4)];
  c.Set("activation", std::string(activation));
  if (activation == "LeakyRelu") c.Set("activation_alpha", 0.25f);
  c.Restrict(0, kFloats);
  return ChooseAs(c, "Gemm");
}

void ActivatedGemmRange(InferContext& c) { Standard("Gemm")->range(c); }

void SetConvActivation(OpContext& c) {
  struct Activation {
    std::string_view name;
    Floats params;
  };
  static const Activation kActivations[] = {{"Relu", {}},
                                            {"Tanh", {}},
                                            {"Sigmoid", {}},
                                            {"LeakyRelu", {0.5f}},
                                            {"Clip", {-1.0f, 2.0f}},
                                            {"HardSigmoid", {0.25f, 0.5f}}};
  if (c.random().Chance(1, 6)) return;
  const Activation& chosen = kActivations[c.random().Index(6)];
  c.Set("activation", std::string(chosen.name));
  if (!chosen.params.empty()) c.Set("activation_params", chosen.params);
}

// With a summand Z of the result's shape, as residual connections are fused.
bool ChooseConvSum(OpContext& c) {
  const auto image = [](const Value& v) {
    return v.rank() == 4 && v.count > 0 && v.shape[1] <= 16;
  };
  if (!c.Take(0, image)) return false;
  const Shape x = c.In(0).shape;
  const int64_t kernel = c.random().Chance(1, 2) ? 1 : 3;
  const int64_t filters = c.random().Chance(1, 2) ? x[1] : c.random().Between(1, 4);
  if (!c.TakeShape(1, {filters, x[1], kernel, kernel})) return false;
  if (kernel == 3) c.Set("pads", Ints{1, 1, 1, 1});
  if (c.random().Chance(1, 2)) {
    if (!c.TakeShape(2, {filters})) return false;
  } else {
    c.Omit(2);
  }
  return c.TakeShape(3, {x[0], filters, x[2], x[3]}) && c.Done();
}

bool ChooseFusedConv(OpContext& c) {
  SetConvActivation(c);
  return c.random().Chance(1, 3) ? ChooseConvSum(c) : ChooseAs(c, "Conv");
}

bool InferFusedConv(InferContext& c) {
  if (!InferAs(c, "Conv", 3)) return false;
  if (c.Given(2) && c.shape(2) != Shape{c.shape(1)[0]}) return false;
  return !c.Given(3) || c.shape(3) == c.out[0].shape;
}

void FusedConvRange(InferContext& c) {
  Standard("Conv")->range(c);
  if (c.Given(3)) c.out[0].range = Sum(c.out[0].range, c.in[3]->range);
}

// ConvTranspose whose pads come as an input.
bool ChooseDynamicPads(OpContext& c) {
  const auto image = [](const Value& v) {
    return v.rank() == 4 && v.count > 0 && v.shape[1] <= 8 && v.shape[2] > 1 && v.shape[3] > 1;
  };
  if (!c.Take(0, image)) return false;
  const Shape x = c.In(0).shape;
  const int64_t kernel = c.random().Between(1, 3);
  const int64_t stride = c.random().Between(1, 2);
  const int64_t filters = c.random().Between(1, 3);
  if (!c.TakeShape(1, {x[1], filters, kernel, kernel})) return false;
  c.Set("strides", Ints{stride, stride});
  Ints pads(4);
  for (int64_t& pad : pads) pad = c.random().Between(0, kernel / 2);
  if (!c.Put(2, c.b().AddInts(pads))) return false;
  return (c.random().Chance(1, 2) || c.TakeShape(3, {filters})) && c.Done();
}

bool InferDynamicPads(InferContext& c) {
  const Ints* pads = c.Known(2);
  if (!c.Given(0) || !c.Given(1) || pads == nullptr || pads->size() != 4) return false;
  const Shape &x = c.shape(0), &w = c.shape(1);
  if (x.size() != 4 || w.size() != 4 || x[1] != w[0] || Count(x) == 0) return false;
  if (c.Given(3) && c.shape(3) != Shape{w[1]}) return false;
  if (c.node.Int("group", 1) != 1 || c.node.Find("output_padding") != nullptr) return false;
  const Ints strides = c.node.IntList("strides", {1, 1});
  const Ints dilations = c.node.IntList("dilations", {1, 1});
  if (strides.size() != 2 || dilations != Ints{1, 1}) return false;
  c.out[0].shape = {x[0], w[1]};
  for (size_t i = 0; i < 2; ++i) {
    const int64_t size = (x[i + 2] - 1) * strides[i] + w[i + 2] - (*pads)[i] - (*pads)[i + 2];
    if ((*pads)[i] < 0 || (*pads)[i + 2] < 0 || size < 1) return false;
    c.out[0].shape.push_back(size);
  }
  return true;
}

bool ChooseCDist(OpContext& c) {
  if (!c.TakeRank(0, 2, 2) || c.In(0).count == 0) return false;
  const int64_t width = c.In(0).shape[1];
  c.Set("metric", std::string(c.random().Chance(1, 2) ? "euclidean" : "sqeuclidean"));
  const auto fits = [=](const Value& v) {
    return v.rank() == 2 && v.shape[1] == width && v.count > 0;
  };
  return (c.Take(1, fits) || c.TakeShape(1, {c.random().Between(1, 9), width})) && c.Done();
}

bool InferCDist(InferContext& c) {
  if (!c.Given(0) || !c.Given(1) || c.rank(0) != 2 || c.rank(1) != 2) return false;
  if (c.shape(0)[1] != c.shape(1)[1] || Count(c.shape(0)) == 0 || Count(c.shape(1)) == 0) {
    return false;
  }
  c.out[0].shape = {c.shape(0)[0], c.shape(1)[0]};
  return true;
}

void DistanceRange(InferContext& c) {
  const double side = c.in[0]->range.Magnitude() + c.in[1]->range.Magnitude();
  const double squared = side * side * static_cast<double>(c.shape(0)[1]);
  c.out[0].range = {
      0, c.node.String("metric", "sqeuclidean") == "euclidean" ? std::sqrt(squared) : squared};
}

bool ChooseInverse(OpContext& c) {
  const auto square = [](const Value& v) {
    return v.rank() >= 2 && v.count > 0 && v.shape.back() == v.shape[v.shape.size() - 2];
  };
  if (c.Take(0, square)) return c.Done();
  // Rarely at hand.
  const int64_t size = c.random().Between(1, 5);
  Shape shape = {size, size};
  if (c.random().Chance(1, 2)) shape.insert(shape.begin(), c.random().Between(1, 4));
  return c.TakeShape(0, shape) && c.Done();
}

bool InferInverse(InferContext& c) {
  if (!c.Given(0) || c.rank(0) < 2 || Count(c.shape(0)) == 0) return false;
  return c.shape(0).back() == c.shape(0)[c.shape(0).size() - 2] && InferSame(c);
}

void InverseRange(InferContext& c) { c.out[0].range = {-100, 100}; }

constexpr OpEntry kProducts[] = {
    Contributed("CDist", ChooseCDist, InferCDist, DistanceRange),
    Contributed("ConvTransposeWithDynamicPads", ChooseDynamicPads, InferDynamicPads,
                [](InferContext& c) { c.out[0].range = {-100, 100}; }),
    Contributed("FusedConv", ChooseFusedConv, InferFusedConv, FusedConvRange, 0, 2),
    Contributed("FusedGemm", ChooseFusedGemm, InferLike<"Gemm", 3>, ActivatedGemmRange, 0, 2),
    Contributed("FusedMatMul", ChooseFusedMatMul, InferFusedMatMul, ProductRange, 0, 2.5),
    Contributed("Inverse", ChooseInverse, InferInverse, InverseRange, 0, 0.5),
    Contributed("MatMulInteger16", ChooseMatMulInteger16, InferMatMulInteger16, IntegerProductRange,
                kExactResult),
    Contributed("TransposeMatMul", ChooseFusedMatMul, InferFusedMatMul, ProductRange),
};

}  // namespace

OpTable ContributedProducts() { return kProducts; }

}  // namespace moire
