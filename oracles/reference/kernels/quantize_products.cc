// DynamicQuantizeLinear, QLinearMatMul, QLinearConv. The products are those of MatMulInteger and
// ConvInteger, exact in int32; only the requantisation has a range.
#include <algorithm>
#include <cmath>

#include "harness/case/float_bits.h"
#include "oracles/reference/kernels/families.h"
#include "oracles/reference/kernels/movement_util.h"
#include "oracles/reference/kernels/quantize.h"

namespace moire {
namespace {

// By the operator's function body: range, scale, zero point, then QuantizeLinear, all in float.
Status DynamicQuantizeLinear(KernelContext& ctx) {
  const RangeTensor& x = ctx.In(0);
  if (x.type != DataType::kFloat || x.size() == 0) {
    return Fail(ErrorCode::kInvalidInput, "input is {} {}", Name(x.type), ToString(x.shape));
  }
  Interval least = Exactly(0), most = Exactly(0);
  uint8_t marks = AllMarks(x);
  for (size_t i = 0; i < x.value.size(); ++i) {
    least = {std::min(least.value, x.value[i]), std::min(least.lo, x.Lo()[i]),
             std::min(least.hi, x.Hi()[i]), kDecided};
    most = Max(most, {x.value[i], x.Lo()[i], x.Hi()[i], kDecided});
    if (!std::isfinite(x.Lo()[i]) || !std::isfinite(x.Hi()[i])) marks |= kUnspecified;
  }
  const Arithmetic arithmetic(DataType::kFloat);
  Interval scale = arithmetic.Div(arithmetic.Sub(most, least), Exactly(255));
  // An input of zeros only: the function body divides 0 by 0.
  if (!(scale.lo > 0)) marks |= scale.hi > 0 ? kUndecidable : kUnspecified;
  scale.mark |= marks;
  const Interval ratio = Quotient(DataType::kFloat, least, scale, 255);
  const QuantizedInt zero =
      SaturateToInt(DataType::kUint8, {-ratio.value, -ratio.hi, -ratio.lo, ratio.mark}, 0);

  MOIRE_ASSIGN(RangeTensor * y, ctx.Make(0, DataType::kUint8, x.shape));
  MOIRE_TRY(ctx.Spend(x.value.size() * 4));
  for (size_t i = 0; i < x.value.size(); ++i) {
    const Interval q = Quotient(DataType::kFloat, ElementOf(x, i), scale, 255);
    const QuantizedInt one = SaturateToInt(DataType::kUint8, q, zero.value);
    y->ints[i] = one.value;
    y->AddMark(i, one.mark | zero.mark);
  }
  if (ctx.Wants(1)) {
    MOIRE_ASSIGN(RangeTensor * out, ctx.Make(1, DataType::kFloat, {}));
    StoreElement(*out, 0, scale);
    Round(*out);
  }
  if (ctx.Wants(2)) {
    MOIRE_ASSIGN(RangeTensor * out, ctx.Make(2, DataType::kUint8, {}));
    out->ints[0] = zero.value;
    out->AddMark(0, zero.mark);
  }
  return {};
}

// Three inputs of a QLinear operator: a quantised tensor's scale and zero point.
struct Grid {
  const RangeTensor& scale;
  const RangeTensor& zero;
  // One for all, or one for each of `count` rows, columns or channels.
  bool Fits(int64_t count) const {
    const auto fits = [&](const RangeTensor& t) {
      return t.size() == 1 || (t.shape.size() == 1 && t.size() == count);
    };
    return fits(scale) && fits(zero) && IsFloat(scale.type) && IsExact(zero.type);
  }
  Interval Scale(int64_t i) const {
    return ElementOf(scale, scale.size() == 1 ? 0 : static_cast<size_t>(i));
  }
  size_t ZeroIndex(int64_t i) const { return zero.size() == 1 ? 0 : static_cast<size_t>(i); }
};

// sum * (a * b / y) with every step in a scale type of 16 bits, which the page does not forbid.
Interval NarrowQuotient(DataType scales, int64_t sum, const Interval& a, const Interval& b,
                        const Interval& y) {
  const Arithmetic narrow(scales);
  const Interval factor = narrow.Div(narrow.Mul(a, b), y);
  return narrow.Mul(narrow.Rounded(Exactly(static_cast<double>(sum))), factor);
}

// saturate(round(sum * a * b / y) + zero) for an exact int32 sum. The scales may be combined in any
// order: within the slack of Quotient unless all are powers of two.
QuantizedInt Requantize(DataType type, DataType scales, int64_t sum, uint8_t marks,
                        const Interval& a, const Interval& b, const Interval& y, int64_t zero) {
  const auto power_of_two = [](const Interval& s) {
    int exponent = 0;
    return s.exact() && std::frexp(std::abs(s.value), &exponent) == 0.5;
  };
  Interval x = ExactProduct(ExactProduct(Exactly(static_cast<double>(sum)), a), b);
  x.mark |= marks;
  if (power_of_two(a) && power_of_two(b) && power_of_two(y)) {
    const double q = x.value / y.value;
    return SaturateToInt(type, {q, q, q, static_cast<uint8_t>(x.mark | y.mark)}, zero);
  }
  // Combining the scales, even in a 16-bit scale type, and converting the sum.
  const double widen = std::abs(x.value) * 2 * UnitRoundoff(DataType::kFloat);
  x.lo -= widen;
  x.hi += widen;
  Interval q = Quotient(DataType::kFloat, x, y, 0);
  if (scales != DataType::kFloat) q = Hull(q, NarrowQuotient(scales, sum, a, b, y));
  return SaturateToInt(type, q, zero);
}

Result<RangeTensor> RunInteger(KernelContext& ctx, std::string_view op,
                               std::span<const RangeTensor* const> inputs) {
  Node node = ctx.node();
  node.op = op;
  node.outputs = {"y"};
  const KernelEntry* entry = FindKernel("", op, 10);
  if (entry == nullptr) return Fail(ErrorCode::kUnsupported, "{}", op);
  KernelContext nested = ctx.Nested(node, inputs);
  MOIRE_TRY(entry->kernel(nested));
  return std::move(nested.Out(0));
}

// "all scales have the same type"
Status CheckScales(std::initializer_list<const Grid*> grids) {
  for (const Grid* grid : grids) {
    if (grid->scale.type != (*grids.begin())->scale.type) {
      return Fail(ErrorCode::kInvalidInput, "scales of {} and {}",
                  Name((*grids.begin())->scale.type), Name(grid->scale.type));
    }
  }
  return {};
}

Status QLinearMatMul(KernelContext& ctx) {
  const RangeTensor& a = ctx.In(0);
  const RangeTensor& b = ctx.In(3);
  if (!IsInteger(a.type) || !IsInteger(b.type)) {
    return Fail(ErrorCode::kUnsupported, "{} by {}", Name(a.type), Name(b.type));
  }
  const Grid grid_a{ctx.In(1), ctx.In(2)}, grid_b{ctx.In(4), ctx.In(5)};
  const Grid grid_y{ctx.In(6), ctx.In(7)};
  MOIRE_TRY(CheckScales({&grid_a, &grid_b, &grid_y}));
  const int64_t rows = a.shape.size() < 2 ? 1 : a.shape[a.shape.size() - 2];
  const int64_t columns = b.shape.size() < 2 ? 1 : b.shape.back();
  if (!grid_a.Fits(rows) || !grid_b.Fits(columns) || !grid_y.Fits(rows)) {
    return Fail(ErrorCode::kUnsupported, "scales that are neither scalar nor per row or column");
  }
  const RangeTensor* const inputs[] = {&a, &b, &grid_a.zero, &grid_b.zero};
  MOIRE_ASSIGN(const RangeTensor sums, RunInteger(ctx, "MatMulInteger", inputs));
  MOIRE_ASSIGN(RangeTensor * out, ctx.Make(0, grid_y.zero.type, sums.shape));
  MOIRE_TRY(ctx.Spend(sums.ints.size() * 8));
  for (size_t i = 0; i < sums.ints.size(); ++i) {
    const auto at = static_cast<int64_t>(i);
    const int64_t column = at % columns, row = at / columns % rows;
    const size_t zero = grid_y.ZeroIndex(row);
    const QuantizedInt y =
        Requantize(out->type, grid_y.scale.type, sums.ints[i], sums.MarkAt(i), grid_a.Scale(row),
                   grid_b.Scale(column), grid_y.Scale(row), grid_y.zero.ints[zero]);
    out->ints[i] = y.value;
    out->AddMark(i, y.mark | grid_y.zero.MarkAt(zero));
  }
  return {};
}

Status QLinearConv(KernelContext& ctx) {
  const RangeTensor& x = ctx.In(0);
  const RangeTensor& w = ctx.In(3);
  const RangeTensor* bias = ctx.Input(8);
  const Grid grid_x{ctx.In(1), ctx.In(2)}, grid_w{ctx.In(4), ctx.In(5)};
  const Grid grid_y{ctx.In(6), ctx.In(7)};
  MOIRE_TRY(CheckScales({&grid_x, &grid_w, &grid_y}));
  const int64_t channels = w.shape.empty() ? 0 : w.shape[0];
  const bool bias_fits =
      bias == nullptr || (bias->type == DataType::kInt32 && bias->shape == Shape{channels});
  if (!grid_x.Fits(1) || !grid_w.Fits(channels) || !grid_y.Fits(1) || !bias_fits) {
    return Fail(ErrorCode::kInvalidInput, "scales, zero points or bias do not fit {} channels",
                channels);
  }
  const RangeTensor* const inputs[] = {&x, &w, &grid_x.zero, &grid_w.zero};
  MOIRE_ASSIGN(const RangeTensor sums, RunInteger(ctx, "ConvInteger", inputs));
  MOIRE_ASSIGN(RangeTensor * out, ctx.Make(0, grid_y.zero.type, sums.shape));
  MOIRE_TRY(ctx.Spend(sums.ints.size() * 8));
  const int64_t plane = sums.size() == 0 ? 1 : Count(Dims(sums.shape).subspan(2));
  for (size_t i = 0; i < sums.ints.size(); ++i) {
    const int64_t channel = static_cast<int64_t>(i) / plane % channels;
    const auto c = static_cast<size_t>(channel);
    // int32 accumulators wrap; whether the sum with the bias may is not said.
    const int64_t sum = sums.ints[i] + (bias != nullptr ? bias->ints[c] : 0);
    uint8_t marks = sums.MarkAt(i) | (bias != nullptr ? bias->MarkAt(c) : kDecided);
    if (sum != static_cast<int32_t>(sum)) marks |= kUnspecified;
    const QuantizedInt y = Requantize(out->type, grid_y.scale.type, sum, marks, grid_x.Scale(0),
                                      grid_w.Scale(channel), grid_y.Scale(0), grid_y.zero.ints[0]);
    out->ints[i] = y.value;
    out->AddMark(i, y.mark | grid_y.zero.MarkAt(0));
  }
  return {};
}

constexpr KernelEntry kQuantizedProductKernels[] = {
    {"DynamicQuantizeLinear", 11, kLatest, DynamicQuantizeLinear},
    {"QLinearMatMul", 10, kLatest, QLinearMatMul},
    {"QLinearConv", 10, kLatest, QLinearConv},
};

}  // namespace

std::span<const KernelEntry> QuantizedProductKernels() { return kQuantizedProductKernels; }

}  // namespace moire
