// Fourier transforms and windows.
#include <algorithm>
#include <cmath>

#include "fuzzers/generate/op_context.h"
#include "fuzzers/generate/ops/families.h"

namespace moire {
namespace {

// A value whose last dim is 1 (real) or 2 (complex); otherwise one that gets such a dim.
bool TakeSignal(OpContext& c, bool real, int64_t max_rank) {
  const auto fits = [&](const Value& v) {
    return v.rank() >= 2 && v.rank() <= max_rank && v.count > 0 &&
           (v.shape.back() == 1 || (!real && v.shape.back() == 2 && v.rank() >= 3));
  };
  if (c.Take(0, fits)) return true;
  if (!c.Take(
          0, [&](const Value& v) { return v.rank() >= 1 && v.rank() < max_rank && v.count > 0; })) {
    return false;
  }
  Shape shape = c.In(0).shape;
  shape.push_back(1);
  return c.Put(0, c.b().Emit1("Reshape", {c.Id(0), c.b().AddInts(shape)}));
}

bool ChooseDft(OpContext& c) {
  const bool inverse = c.random().Chance(1, 4);
  const bool onesided = !inverse && c.random().Chance(1, 3);
  if (!TakeSignal(c, onesided, 5)) return false;
  const int64_t rank = c.In(0).rank();
  if (rank < 2) return false;
  const int64_t axis = c.random().Between(0, rank - 2);
  if (inverse) c.Set("inverse", int64_t{1});
  if (onesided) c.Set("onesided", int64_t{1});
  const bool by_attribute = c.schema().HasAttribute("axis");
  const bool written = axis != (by_attribute ? 1 : rank - 2) || c.random().Chance(1, 2);
  if (by_attribute && written) c.Set("axis", axis);
  if (c.random().Chance(1, 3)) {
    const int64_t n = c.In(0).shape[static_cast<size_t>(axis)];
    if (!c.MakeInts(1, {c.random().Between(1, n + 2)}, true)) return false;
  } else {
    c.Omit(1);
  }
  if (!by_attribute && written &&
      !c.Put(2, c.b().AddInts({c.Axis(axis, rank)}, DataType::kInt64, true))) {
    return false;
  }
  return c.Done();
}

bool InferDft(InferContext& c) {
  if (!c.Given(0) || c.rank(0) < 2 || Count(c.shape(0)) == 0) return false;
  const int64_t rank = c.rank(0);
  const int64_t parts = c.shape(0).back();
  const bool onesided = c.node.Int("onesided", 0) != 0;
  const bool inverse = c.node.Int("inverse", 0) != 0;
  if (parts != 1 && parts != 2) return false;
  if (onesided && (inverse || parts != 1)) return false;
  int64_t at = c.schema.HasAttribute("axis") ? c.node.Int("axis", 1) : -2;
  if (c.Given(2)) {
    if (c.Known(2) == nullptr || c.rank(2) != 0) return false;
    at = (*c.Known(2))[0];
  }
  const auto axis = NormalizeAxis(at, rank);
  if (!axis || *axis == rank - 1) return false;
  c.out[0].shape = c.shape(0);
  int64_t& length = c.out[0].shape[static_cast<size_t>(*axis)];
  if (c.Given(1)) {
    if (c.Known(1) == nullptr || c.rank(1) != 0) return false;
    length = (*c.Known(1))[0];
    if (length < 1 || length > 1 << 16) return false;
  }
  if (onesided) length = length / 2 + 1;
  c.out[0].shape.back() = 2;
  return true;
}

void DftRange(InferContext& c) {
  const double m = c.in[0]->range.Magnitude() * 8;
  c.out[0].range = {-m, m};
}

bool ChooseStft(OpContext& c) {
  const bool onesided = c.random().Chance(1, 2);
  c.Set("onesided", static_cast<int64_t>(onesided));
  if (!TakeSignal(c, onesided, 3)) return false;
  if (c.In(0).rank() != 3) return false;
  const int64_t length = c.In(0).shape[1];
  const int64_t frame = c.random().Between(1, std::min<int64_t>(length, 8));
  // Both numbers are of one type.
  const DataType type = c.random().Chance(1, 3) ? DataType::kInt32 : DataType::kInt64;
  if (!c.Put(1, c.b().AddInts({c.random().Between(1, 3)}, type, true))) return false;
  if (c.random().Chance(1, 2)) {
    if (!c.TakeShape(2, {frame})) return false;
  } else {
    c.Omit(2);
  }
  return c.Put(3, c.b().AddInts({frame}, type, true)) && c.Done();
}

bool InferStft(InferContext& c) {
  if (!c.Given(0) || c.Known(1) == nullptr || c.Known(3) == nullptr || c.rank(0) != 3) return false;
  if (c.rank(1) != 0 || c.rank(3) != 0) return false;
  const Shape& x = c.shape(0);
  const int64_t step = (*c.Known(1))[0];
  const int64_t frame = (*c.Known(3))[0];
  const bool onesided = c.node.Int("onesided", 1) != 0;
  if ((x[2] != 1 && (x[2] != 2 || onesided)) || step < 1 || frame < 1 || frame > x[1]) return false;
  if (x[0] == 0 || (c.Given(2) && c.shape(2) != Shape{frame})) return false;
  c.out[0].shape = {x[0], (x[1] - frame) / step + 1, onesided ? frame / 2 + 1 : frame, 2};
  return true;
}

bool SetOutputType(OpContext& c, TypeSet types) {
  if (c.random().Chance(1, 2)) return true;
  const DataType type = c.DrawType(c.schema().outputs[0].types & types);
  if (type == DataType::kUndefined) return false;
  c.Set("output_datatype", static_cast<int64_t>(type));
  return true;
}

bool ChooseWindow(OpContext& c) {
  if (!SetOutputType(c, kFloats)) return false;
  if (c.random().Chance(1, 2)) c.Set("periodic", static_cast<int64_t>(c.random().Below(2)));
  return c.MakeInts(0, {c.random().Between(2, 12)}, true) && c.Done();
}

bool OutputType(InferContext& c) {
  const auto type = static_cast<DataType>(c.node.Int("output_datatype", 1));
  if (!Has(c.schema.outputs[0].types, type)) return false;
  c.out[0].type = type;
  return true;
}

bool InferWindow(InferContext& c) {
  if (c.Known(0) == nullptr || c.rank(0) != 0 || !OutputType(c)) return false;
  const int64_t size = (*c.Known(0))[0];
  if (size < 1 || size > 1 << 16) return false;
  c.out[0].shape = {size};
  return true;
}

bool ChooseMel(OpContext& c) {
  if (!SetOutputType(c, kFloats)) return false;
  // Runtimes refuse bands that no frequency of the transform falls into.
  const int64_t bins = c.random().Between(1, 4);
  const int64_t length = 32 * c.random().Between(1, 3);
  const DataType type = c.random().Chance(1, 3) ? DataType::kInt32 : DataType::kInt64;
  if (!c.Put(0, c.b().AddInts({bins}, type, true)) ||
      !c.Put(1, c.b().AddInts({length}, type, true)) ||
      !c.Put(2, c.b().AddInts({8192}, type, true))) {
    return false;
  }
  const DataType edges =
      c.DrawType(c.schema().inputs[3].types & (Bit(DataType::kFloat) | Bit(DataType::kDouble)));
  if (edges == DataType::kUndefined) return false;
  for (size_t i = 0; i < 2; ++i) {
    Tensor edge = MakeTensor(edges, {});
    SetFloat(edge, 0, i == 0 ? 0.0 : 4096.0);
    if (!c.Put(3 + i, c.b().AddInitializer(std::move(edge)))) return false;
  }
  return c.Done();
}

bool InferMel(InferContext& c) {
  if (c.in.size() != 5 || c.Known(0) == nullptr || c.Known(1) == nullptr || !OutputType(c)) {
    return false;
  }
  const int64_t bins = (*c.Known(0))[0];
  const int64_t length = (*c.Known(1))[0];
  if (bins < 1 || bins > 1 << 10 || length < 1 || length > 1 << 16) return false;
  c.out[0].shape = {length / 2 + 1, bins};
  return true;
}

void Unit(InferContext& c) { c.out[0].range = {0, 1}; }

constexpr OpEntry kSignal[] = {
    {"BlackmanWindow", ChooseWindow, InferWindow, Unit, 0, 0.25},
    {"DFT", ChooseDft, InferDft, DftRange, 0, 0.7},
    {"HammingWindow", ChooseWindow, InferWindow, Unit, 0, 0.25},
    {"HannWindow", ChooseWindow, InferWindow, Unit, 0, 0.25},
    {"MelWeightMatrix", ChooseMel, InferMel, Unit, kSteps, 0.12},
    {"STFT", ChooseStft, InferStft, DftRange, 0, 1.5},
};

}  // namespace

OpTable SignalOps() { return kSignal; }

}  // namespace moire
