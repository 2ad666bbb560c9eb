// QuantizeLinear and DequantizeLinear: per tensor, per axis and blocked.
#include "oracles/reference/kernels/quantize.h"

#include <algorithm>
#include <cmath>

#include "harness/case/float_bits.h"
#include "oracles/reference/kernels/families.h"
#include "oracles/reference/kernels/movement_util.h"

namespace moire {

QuantizedInt SaturateToInt(DataType type, const Interval& q, int64_t zero) {
  const auto low = static_cast<double>(IntegerMin(type));
  const auto high = static_cast<double>(IntegerMax(type));
  const auto offset = static_cast<double>(zero);
  const auto saturate = [&](double at) {
    return std::clamp(std::nearbyint(at) + offset, low, high);
  };
  const auto zero_first = [&](double at) {
    return std::clamp(std::nearbyint(at + offset), low, high);
  };
  if (!std::isfinite(q.value)) {
    return {zero, static_cast<uint8_t>(q.mark | kUnspecified)};
  }
  QuantizedInt out{static_cast<int64_t>(saturate(q.value)), q.mark};
  const double least = std::min(saturate(q.lo), zero_first(q.lo));
  const double most = std::max(saturate(q.hi), zero_first(q.hi));
  if (!(least == most)) out.mark |= kUndecidable;
  return out;
}

Interval Quotient(DataType precision, const Interval& x, const Interval& scale, double most) {
  const uint8_t marks = x.mark | scale.mark;
  int exponent = 0;
  const bool power_of_two = scale.exact() && std::abs(std::frexp(scale.value, &exponent)) == 0.5;
  if (power_of_two && x.exact() && RoundTo(precision, x.value) == x.value) {
    const double q = x.value / scale.value;
    if (RoundTo(precision, q) == q) return {q, q, q, marks};
  }
  if (scale.value == 0 || !std::isfinite(scale.value)) {
    const double q = x.value / scale.value;
    return {q, q, q, static_cast<uint8_t>(marks | kUnspecified)};
  }
  const double usual = RoundTo(precision, x.value / scale.value);
  if (scale.lo <= 0 && scale.hi >= 0) {
    return {usual, usual, usual, static_cast<uint8_t>(marks | kUndecidable)};
  }
  const double corners[] = {x.lo / scale.lo, x.lo / scale.hi, x.hi / scale.lo, x.hi / scale.hi};
  double lo = *std::ranges::min_element(corners);
  double hi = *std::ranges::max_element(corners);
  const double float_unit = UnitRoundoff(DataType::kFloat);
  // A narrow division rounds x to its precision first, then the quotient.
  const double relative =
      (precision == DataType::kFloat ? 0 : 2 * UnitRoundoff(precision)) + 4 * float_unit;
  const double absolute = x.exact() ? 0 : 4 * float_unit * most;
  lo -= std::abs(lo) * relative + absolute;
  hi += std::abs(hi) * relative + absolute;
  return {usual, lo, hi, marks};
}

namespace {

bool IsFloat8(DataType type) {
  return type == DataType::kFloat8E4M3FN || type == DataType::kFloat8E4M3FNUZ ||
         type == DataType::kFloat8E5M2 || type == DataType::kFloat8E5M2FNUZ;
}

// The element of scale and zero point that each element of x uses.
Result<std::vector<int64_t>> Granularity(KernelContext& ctx, const RangeTensor& x,
                                         const RangeTensor& scale) {
  MOIRE_TRY(ctx.Reserve(DataType::kInt64, x.shape));
  if (scale.size() == 1) {
    MOIRE_TRY(ctx.Spend(static_cast<uint64_t>(x.size())));
    return std::vector<int64_t>(static_cast<size_t>(x.size()), 0);
  }
  MOIRE_ASSIGN(const int64_t axis, Axis(ctx.node().Int("axis", 1), x.shape.size()));
  const auto a = static_cast<size_t>(axis);
  MOIRE_ASSIGN(std::vector<AxisTable> tables, MakeAxisTables(ctx, x.shape));
  const int64_t block = ctx.opset() >= 21 ? ctx.node().Int("block_size", 0) : 0;
  if (block == 0) {
    if (ctx.opset() < 13 || scale.shape != Shape{x.shape[a]}) {
      return Fail(ErrorCode::kInvalidInput, "scale {} for {} along axis {}", ToString(scale.shape),
                  ToString(x.shape), axis);
    }
    for (size_t i = 0; i < tables[a].size(); ++i) tables[a][i] = static_cast<int64_t>(i);
    return IndexMap(ctx, tables);
  }
  bool fits = block > 0 && scale.shape.size() == x.shape.size();
  for (size_t d = 0; fits && d < x.shape.size(); ++d) {
    const int64_t blocks = d == a && x.shape[d] > 0 ? (x.shape[d] - 1) / block + 1 : x.shape[d];
    fits = scale.shape[d] == blocks;
  }
  if (!fits) {
    return Fail(ErrorCode::kInvalidInput, "scale {} for {} in blocks of {} along axis {}",
                ToString(scale.shape), ToString(x.shape), block, axis);
  }
  const Shape strides = Strides(scale.shape);
  for (size_t d = 0; d < tables.size(); ++d) {
    for (size_t i = 0; i < tables[d].size(); ++i) {
      const auto at = static_cast<int64_t>(i);
      tables[d][i] = (d == a ? at / block : at) * strides[d];
    }
  }
  return IndexMap(ctx, tables);
}

Status CheckZeroPoint(const RangeTensor* zero, const RangeTensor& scale) {
  if (zero == nullptr || zero->size() == scale.size()) return {};
  return Fail(ErrorCode::kInvalidInput, "scale {} with zero point {}", ToString(scale.shape),
              ToString(zero->shape));
}

// The zero point of a type that is float must be zero.
Status CheckFloatZero(const RangeTensor* zero) {
  if (zero == nullptr || !IsFloat(zero->type)) return {};
  for (const double value : zero->value) {
    if (value != 0) return Fail(ErrorCode::kUnsupported, "a zero point of {}", value);
  }
  return {};
}

// An element of a float or int32 tensor.
Interval AsInterval(const RangeTensor& tensor, size_t i) {
  if (IsFloat(tensor.type)) return ElementOf(tensor, i);
  Interval out = Exactly(static_cast<double>(tensor.ints[i]));
  out.mark = tensor.MarkAt(i);
  return out;
}

// QuantizeLinear to a float type rounds for certain, as a Cast does.
Interval RoundQuotient(DataType type, const Interval& q, bool saturate) {
  const auto round = [&](double at) {
    if (std::isnan(at)) return at;
    if (!saturate) return RoundTo(type, at, false);
    const double rounded = RoundTo(type, at);
    return std::isfinite(rounded) ? rounded : std::copysign(Traits(type).max_finite, at);
  };
  Interval out{round(q.value), round(q.lo), round(q.hi), q.mark};
  if (!IsFloat8(type) && !std::isfinite(q.value)) out.mark |= kUnspecified;
  const bool nan = std::isnan(out.value);
  if (std::isnan(out.lo) != nan || std::isnan(out.hi) != nan) out.mark |= kUndecidable;
  return out;
}

Status QuantizeLinear(KernelContext& ctx) {
  const RangeTensor& x = ctx.In(0);
  const RangeTensor& scale = ctx.In(1);
  const RangeTensor* zero = ctx.Input(2);
  if (!IsFloat(scale.type) || (!IsFloat(x.type) && x.type != DataType::kInt32)) {
    return Fail(ErrorCode::kUnsupported, "{} with a scale of {}", Name(x.type), Name(scale.type));
  }
  MOIRE_TRY(CheckZeroPoint(zero, scale));
  MOIRE_TRY(CheckFloatZero(zero));
  DataType type = zero != nullptr ? zero->type : DataType::kUint8;
  if (ctx.opset() >= 21) {
    const auto given = static_cast<DataType>(ctx.node().Int("output_dtype", 0));
    if (given != DataType::kUndefined && zero != nullptr && given != type) {
      return Fail(ErrorCode::kInvalidInput, "output_dtype {} with a zero point of {}", Name(given),
                  Name(type));
    }
    if (given != DataType::kUndefined) type = given;
  }
  if (!IsInteger(type) && !IsFloat8(type) && type != DataType::kFloat4E2M1) {
    return Fail(ErrorCode::kInvalidInput, "output type {}", Name(type));
  }
  // An E8M0 scale says nothing of the precision: the division is x's.
  DataType precision = scale.type == DataType::kFloat8E8M0 ? x.type : scale.type;
  if (ctx.opset() >= 23 && ctx.node().Int("precision", 0) != 0) {
    precision = static_cast<DataType>(ctx.node().Int("precision", 0));
  }
  if (!IsFloat(precision)) precision = DataType::kFloat;
  MOIRE_ASSIGN(const bool flag, ctx.Flag("saturate", true));
  const bool saturate = flag || !IsFloat8(type);

  MOIRE_ASSIGN(const std::vector<int64_t> use, Granularity(ctx, x, scale));
  MOIRE_ASSIGN(RangeTensor * out, ctx.Make(0, type, x.shape));
  MOIRE_TRY(ctx.Spend(use.size() * 4));
  const double most = IsFloat(type) ? Traits(type).max_finite : std::ldexp(1.0, Traits(type).bits);
  for (size_t i = 0; i < use.size(); ++i) {
    const auto k = static_cast<size_t>(use[i]);
    Interval q = Quotient(precision, AsInterval(x, i), ElementOf(scale, k), most);
    if (zero != nullptr) q.mark |= zero->MarkAt(k);
    if (IsFloat(type)) {
      StoreElement(*out, i, RoundQuotient(type, q, saturate));
    } else {
      const QuantizedInt y = SaturateToInt(type, q, zero != nullptr ? zero->ints[k] : 0);
      out->ints[i] = y.value;
      out->AddMark(i, y.mark);
    }
  }
  return {};
}

// (x - zero) * scale: one exact difference and one product, each rounded in the output's type.
Status DequantizeLinear(KernelContext& ctx) {
  const RangeTensor& x = ctx.In(0);
  const RangeTensor& scale = ctx.In(1);
  const RangeTensor* zero = ctx.Input(2);
  if (!IsFloat(scale.type) || !(IsFloat(x.type) || IsInteger(x.type))) {
    return Fail(ErrorCode::kInvalidInput, "{} with a scale of {}", Name(x.type), Name(scale.type));
  }
  if (zero != nullptr && zero->type != x.type) {
    return Fail(ErrorCode::kInvalidInput, "{} with a zero point of {}", Name(x.type),
                Name(zero->type));
  }
  MOIRE_TRY(CheckZeroPoint(zero, scale));
  MOIRE_TRY(CheckFloatZero(zero));
  DataType type = scale.type;
  if (ctx.opset() >= 23 && ctx.node().Int("output_dtype", 0) != 0) {
    type = static_cast<DataType>(ctx.node().Int("output_dtype", 0));
  }
  if (!IsFloat(type)) return Fail(ErrorCode::kInvalidInput, "output_dtype {}", Name(type));
  // The product may be formed in the scale's type and then converted.
  const bool two_types = scale.type != type && scale.type != DataType::kFloat8E8M0;
  const Arithmetic arithmetic(
      two_types && Traits(scale.type).precision < Traits(type).precision ? scale.type : type);
  MOIRE_ASSIGN(const std::vector<int64_t> use, Granularity(ctx, x, scale));
  MOIRE_ASSIGN(RangeTensor * out, ctx.Make(0, type, x.shape));
  MOIRE_TRY(ctx.Spend(use.size() * 4));
  for (size_t i = 0; i < use.size(); ++i) {
    const auto k = static_cast<size_t>(use[i]);
    const Interval factor = ElementOf(scale, k);
    Interval difference = AsInterval(x, i);
    if (zero != nullptr && !IsFloat(x.type)) {
      difference = Exactly(static_cast<double>(x.ints[i] - zero->ints[k]));
      difference.mark = x.MarkAt(i) | zero->MarkAt(k);
    }
    Interval y = ExactProduct(difference, factor);
    const double d = difference.value;
    if (two_types || RoundTo(arithmetic.type(), d) != d) {
      y = arithmetic.Rounded(arithmetic.Rounded(y));
      if (std::abs(d) > Traits(arithmetic.type()).max_finite) y.mark |= kUndecidable;
    }
    y.mark |= difference.mark | factor.mark;
    StoreElement(*out, i, y);
  }
  Round(*out);
  return {};
}

constexpr KernelEntry kQuantizeKernels[] = {
    {"QuantizeLinear", 10, kLatest, QuantizeLinear},
    {"DequantizeLinear", 10, kLatest, DequantizeLinear},
};

}  // namespace

std::span<const KernelEntry> QuantizeKernels() { return kQuantizeKernels; }

}  // namespace moire
