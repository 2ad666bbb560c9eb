// Contributed operators on quantised data.
#include <algorithm>
#include <cmath>

#include "fuzzers/generate/geometry.h"
#include "fuzzers/generate/ops/contributed.h"
#include "fuzzers/generate/ops/families.h"

namespace moire {
namespace {

constexpr TypeSet kBytes = Bit(DataType::kInt8) | Bit(DataType::kUint8);

Range Zeros(DataType type) { return IsSigned(type) ? Range{-4, 4} : Range{100, 140}; }

// Scalars: a scale, and a zero point of the quantised type.
bool MakeScale(OpContext& c, size_t scale, size_t zero, DataType type, Shape shape = {}) {
  return c.MakeTyped(scale, DataType::kFloat, shape, {0.02, 0.2}) &&
         c.MakeTyped(zero, type, shape, Zeros(type));
}

bool Scaled1(const InferContext& c, size_t scale, size_t zero) {
  return IsScalar(c, scale) && (!c.Given(zero) || c.rank(zero) == 0);
}

// A, scale, zero; B, scale, zero; scale, zero of the result.
bool ChooseQBinary(OpContext& c) {
  if (!c.TakeRank(0, 0, 4)) return false;
  const DataType type = c.type();
  return MakeScale(c, 1, 2, type) && c.TakeBroadcast(3, c.In(0).shape) &&
         MakeScale(c, 4, 5, type) && MakeScale(c, 6, 7, type) && c.Done();
}

bool InferQBinary(InferContext& c) {
  if (!c.Given(0) || !c.Given(3) || !Scaled1(c, 1, 2) || !Scaled1(c, 4, 5) || !Scaled1(c, 6, 7)) {
    return false;
  }
  const auto shape = BroadcastShapes(c.shape(0), c.shape(3));
  if (!shape) return false;
  c.out[0].shape = *shape;
  return true;
}

// X, scale, zero; scale, zero of the result.
bool ChooseQUnary(OpContext& c) {
  if (!c.TakeRank(0, 1, 4) || c.In(0).count == 0) return false;
  const DataType type = c.type();
  if (!MakeScale(c, 1, 2, type) || !MakeScale(c, 3, 4, type)) return false;
  if (c.schema().HasAttribute("alpha")) c.Set("alpha", 0.25f);
  if (c.schema().HasAttribute("axis")) {
    c.SetInt("axis", c.Axis(c.random().Between(0, c.In(0).rank() - 1), c.In(0).rank()), -1);
    c.Set("opset", int64_t{13});
  }
  return c.Done();
}

bool InferQUnary(InferContext& c) {
  if (!c.Given(0) || c.rank(0) < 1 || !Scaled1(c, 1, 2) || !Scaled1(c, 3, 4)) return false;
  return NormalizeAxis(c.node.Int("axis", -1), c.rank(0)).has_value() && InferSame(c);
}

bool Image(const Value& v) { return v.rank() == 4 && v.count > 0; }

// The shape of an image as NCHW.
Shape Nchw(const Shape& x, bool last) { return last ? Shape{x[0], x[3], x[1], x[2]} : x; }
Shape FromNchw(const Shape& x, bool last) { return last ? Shape{x[0], x[2], x[3], x[1]} : x; }

void SetPoolWindow(OpContext& c, const Shape& nchw) {
  const WindowChoice window = DrawWindow(Dims(nchw).subspan(2), WindowKind::kPool, c.random());
  c.Set("kernel_shape", window.kernel);
  c.Set("strides", window.strides);
  if (window.auto_pad.empty()) c.Set("pads", window.pads);
  if (!window.auto_pad.empty()) c.Set("auto_pad", window.auto_pad);
}

bool InferWindow(InferContext& c, bool last) {
  const Shape x = Nchw(c.shape(0), last);
  const Ints kernel = c.node.IntList("kernel_shape");
  if (kernel.size() != 2 || !PadsSmallerThanKernel(c.node, kernel)) return false;
  const auto spatial = WindowOutput(c.node, Dims(x).subspan(2), kernel);
  if (!spatial || Count(*spatial) < 1) return false;
  c.out[0].shape = FromNchw({x[0], x[1], (*spatial)[0], (*spatial)[1]}, last);
  return true;
}

bool ChooseQAveragePool(OpContext& c) {
  if (!c.Take(0, Image)) return false;
  const DataType type = c.type();
  const bool last = c.random().Chance(1, 2);
  SetPoolWindow(c, Nchw(c.In(0).shape, last));
  c.SetInt("channels_last", last, 0);
  if (c.random().Chance(1, 2)) c.Set("count_include_pad", int64_t{1});
  return MakeScale(c, 1, 2, type) && MakeScale(c, 3, 4, type) && c.Done();
}

bool InferQAveragePool(InferContext& c) {
  return c.Given(0) && c.rank(0) == 4 && Count(c.shape(0)) > 0 && Scaled1(c, 1, 2) &&
         Scaled1(c, 3, 4) && InferWindow(c, c.node.Int("channels_last", 0) != 0);
}

bool ChooseQGlobalPool(OpContext& c) {
  if (!c.Take(0, Image)) return false;
  const DataType type = c.type();
  c.SetInt("channels_last", c.random().Chance(1, 2), 0);
  return MakeScale(c, 1, 2, type) && MakeScale(c, 3, 4, type) && c.Done();
}

bool InferQGlobalPool(InferContext& c) {
  if (!c.Given(0) || c.rank(0) != 4 || Count(c.shape(0)) == 0 || !Scaled1(c, 1, 2) ||
      !Scaled1(c, 3, 4)) {
    return false;
  }
  const bool last = c.node.Int("channels_last", 0) != 0;
  const Shape x = Nchw(c.shape(0), last);
  c.out[0].shape = FromNchw({x[0], x[1], 1, 1}, last);
  return true;
}

// Channels last, always.
bool ChooseNhwcMaxPool(OpContext& c) {
  if (!c.Take(0, Image)) return false;
  SetPoolWindow(c, Nchw(c.In(0).shape, true));
  return c.Done();
}

bool InferNhwcMaxPool(InferContext& c) {
  return c.Given(0) && c.rank(0) == 4 && Count(c.shape(0)) > 0 && InferWindow(c, true);
}

// Scale and zero point of the result; then data, scale, zero point for each part.
bool ChooseQConcat(OpContext& c) {
  c.Restrict(2, kBytes);
  const auto fits = [](const Value& v) {
    return v.rank() >= 1 && v.rank() <= 4 && v.count > 0 && v.count <= 128;
  };
  if (!c.Take(2, fits)) return false;
  const Shape first = c.In(2).shape;
  const DataType type = c.In(2).type;
  const auto axis = static_cast<size_t>(c.random().Between(0, c.In(2).rank() - 1));
  if (!MakeScale(c, 0, 1, type) || !MakeScale(c, 3, 4, type)) return false;
  const int64_t parts = c.random().Between(1, 3);
  for (size_t i = 5; i < 2 + 3 * static_cast<size_t>(parts); i += 3) {
    c.Restrict(i, Bit(type));
    Shape shape = first;
    shape[axis] = c.random().Between(1, 4);
    if (!c.TakeShape(i, shape) || !MakeScale(c, i + 1, i + 2, type)) return false;
  }
  c.Set("axis", c.Axis(static_cast<int64_t>(axis), c.In(2).rank()));
  return c.Done();
}

bool InferQConcat(InferContext& c) {
  if (c.in.size() < 5 || (c.in.size() - 2) % 3 != 0 || !Scaled1(c, 0, 1) || !c.Given(1) ||
      !c.Given(2)) {
    return false;
  }
  const auto axis = NormalizeAxis(c.node.Int("axis", 0), c.rank(2));
  if (!axis) return false;
  Shape out = c.shape(2);
  const auto along = static_cast<size_t>(*axis);
  out[along] = 0;
  for (size_t i = 2; i < c.in.size(); i += 3) {
    if (!c.Given(i) || !Scaled1(c, i + 1, i + 2) || !c.Given(i + 2) ||
        c.in[i]->type != c.in[1]->type || c.in[i + 2]->type != c.in[1]->type ||
        c.in[i + 1]->type != DataType::kFloat || c.shape(i).size() != out.size()) {
      return false;
    }
    Shape shape = c.shape(i);
    const int64_t length = std::exchange(shape[along], out[along]);
    if (shape != out) return false;
    out[along] += length;
  }
  c.out[0].shape = out;
  return true;
}

// Condition; X and Y with scale and zero point; those of the result.
bool ChooseQWhere(OpContext& c) {
  if (!c.TakeRank(1, 1, 4) || c.In(1).count == 0) return false;
  const DataType type = c.In(1).type;
  const Shape shape = c.In(1).shape;
  return c.TakeShape(0, shape) && MakeScale(c, 2, 3, type) && c.TakeShape(4, shape) &&
         MakeScale(c, 5, 6, type) && MakeScale(c, 7, 8, type) && c.Done();
}

bool InferQWhere(InferContext& c) {
  if (c.in.size() != 9 || !c.Given(0) || !c.Given(1) || !c.Given(4) || !Scaled1(c, 2, 3) ||
      !Scaled1(c, 5, 6) || !Scaled1(c, 7, 8)) {
    return false;
  }
  const auto data = BroadcastShapes(c.shape(1), c.shape(4));
  const auto all = data ? BroadcastShapes(*data, c.shape(0)) : std::nullopt;
  if (!all) return false;
  c.out[0].shape = *all;
  return true;
}

// QLinearConv whose data may have the channels last.
bool ChooseQConv(OpContext& c) {
  if (!c.random().Chance(1, 2)) return ChooseAs(c, "QLinearConv");
  if (!c.Take(0, Image)) return false;
  const Shape x = c.In(0).shape;
  const DataType type = c.type();
  const int64_t filters = c.random().Between(1, 4);
  const int64_t kernel = c.random().Between(1, std::min<int64_t>({x[1], x[2], 3}));
  c.Restrict(3, IsSigned(type) ? Bit(DataType::kInt8) : kBytes);
  if (!MakeScale(c, 1, 2, type) || !c.Make(3, {filters, x[3], kernel, kernel})) return false;
  c.Set("channels_last", int64_t{1});
  if (!MakeScale(c, 4, 5, c.In(3).type) || !MakeScale(c, 6, 7, type)) return false;
  if (kernel == 3) c.Set("pads", Ints{1, 1, 1, 1});
  return c.Done();
}

bool InferQConv(InferContext& c) {
  if (c.node.Int("channels_last", 0) == 0) return InferAs(c, "QLinearConv", 9);
  if (c.in.size() != 8 || !c.Given(0) || !c.Given(3) || c.rank(0) != 4 || c.rank(3) != 4 ||
      Count(c.shape(0)) == 0 || !Scaled1(c, 1, 2) || !Scaled1(c, 4, 5) || !Scaled1(c, 6, 7)) {
    return false;
  }
  const Shape x = Nchw(c.shape(0), true);
  const Shape& w = c.shape(3);
  if (w[1] != x[1] || w[0] < 1 || c.node.Int("group", 1) != 1) return false;
  const auto spatial = WindowOutput(c.node, Dims(x).subspan(2), Dims(w).subspan(2));
  if (!spatial) return false;
  c.out[0].shape = {x[0], (*spatial)[0], (*spatial)[1], w[0]};
  return true;
}

// A, scale, zero; B, scale, zero; 32-bit C; scale and zero of the result, without which it is
// float.
bool ChooseQGemm(OpContext& c) {
  if (!c.TakeRank(0, 2, 2) || c.In(0).count == 0) return false;
  const DataType type = c.type();
  const bool trans_a = c.random().Chance(1, 4);
  const bool trans_b = c.random().Chance(1, 2);
  const int64_t inner = c.In(0).shape[trans_a ? 0 : 1];
  const int64_t columns = c.random().Between(1, 9);
  c.Restrict(3, IsSigned(type) ? Bit(DataType::kInt8) : kBytes);
  if (!MakeScale(c, 1, 2, type) ||
      !c.TakeShape(3, trans_b ? Shape{columns, inner} : Shape{inner, columns}) ||
      !MakeScale(c, 4, 5, c.In(3).type)) {
    return false;
  }
  c.SetInt("transA", trans_a, 0);
  c.SetInt("transB", trans_b, 0);
  if (c.random().Chance(1, 2)) {
    if (!c.MakeTyped(6, DataType::kInt32, {columns}, {-50, 50})) return false;
  } else {
    c.Omit(6);
  }
  return (c.random().Chance(1, 2) || MakeScale(c, 7, 8, type)) && c.Done();
}

bool InferQGemm(InferContext& c) {
  for (const size_t i : {0, 2, 3, 5}) {
    if (!c.Given(i)) return false;
  }
  if (!Scaled1(c, 1, 2) || !Scaled1(c, 4, 5) || c.rank(0) != 2 || c.rank(3) != 2) return false;
  const size_t ta = c.node.Int("transA", 0) != 0 ? 1 : 0;
  const size_t tb = c.node.Int("transB", 0) != 0 ? 1 : 0;
  if (c.shape(0)[1 - ta] != c.shape(3)[tb] || Count(c.shape(0)) == 0) return false;
  if (c.in[2]->type != c.in[0]->type || c.in[5]->type != c.in[3]->type) return false;
  const int64_t columns = c.shape(3)[1 - tb];
  if (c.Given(6) && c.shape(6) != Shape{columns}) return false;
  if (c.Given(7) != c.Given(8)) return false;
  if (c.Given(7) && (!Scaled1(c, 7, 8) || c.in[8]->type != c.in[0]->type)) return false;
  c.out[0].shape = {c.shape(0)[ta], columns};
  c.out[0].type = c.Given(8) ? c.in[8]->type : DataType::kFloat;
  return true;
}

void MixedRange(InferContext& c) {
  c.out[0].range = {-500, 500};
  if (IsInteger(c.out[0].type)) WholeType(c);
}

// Float A by a quantised matrix, one scale or one a column.
bool ChooseDynamicMatMul(OpContext& c) {
  if (!c.TakeRank(0, 2, 3) || c.In(0).count == 0 || c.In(0).edge) return false;
  const int64_t columns = c.random().Between(1, 9);
  const Shape scales = c.random().Chance(1, 2) ? Shape{1} : Shape{columns};
  if (!c.Make(1, {c.In(0).shape.back(), columns}) || !MakeScale(c, 2, 3, c.In(1).type, scales)) {
    return false;
  }
  return (c.random().Chance(1, 2) || c.TakeShape(4, {columns})) && c.Done();
}

bool InferDynamicMatMul(InferContext& c) {
  if (!c.Given(0) || !c.Given(1) || !c.Given(2) || c.rank(0) < 2 || c.rank(1) != 2 ||
      c.shape(0).back() != c.shape(1)[0] || Count(c.shape(0)) == 0) {
    return false;
  }
  const int64_t columns = c.shape(1)[1];
  if (c.shape(2) != Shape{1} && c.shape(2) != Shape{columns}) return false;
  if (c.Given(3) && c.shape(3) != c.shape(2)) return false;
  if (c.Given(4) && c.shape(4) != Shape{columns}) return false;
  c.out[0].shape = c.shape(0);
  c.out[0].shape.back() = columns;
  return true;
}

bool ChooseIntegerToFloat(OpContext& c) {
  if (!c.TakeRank(0, 2, 3) || c.In(0).count == 0) return false;
  const DataType type = c.type();
  const int64_t columns = c.random().Between(1, 9);
  const Shape scales = c.random().Chance(1, 2) ? Shape{} : Shape{columns};
  c.Restrict(1, IsSigned(type) ? Bit(DataType::kInt8) : kBytes);
  if (!c.Make(1, {c.In(0).shape.back(), columns}) || !MakeScale(c, 2, 4, type) ||
      !MakeScale(c, 3, 5, c.In(1).type, scales)) {
    return false;
  }
  return (c.random().Chance(1, 2) || c.TakeShape(6, {columns})) && c.Done();
}

bool InferIntegerToFloat(InferContext& c) {
  if (!c.Given(0) || !c.Given(1) || !c.Given(3) || !Scaled1(c, 2, 4) || c.rank(0) < 2 ||
      c.rank(1) != 2 || c.shape(0).back() != c.shape(1)[0] || Count(c.shape(0)) == 0) {
    return false;
  }
  const int64_t columns = c.shape(1)[1];
  if (c.rank(3) != 0 && c.shape(3) != Shape{columns}) return false;
  if (c.Given(5) && c.shape(5) != c.shape(3)) return false;
  if (c.Given(6) && c.shape(6) != Shape{columns}) return false;
  c.out[0].shape = c.shape(0);
  c.out[0].shape.back() = columns;
  return true;
}

// Weights of 4 bits (or 8, 2), N rows of K in blocks, each with a scale: [N, blocks, bytes a
// block].
bool ChooseMatMulNBits(OpContext& c) {
  const auto fits = [](const Value& v) {
    return v.rank() >= 2 && v.rank() <= 3 && v.count > 0 && !v.edge && v.range.Magnitude() < 100;
  };
  if (!c.Take(0, fits)) return false;
  const int64_t inner = c.In(0).shape.back();
  const int64_t columns = c.random().Between(1, 8);
  const int64_t block = c.random().Chance(2, 3) ? 16 : 32;
  const int64_t blocks = (inner + block - 1) / block;
  const int64_t bits = c.random().Chance(3, 4) ? 4 : 8;
  if (!c.MakeTyped(1, DataType::kUint8, {columns, blocks, block * bits / 8}, {0, 255}) ||
      !c.Make(2, {columns, blocks}, {0.02, 0.2})) {
    return false;
  }
  c.Set("K", inner);
  c.Set("N", columns);
  c.Set("block_size", block);
  if (bits != 4 || c.random().Chance(1, 2)) c.Set("bits", bits);
  if (c.random().Chance(1, 2)) c.Set("accuracy_level", c.random().Between(0, 4));
  const Shape zeros = {columns, (blocks * bits + 7) / 8};
  if (c.random().Chance(1, 2) && !c.MakeTyped(3, DataType::kUint8, zeros, {0, 255})) return false;
  return c.Done();
}

bool InferMatMulNBits(InferContext& c) {
  if (!c.Given(0) || !c.Given(1) || !c.Given(2) || c.in.size() > 4 || c.rank(0) < 2) return false;
  const int64_t inner = c.node.Int("K", 0);
  const int64_t columns = c.node.Int("N", 0);
  const int64_t block = c.node.Int("block_size", 0);
  const int64_t bits = c.node.Int("bits", 4);
  if (inner < 1 || columns < 1 || (block != 16 && block != 32) || (bits != 4 && bits != 8) ||
      c.shape(0).back() != inner || Count(c.shape(0)) == 0) {
    return false;
  }
  const int64_t blocks = (inner + block - 1) / block;
  if (c.shape(1) != Shape{columns, blocks, block * bits / 8} ||
      c.shape(2) != Shape{columns, blocks} ||
      (c.Given(3) && (c.in[3]->type != DataType::kUint8 ||
                      c.shape(3) != Shape{columns, (blocks * bits + 7) / 8}))) {
    return false;
  }
  c.out[0].shape = c.shape(0);
  c.out[0].shape.back() = columns;
  return true;
}

void FloatProductRange(InferContext& c) {
  const double m = 50 * c.in[0]->range.Magnitude();
  c.out[0].range = {-m, m};
}

// Projections of quantised data: as Attention, with a scale and a zero point for both.
bool ChooseQAttention(OpContext& c) {
  const auto packed = [](const Value& v) { return v.rank() == 3 && v.count > 0; };
  if (!c.Take(0, packed)) return false;
  const Shape x = c.In(0).shape;
  const int64_t heads = c.random().Between(1, 3);
  const int64_t width = heads * c.random().Between(1, 4);
  if (!c.Make(1, {x[2], 3 * width}) || !c.MakeTyped(2, DataType::kFloat, {3 * width})) {
    return false;
  }
  c.Set("num_heads", heads);
  if (c.random().Chance(1, 3)) c.Set("unidirectional", int64_t{1});
  if (!c.MakeTyped(3, DataType::kFloat, {}, {0.01, 0.02}) ||
      !c.MakeTyped(4, DataType::kFloat, {}, {0.01, 0.02})) {
    return false;
  }
  if (c.random().Chance(1, 2)) {
    if (!MakeIndices32(c, 5, {x[0], x[1]}, 1)) return false;
  } else {
    c.Omit(5);
  }
  return c.MakeTyped(6, c.type(), {}, Zeros(c.type())) &&
         c.MakeTyped(7, c.In(1).type, {}, Zeros(c.In(1).type)) && c.Done();
}

bool InferQAttention(InferContext& c) {
  if (c.in.size() != 8 || !c.Given(0) || !c.Given(1) || !c.Given(2) || !IsScalar(c, 3) ||
      !IsScalar(c, 4) || c.rank(0) != 3 || c.rank(1) != 2 || Count(c.shape(0)) == 0 ||
      c.out.size() != 1) {
    return false;
  }
  const Shape &x = c.shape(0), &w = c.shape(1);
  const int64_t heads = c.node.Int("num_heads", 0);
  if (heads < 1 || w[0] != x[2] || w[1] < 3 || w[1] % (3 * heads) != 0 ||
      c.shape(2) != Shape{w[1]} || (c.Given(5) && c.shape(5) != Shape{x[0], x[1]})) {
    return false;
  }
  c.out[0].shape = {x[0], x[1], w[1] / 3};
  return true;
}

// Rows of a matrix whose last dim is quantised in blocks.
bool ChooseGatherBlocks(OpContext& c) {
  const int64_t rows = c.random().Between(2, 6);
  const int64_t block = c.random().Chance(2, 3) ? 16 : 32;
  const int64_t width = block * c.random().Between(1, 2);
  // Two weights of 4 bits a byte.
  if (!c.MakeTyped(0, DataType::kUint8, {rows, width / 2}, {0, 255})) return false;
  const Shape indices = {c.random().Between(1, 3), c.random().Between(1, 3)};
  if (!c.MakeTyped(1, DataType::kInt64, indices, {-0.25, static_cast<double>(rows) - 0.75}) ||
      !c.Make(2, {rows, width / block}, {0.02, 0.2})) {
    return false;
  }
  c.Set("block_size", block);
  c.Set("bits", int64_t{4});
  c.Set("quantize_axis", int64_t{1});
  return c.Done();
}

bool InferGatherBlocks(InferContext& c) {
  if (c.in.size() != 3 || !c.Given(0) || !c.Given(1) || !c.Given(2) || c.rank(0) != 2 ||
      c.in[0]->type != DataType::kUint8 || c.node.Int("bits", 4) != 4 ||
      c.node.Int("gather_axis", 0) != 0 || c.node.Int("quantize_axis", 1) != 1) {
    return false;
  }
  const int64_t block = c.node.Int("block_size", 128);
  const Shape& data = c.shape(0);
  const int64_t width = data[1] * 2;
  if ((block != 16 && block != 32) || width % block != 0 ||
      c.shape(2) != Shape{data[0], width / block} ||
      !c.in[1]->range.Inside(-0.5, static_cast<double>(data[0]) - 0.5)) {
    return false;
  }
  c.out[0].shape = c.shape(1);
  c.out[0].shape.push_back(width);
  return true;
}

void DequantizedRange(InferContext& c) { c.out[0].range = {-3, 3}; }

constexpr uint32_t kQuantised = kExactResult | kSteps;

constexpr OpEntry kQuants[] = {
    Contributed("DequantizeLinear", ChooseLike<"DequantizeLinear">,
                InferLike<"DequantizeLinear", 3>, DequantizedRange),
    Contributed("DynamicQuantizeMatMul", ChooseDynamicMatMul, InferDynamicMatMul, FloatProductRange,
                0, 1.5),
    Contributed("GatherBlockQuantized", ChooseGatherBlocks, InferGatherBlocks, DequantizedRange),
    Contributed("MatMulIntegerToFloat", ChooseIntegerToFloat, InferIntegerToFloat, MixedRange),
    Contributed("MatMulNBits", ChooseMatMulNBits, InferMatMulNBits, FloatProductRange, 0, 2),
    Contributed("NhwcMaxPool", ChooseNhwcMaxPool, InferNhwcMaxPool, nullptr, kExactResult),
    Contributed("QAttention", ChooseQAttention, InferQAttention, MixedRange),
    Contributed("QGemm", ChooseQGemm, InferQGemm, MixedRange, kQuantised),
    Contributed("QLinearAdd", ChooseQBinary, InferQBinary, WholeType, kQuantised),
    Contributed("QLinearAveragePool", ChooseQAveragePool, InferQAveragePool, WholeType, kQuantised),
    Contributed("QLinearConcat", ChooseQConcat, InferQConcat, WholeType, kQuantised),
    Contributed("QLinearConv", ChooseQConv, InferQConv, WholeType, kQuantised),
    Contributed("QLinearGlobalAveragePool", ChooseQGlobalPool, InferQGlobalPool, WholeType,
                kQuantised),
    Contributed("QLinearLeakyRelu", ChooseQUnary, InferQUnary, WholeType, kQuantised),
    Contributed("QLinearMul", ChooseQBinary, InferQBinary, WholeType, kQuantised),
    Contributed("QLinearSigmoid", ChooseQUnary, InferQUnary, WholeType, kQuantised),
    Contributed("QLinearSoftmax", ChooseQUnary, InferQUnary, WholeType, kQuantised),
    Contributed("QLinearWhere", ChooseQWhere, InferQWhere, WholeType, kQuantised),
    Contributed("QuantizeLinear", ChooseLike<"QuantizeLinear">, InferLike<"QuantizeLinear", 3>,
                WholeType, kQuantised),
};

}  // namespace

OpTable ContributedQuants() { return kQuants; }

}  // namespace moire
