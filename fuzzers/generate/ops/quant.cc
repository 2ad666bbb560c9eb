// Quantisation.
#include <algorithm>
#include <cmath>

#include "fuzzers/generate/op_context.h"
#include "fuzzers/generate/ops/families.h"

namespace moire {
namespace {

// Scales and zero points: a scalar, or a vector along an axis. False when there is no such axis.
struct Granularity {
  bool per_axis = false;
  int64_t axis = 0;
  Shape shape;
};

Granularity DrawGranularity(OpContext& c) {
  const int64_t rank = c.In(0).rank();
  Granularity out;
  if (rank >= 1 && c.random().Chance(1, 3)) {
    out.per_axis = true;
    out.axis = rank == 1 ? 0 : c.random().Chance(2, 3) ? 1 : c.random().Between(0, rank - 1);
    out.shape = {c.In(0).shape[static_cast<size_t>(out.axis)]};
    c.SetInt("axis", c.Axis(out.axis, rank), 1);
  }
  return out;
}

bool ChooseQuantize(OpContext& c) {
  // 32-bit integer inputs exist too; floats are what is quantised in practice.
  if (!c.random().Chance(1, 8)) c.Restrict(0, kFloats);
  const auto fits = [](const Value& v) { return !v.edge && v.range.Magnitude() < 500; };
  if (!c.Take(0, fits)) return false;
  const Granularity g = DrawGranularity(c);
  if (!c.Make(1, g.shape, {0.02, 0.2})) return false;
  if (c.random().Chance(1, 4)) return c.Done();
  static constexpr DataType kTargets[] = {DataType::kUint8, DataType::kInt8,   DataType::kUint8,
                                          DataType::kInt8,  DataType::kUint16, DataType::kInt16};
  const DataType target = kTargets[c.random().Index(6)];
  if (!Has(c.schema().inputs[2].types, target)) return false;
  const Range zero = IsSigned(target) ? Range{-8, 8} : Range{100, 140};
  return c.MakeTyped(2, target, g.shape, zero) && c.Done();
}

bool PerTensorOrAxis(InferContext& c, size_t scale, size_t zero) {
  if (!c.Given(scale)) return false;
  if (c.Given(zero) && c.shape(zero) != c.shape(scale)) return false;
  if (c.node.Int("block_size", 0) != 0) return false;
  if (c.rank(scale) == 0) return true;
  if (c.rank(scale) != 1) return false;
  const auto axis = NormalizeAxis(c.node.Int("axis", 1), c.rank(0));
  return axis && c.shape(scale)[0] == c.shape(0)[static_cast<size_t>(*axis)];
}

bool InferQuantize(InferContext& c) {
  if (!PerTensorOrAxis(c, 1, 2)) return false;
  if (c.out[0].type == DataType::kUndefined) {
    const auto type = static_cast<DataType>(c.node.Int("output_dtype", 0));
    c.out[0].type = type == DataType::kUndefined ? DataType::kUint8 : type;
  }
  return InferSame(c);
}

void QuantizedRange(InferContext& c) {
  const DataType type = c.out[0].type;
  c.out[0].range = {static_cast<double>(IntegerMin(type)), static_cast<double>(IntegerMax(type))};
}

bool ChooseDequantize(OpContext& c) {
  if (!c.TakeAny(0)) return false;
  const Granularity g = DrawGranularity(c);
  if (!c.Make(1, g.shape, {0.02, 0.2})) return false;
  if (c.type() == DataType::kInt32) return c.Done();
  if (c.random().Chance(2, 3) && !c.Make(2, g.shape)) return false;
  return c.Done();
}

bool InferDequantize(InferContext& c) {
  if (!PerTensorOrAxis(c, 1, 2)) return false;
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
