// Normalisations and activations spelled out in small operators, which runtimes put together.
#include "fuzzers/generate/patterns/context.h"

namespace moire {
namespace {

// Mean over the last axis, with axes as attribute or input as the opset has it.
ValueId Mean(PatternContext& p, ValueId x, int64_t axis) {
  std::vector<Attribute> keep = {{"keepdims", int64_t{1}}};
  if (p.b().opset() >= 18) return p.Op("ReduceMean", {x, p.Ints({axis})}, keep);
  keep.push_back({"axes", Ints{axis}});
  return p.Op("ReduceMean", {x}, keep);
}

bool LayerNormDecomposed(PatternContext& p) {
  const ValueId x = p.Take(2, 3);
  if (!p.ok()) return false;
  const int64_t axis = p.Miss() ? 0 : -1;
  const bool simplified = p.Miss(2);  // RMS: no mean
  ValueId centered = x;
  if (!simplified) {
    const ValueId mean = Mean(p, x, axis);
    centered = p.Op("Sub", {x, mean});
  }
  if (!p.ok()) return false;
  p.Disturb(centered);
  const ValueId square = p.Miss(4) ? p.Op("Mul", {centered, centered})
                                   : p.Op("Pow", {centered, p.Scalar(x, p.Miss() ? 3 : 2)});
  const ValueId variance = Mean(p, square, axis);
  const ValueId shifted = p.Commutative("Add", variance, p.Scalar(x, 0.01));
  const ValueId deviation = p.Op("Sqrt", {shifted});
  const ValueId normal = p.Op("Div", {centered, deviation});
  if (!p.ok()) return false;
  const Shape scale = {p.Miss() ? 1 : p.shape(x).back()};
  const ValueId scaled = p.Commutative("Mul", normal, p.Weights(x, scale));
  if (p.ok() && !simplified) p.Commutative("Add", scaled, p.Weights(x, scale));
  return p.ok();
}

bool GeluErf(PatternContext& p) {
  const ValueId x = p.Take(1, 4);
  const ValueId scaled = p.Miss(4) ? p.Op("Div", {x, p.Scalar(x, 1.4142135381698608)})
                                   : p.Op("Mul", {x, p.Scalar(x, p.Miss() ? 0.7 : 0.70710678)});
  const ValueId erf = p.Op("Erf", {scaled});
  const ValueId plus = p.Commutative("Add", erf, p.Scalar(x, 1));
  if (p.Miss(4)) {
    const ValueId product = p.Commutative("Mul", x, plus);
    p.Commutative("Mul", product, p.Scalar(x, 0.5));
  } else {
    const ValueId half = p.Commutative("Mul", x, p.Scalar(x, p.Miss() ? 0.25 : 0.5));
    p.Commutative("Mul", half, plus);
  }
  return p.ok();
}

bool BiasGelu(PatternContext& p) {
  const ValueId x = p.Take(2, 3);
  if (!p.ok()) return false;
  const ValueId biased = p.Commutative("Add", x, p.Weights(x, {p.shape(x).back()}));
  if (p.b().opset() >= 20) return p.Op("Gelu", {biased}), p.ok();
  const ValueId erf = p.Op("Erf", {p.Op("Div", {biased, p.Scalar(x, 1.4142135381698608)})});
  const ValueId product = p.Op("Mul", {biased, p.Op("Add", {erf, p.Scalar(x, 1)})});
  p.Op("Mul", {product, p.Scalar(x, 0.5)});
  return p.ok();
}

bool GeluTanh(PatternContext& p) {
  const ValueId x = p.Take(1, 3);
  const ValueId cube = p.Op("Pow", {x, p.Scalar(x, 3)});
  if (!p.ok()) return false;
  const ValueId small = p.Commutative("Mul", cube, p.Scalar(x, 0.044715));
  const ValueId inner = p.Commutative("Add", x, small);
  const ValueId scaled = p.Commutative("Mul", inner, p.Scalar(x, p.Miss() ? 0.8 : 0.7978845608));
  const ValueId tanh = p.Op("Tanh", {scaled});
  const ValueId plus = p.Commutative("Add", tanh, p.Scalar(x, 1));
  const ValueId half = p.Commutative("Mul", x, p.Scalar(x, 0.5));
  p.Commutative("Mul", half, plus);
  return p.ok();
}

bool QuickGelu(PatternContext& p) {
  const ValueId x = p.Take(1, 4);
  const ValueId scaled = p.Miss(4) ? x : p.Commutative("Mul", x, p.Scalar(x, 1.702));
  const ValueId gate = p.Op("Sigmoid", {scaled});
  p.Disturb(gate);
  p.Commutative("Mul", p.Miss() ? scaled : x, gate);
  return p.ok();
}

bool SkipLayerNorm(PatternContext& p) {
  const ValueId x = p.Take(2, 3);
  if (!p.ok()) return false;
  const ValueId skip = p.Miss(4) ? p.Weights(x, p.shape(x)) : p.Op("Tanh", {x});
  ValueId sum = p.Commutative("Add", x, skip);
  if (p.ok() && p.Miss(3)) sum = p.Commutative("Add", sum, p.Weights(x, {p.shape(x).back()}));
  if (!p.ok()) return false;
  p.Disturb(sum);
  const int64_t last = p.shape(x).back();
  p.Op("LayerNormalization", {sum, p.Weights(x, {last}), p.Weights(x, {last})},
       {{"axis", int64_t{-1}}, {"epsilon", 0.001f}});
  return p.ok();
}

bool SoftmaxDecomposed(PatternContext& p) {
  const ValueId x = p.Take(1, 3);
  if (!p.ok() || p.At(x).range.hi > 5) return false;
  const ValueId exp = p.Op("Exp", {x});
  const ValueId sum = p.Op("ReduceSum", {exp, p.Ints({-1})}, {{"keepdims", int64_t{1}}});
  p.Op("Div", {exp, sum});
  return p.ok();
}

bool LogSumExp(PatternContext& p) {
  const ValueId x = p.Take(1, 3);
  if (!p.ok() || p.At(x).range.hi > 5) return false;
  p.Op("Log", {p.Op("ReduceSum", {p.Op("Exp", {x}), p.Ints({-1})})});
  return p.ok();
}

constexpr PatternEntry kNorms[] = {
    {"LayerNormFusion", LayerNormDecomposed, 2},
    {"GeluFusion", GeluErf, 2},
    {"BiasGeluFusion", BiasGelu},
    {"FastGelu", GeluTanh},
    {"QuickGeluFusion", QuickGelu},
    {"SkipLayerNormFusion", SkipLayerNorm, 2},
    {"softmax spelled out", SoftmaxDecomposed},
    {"log-sum-exp", LogSumExp},
};

}  // namespace

std::span<const PatternEntry> NormPatterns() { return kNorms; }

}  // namespace moire
