// Quantisation.
#include <algorithm>
#include <cmath>

#include "fuzzers/generate/op_context.h"
#include "fuzzers/generate/ops/families.h"

namespace moire {
namespace {

// Scales and zero points: a scalar, a vector along an axis, or (opset 21 on) one for each block of
// elements along an axis.
struct Granularity {
  Shape shape;
};

Granularity DrawGranularity(OpContext& c) {
  const int64_t rank = c.In(0).rank();
  Granularity out;
  // Before opset 13 there is one scale for all.
  if (rank < 1 || !c.schema().HasAttribute("axis") || !c.random().Chance(1, 3)) return out;
  const int64_t axis = rank == 1                 ? 0
                       : c.random().Chance(2, 3) ? 1
                                                 : c.random().Between(0, rank - 1);
  const int64_t dim = c.In(0).shape[static_cast<size_t>(axis)];
  c.SetInt("axis", c.Axis(axis, rank), 1);
  if (c.b().settings().whole_standard && c.schema().HasAttribute("block_size") && rank >= 2 &&
      dim >= 2 && c.random().Chance(1, 4)) {
    const int64_t block = c.random().Between(1, dim);
    c.Set("block_size", block);
    out.shape = c.In(0).shape;
    out.shape[static_cast<size_t>(axis)] = (dim + block - 1) / block;
    return out;
  }
  out.shape = {dim};
  return out;
}

DataType DrawTarget(OpContext& c) {
  static constexpr DataType kTargets[] = {DataType::kUint8, DataType::kInt8,   DataType::kUint8,
                                          DataType::kInt8,  DataType::kUint16, DataType::kInt16};
  static constexpr DataType kSmall[] = {
      DataType::kInt4,           DataType::kUint4,          DataType::kInt2,
      DataType::kUint2,          DataType::kFloat8E4M3FN,   DataType::kFloat8E5M2,
      DataType::kFloat8E4M3FNUZ, DataType::kFloat8E5M2FNUZ, DataType::kFloat4E2M1};
  const bool small = c.b().settings().whole_standard && c.random().Chance(1, 10);
  return small ? kSmall[c.random().Index(9)] : kTargets[c.random().Index(6)];
}

// Zero points are zero for float results.
Range ZeroPoints(DataType type) {
  if (IsFloat(type)) return {-1e-9, 1e-9};
  if (Traits(type).bits < 8) return {IsSigned(type) ? -1.0 : 0.0, 1};
  return IsSigned(type) ? Range{-8, 8} : Range{100, 140};
}

bool ChooseQuantize(OpContext& c) {
  // 32-bit integer inputs exist too; floats are what is quantised in practice.
  if (!c.random().Chance(1, 8)) c.Restrict(0, kFloats);
  const auto fits = [](const Value& v) { return !v.edge && v.range.Magnitude() < 500; };
  if (!c.Take(0, fits)) return false;
  const Granularity g = DrawGranularity(c);
  if (!c.Make(1, g.shape, {0.02, 0.2})) return false;
  const DataType target = DrawTarget(c);
  if (!Has(c.schema().inputs[2].types, target)) return false;
  if (c.schema().HasAttribute("output_dtype") && c.random().Chance(1, 6)) {
    c.Set("output_dtype", static_cast<int64_t>(target));
    c.b().Carry(target);
    return c.Done();
  }
  if (c.random().Chance(1, 4)) return c.Done();
  c.b().Carry(target);
  return c.MakeTyped(2, target, g.shape, ZeroPoints(target)) && c.Done();
}

bool Granular(InferContext& c, size_t scale, size_t zero) {
  if (!c.Given(scale)) return false;
  if (c.Given(zero) && c.shape(zero) != c.shape(scale)) return false;
  const auto axis = NormalizeAxis(c.node.Int("axis", 1), c.rank(0));
  const int64_t block = c.node.Int("block_size", 0);
  if (block != 0) {
    if (block < 1 || !axis || c.rank(scale) != c.rank(0)) return false;
    Shape wanted = c.shape(0);
    int64_t& dim = wanted[static_cast<size_t>(*axis)];
    dim = (dim + block - 1) / block;
    return c.shape(scale) == wanted;
  }
  if (c.rank(scale) == 0) return true;
  if (c.rank(scale) != 1) return false;
  return axis && c.shape(scale)[0] == c.shape(0)[static_cast<size_t>(*axis)];
}

bool InferQuantize(InferContext& c) {
  if (!Granular(c, 1, 2)) return false;
  const auto type = static_cast<DataType>(c.node.Int("output_dtype", 0));
  if (type != DataType::kUndefined && !Has(c.schema.outputs[0].types, type)) return false;
  if (c.out[0].type == DataType::kUndefined) {
    c.out[0].type = type == DataType::kUndefined ? DataType::kUint8 : type;
  } else if (type != DataType::kUndefined && type != c.out[0].type) {
    return false;
  }
  return InferSame(c);
}

void QuantizedRange(InferContext& c) {
  const DataType type = c.out[0].type;
  if (IsFloat(type)) {
    c.out[0].range = {-Traits(type).max_finite, Traits(type).max_finite};
    return;
  }
  c.out[0].range = {static_cast<double>(IntegerMin(type)), static_cast<double>(IntegerMax(type))};
}

bool ChooseDequantize(OpContext& c) {
  if (!c.TakeAny(0)) return false;
  const Granularity g = DrawGranularity(c);
  if (!c.Make(1, g.shape, {0.02, 0.2})) return false;
  if (c.type() == DataType::kInt32) return c.Done();
  if (c.random().Chance(2, 3) && !c.MakeTyped(2, c.type(), g.shape, ZeroPoints(c.type()))) {
    return false;
  }
  return c.Done();
}

bool InferDequantize(InferContext& c) {
  if (!Granular(c, 1, 2)) return false;
  if (c.out[0].type == DataType::kUndefined) c.out[0].type = c.in[1]->type;
  return InferSame(c);
}

void DequantizedRange(InferContext& c) {
  const double zero = c.Given(2) ? c.in[2]->range.Magnitude() : 0;
  const double m = (c.in[0]->range.Magnitude() + zero) * c.in[1]->range.Magnitude();
  c.out[0].range = {-m, m};
}

bool InferDynamicQuantize(InferContext& c) {
  if (!c.Given(0) || Count(c.shape(0)) == 0 || c.out.size() != 3) return false;
  c.out[0].shape = c.shape(0);
  return true;
}

bool ChooseDynamicQuantize(OpContext& c) {
  return c.Take(0, [](const Value& v) { return !v.edge && v.count > 0; }) && c.Done(3);
}

void DynamicRange(InferContext& c) {
  c.out[0].range = {0, 255};
  c.out[1].range = {1e-3, c.in[0]->range.Magnitude() / 100};
  c.out[2].range = {0, 255};
}

constexpr OpEntry kQuant[] = {
    {"DequantizeLinear", ChooseDequantize, InferDequantize, DequantizedRange, 0, 0.6},
    {"DynamicQuantizeLinear", ChooseDynamicQuantize, InferDynamicQuantize, DynamicRange, kSteps},
    {"QuantizeLinear", ChooseQuantize, InferQuantize, QuantizedRange, kExactResult | kSteps, 0.6},
};

}  // namespace

OpTable QuantOps() { return kQuant; }

}  // namespace moire
