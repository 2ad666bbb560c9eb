// Quantisation around operators: what becomes QLinear* or is dropped as a pair.
#include "fuzzers/generate/patterns/context.h"

namespace moire {
namespace {

struct Parameters {
  ValueId scale = kNoValue;
  ValueId zero = kNoValue;
};

Parameters Draw(PatternContext& p, DataType type) {
  Parameters out;
  Tensor scale = MakeTensor(DataType::kFloat, {});
  SetFloat(scale, 0, 0.015625 * static_cast<double>(1 + p.random().Below(8)));
  out.scale = p.b().AddInitializer(std::move(scale));
  Tensor zero = MakeTensor(type, {});
  SetInt(zero, 0, IsSigned(type) ? p.random().Between(-4, 4) : p.random().Between(120, 136));
  out.zero = p.b().AddInitializer(std::move(zero));
  return out;
}

ValueId Round(PatternContext& p, ValueId x, DataType type) {
  const Parameters q = Draw(p, type);
  const ValueId quantized = p.Op("QuantizeLinear", {x, q.scale, q.zero});
  if (p.ok()) p.Disturb(quantized);
  const Parameters other = p.Miss() ? Draw(p, type) : q;
  return p.Op("DequantizeLinear", {quantized, other.scale, other.zero});
}

DataType DrawQuantized(PatternContext& p) {
  return p.random().Chance(2, 3) ? DataType::kUint8 : DataType::kInt8;
}

ValueId TakeFloat(PatternContext& p, int64_t low, int64_t high) {
  return p.Take(low, high, Bit(DataType::kFloat));
}

bool Pair(PatternContext& p) {
  const ValueId x = TakeFloat(p, 1, 4);
  if (!p.ok() || p.At(x).edge) return false;
  Round(p, x, DrawQuantized(p));
  return p.ok();
}

// Q -> DQ -> operator -> Q -> DQ.
bool Surrounded(PatternContext& p) {
  const ValueId x = TakeFloat(p, 2, 4);
  if (!p.ok() || p.At(x).edge) return false;
  const DataType type = DrawQuantized(p);
  const ValueId in = Round(p, x, type);
  if (!p.ok()) return false;
  ValueId y = kNoValue;
  switch (p.random().Below(8)) {
    case 0:
      y = p.Op("Relu", {in});
      break;
    case 1:
      y = p.Op("Sigmoid", {in});
      break;
    case 2:
      y = p.Op("Transpose", {in});
      break;
    case 3:
      y = p.Op("Reshape", {in, p.Ints({-1})});
      break;
    case 4:
      y = p.Op("Add", {in, Round(p, p.Op("Tanh", {in}), type)});
      break;
    case 5:
      y = p.Op("Softmax", {in});
      break;
    case 6:
      y = p.Op("LeakyRelu", {in}, {{"alpha", 0.125f}});
      break;
    default:
      y = p.Op("Concat", {in, in}, {{"axis", int64_t{0}}});
      break;
  }
  if (p.ok()) Round(p, y, p.Miss() ? DataType::kInt8 : type);
  return p.ok();
}

bool QuantizedMatMul(PatternContext& p) {
  const ValueId x = TakeFloat(p, 2, 3);
  if (!p.ok() || p.At(x).edge) return false;
  const DataType type = DrawQuantized(p);
  const ValueId in = Round(p, x, type);
  if (!p.ok()) return false;
  const ValueId weights = p.b().AddInitializer(
      p.b().Fill(DataType::kInt8, {p.shape(x).back(), p.b().DrawDim()}, {-60, 60}));
  Parameters w = Draw(p, DataType::kInt8);
  const ValueId dequantized = p.Op("DequantizeLinear", {weights, w.scale, w.zero});
  const ValueId product = p.Op("MatMul", {in, dequantized});
  if (p.ok() && p.Miss(5)) Round(p, product, type);
  return p.ok();
}

bool QuantizedConv(PatternContext& p) {
  const ValueId x = TakeFloat(p, 4, 4);
  if (!p.ok() || p.At(x).edge || p.shape(x)[1] > 16) return false;
  const DataType type = DrawQuantized(p);
  const ValueId in = Round(p, x, type);
  if (!p.ok()) return false;
  const ValueId weights = p.b().AddInitializer(
      p.b().Fill(DataType::kInt8, {p.random().Between(1, 3), p.shape(x)[1], 1, 1}, {-60, 60}));
  const Parameters w = Draw(p, DataType::kInt8);
  ValueId y = p.Op("Conv", {in, p.Op("DequantizeLinear", {weights, w.scale, w.zero})});
  if (p.ok() && p.Miss(3)) y = p.Op("Relu", {y});
  if (p.ok()) Round(p, y, type);
  return p.ok();
}

bool Dynamic(PatternContext& p) {
  const ValueId x = TakeFloat(p, 2, 2);
  if (!p.ok() || p.At(x).edge) return false;
  const std::vector<ValueId> q = p.Ops("DynamicQuantizeLinear", {x}, {}, 3);
  if (!p.ok()) return false;
  const ValueId weights = p.b().AddInitializer(
      p.b().Fill(DataType::kInt8, {p.shape(x)[1], p.b().DrawDim()}, {-60, 60}));
  Tensor zero = MakeTensor(DataType::kInt8, {});
  const ValueId product =
      p.Op("MatMulInteger", {q[0], weights, q[2], p.b().AddInitializer(std::move(zero))});
  const ValueId real = p.Op("Cast", {product}, {{"to", static_cast<int64_t>(DataType::kFloat)}});
  p.Op("Mul", {real, p.Op("Mul", {q[1], p.Scalar(x, 0.0625)})});
  return p.ok();
}

constexpr PatternEntry kQuants[] = {
    {"QDQ pair", Pair},
    {"QDQ around an operator", Surrounded, 2},
    {"QLinearMatMul", QuantizedMatMul},
    {"QLinearConv", QuantizedConv},
    {"DynamicQuantizeMatMulFusion", Dynamic},
};

}  // namespace

std::span<const PatternEntry> QuantPatterns() { return kQuants; }

}  // namespace moire
