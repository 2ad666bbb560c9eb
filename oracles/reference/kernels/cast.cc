// Cast, CastLike and BitCast. The conversion rules are those of Cast's ONNX page; its "undefined"
// and what it leaves open are kUnspecified (docs/unspecified.md). Casts from and to string:
// cast_string.cc.
#include <algorithm>
#include <cmath>

#include "harness/case/float_bits.h"
#include "oracles/reference/kernels/cast_string.h"
#include "oracles/reference/kernels/elementwise.h"
#include "oracles/reference/kernels/families.h"

namespace moire {
namespace {

using enum DataType;

bool IsFloat8(DataType type) {
  return type == kFloat8E4M3FN || type == kFloat8E4M3FNUZ || type == kFloat8E5M2 ||
         type == kFloat8E5M2FNUZ;
}

struct CastRule {
  DataType from;
  DataType to;
  bool saturate = true;
  std::string round_mode = "up";  // float8e8m0 only
};

// --- To floats --------------------------------------------------------------------------------

// One value rounded to a float 8 type by the page's two tables.
double RoundToFloat8(const CastRule& rule, double x) {
  if (std::isnan(x)) return x;
  const double rounded = RoundTo(rule.to, x, /*saturate=*/false);
  if (std::isfinite(rounded)) return rounded;
  return rule.saturate ? std::copysign(Traits(rule.to).max_finite, x) : rounded;
}

// Powers of two 2^-127 to 2^127. Only positive finite values inside the range are fully specified
// for every combination of attributes.
Interval RoundToExponent(const CastRule& rule, const Interval& x) {
  const auto round = [&](double at) {
    int exponent = 0;
    const double fraction = std::frexp(at, &exponent);  // in [0.5, 1)
    if (fraction == 0.5) return at;
    const double below = std::ldexp(0.5, exponent);
    if (rule.round_mode == "down") return below;
    if (rule.round_mode == "nearest") return fraction >= 0.75 ? 2 * below : below;
    return 2 * below;
  };
  if (std::isnan(x.lo)) return x;
  if (!(x.lo >= 0x1p-127 && x.hi <= 0x1p127)) {
    return {RoundTo(rule.to, x.value), 0x1p-127, 0x1p127, kUnspecified};
  }
  const double lo = round(x.lo);
  return lo == round(x.hi) ? Exactly(lo) : Interval{round(x.value), lo, lo, kUndecidable};
}

// A Cast rounds for certain: both ends are rounded. Conversions from types wider than float32 to
// types narrower than it commonly go through float32, which the page does not forbid.
Interval RoundToFloat(const CastRule& rule, const Interval& x, bool wider_than_float) {
  if (rule.to == kFloat8E8M0) return RoundToExponent(rule, x);
  if (rule.to == kFloat4E2M1 && (x.hi > 6 || x.lo < -6 || std::isnan(x.lo))) {
    return {RoundTo(rule.to, x.value), -6, 6, kUnspecified};
  }
  const auto direct = [&](double at) {
    return IsFloat8(rule.to) ? RoundToFloat8(rule, at) : RoundTo(rule.to, at);
  };
  Interval out{direct(x.value), direct(x.lo), direct(x.hi), kDecided};
  if (wider_than_float && Traits(rule.to).precision < 24) {
    out.lo = std::min(out.lo, direct(RoundTo(kFloat, x.lo)));
    out.hi = std::max(out.hi, direct(RoundTo(kFloat, x.hi)));
  }
  const bool nan = std::isnan(out.value);
  if (std::isnan(out.lo) != nan || std::isnan(out.hi) != nan) out.mark = kUndecidable;
  return out;
}

Status FloatToFloat(KernelContext& ctx, const CastRule& rule) {
  const RangeTensor& x = ctx.In(0);
  MOIRE_ASSIGN(RangeTensor * out, ctx.Make(0, rule.to, x.shape));
  FloatOutput output(*out);
  for (size_t i = 0; i < x.value.size(); ++i) {
    const Interval element = ElementOf(x, i);
    Interval result = rule.from == rule.to || rule.to == kDouble
                          ? element
                          : RoundToFloat(rule, element, rule.from == kDouble);
    result.mark |= element.mark;
    output.Set(i, result);
  }
  return {};
}

// An integer as the doubles around it: integers beyond 2^53 are not doubles.
Interval IntegerAsDouble(DataType type, int64_t x) {
  double nearest = 0;
  long double exact = 0;
  if (IsUnsigned64(type)) {
    exact = static_cast<long double>(static_cast<uint64_t>(x));
    nearest = static_cast<double>(static_cast<uint64_t>(x));
  } else {
    exact = static_cast<long double>(x);
    nearest = static_cast<double>(x);
  }
  const long double missing = exact - nearest;  // 64 significant bits hold every integer
  return {nearest, missing < 0 ? Below(nearest) : nearest, missing > 0 ? Above(nearest) : nearest,
          kDecided};
}

Status IntToFloat(KernelContext& ctx, const CastRule& rule) {
  const RangeTensor& x = ctx.In(0);
  MOIRE_ASSIGN(RangeTensor * out, ctx.Make(0, rule.to, x.shape));
  FloatOutput output(*out);
  for (size_t i = 0; i < x.ints.size(); ++i) {
    const Interval exact = IntegerAsDouble(rule.from, x.ints[i]);
    Interval result = rule.to == kDouble ? Exactly(exact.value) : RoundToFloat(rule, exact, true);
    result.mark |= x.MarkAt(i);
    output.Set(i, result);
  }
  return {};
}

// --- To integers and bool ---------------------------------------------------------------------

IntResult FloatToBool(const Interval& x) {
  const bool guess = x.value != 0;
  if (std::isnan(x.lo)) return {1};  // "+/- 0.0 to False; all else to True"
  const bool certain = !HasZero(x) || IsPoint(x);
  return {guess, certain ? kDecided : kUndecidable};
}

// Truncates; out of range, infinite and NaN are "undefined if OOR".
IntResult FloatToInt(DataType type, const Interval& x) {
  const auto low = static_cast<double>(IntegerMin(type));
  const double high = std::ldexp(1.0, Traits(type).bits - (IsSigned(type) ? 1 : 0));
  const auto inside = [&](double at) { return at >= low && at < high; };  // false for NaN
  const double first = std::trunc(x.lo);
  const double last = std::trunc(x.hi);
  const double usual = std::trunc(x.value);
  if (!inside(first) && !inside(last)) return {0, kUnspecified};
  if (!inside(usual)) return {0, kUndecidable | kUnspecified};
  const int64_t value = IsUnsigned64(type) ? static_cast<int64_t>(static_cast<uint64_t>(usual))
                                           : static_cast<int64_t>(usual);
  if (first != last) return {value, kUndecidable};
  // Conversions to the 4- and 2-bit types round or truncate: the page does not say which.
  if (Traits(type).bits < 8 && !(IsPoint(x) && x.lo == first)) return {value, kUnspecified};
  return {value};
}

Status FloatToExact(KernelContext& ctx, const CastRule& rule) {
  const RangeTensor& x = ctx.In(0);
  MOIRE_ASSIGN(RangeTensor * out, ctx.Make(0, rule.to, x.shape));
  for (size_t i = 0; i < x.value.size(); ++i) {
    const Interval element = ElementOf(x, i);
    const IntResult result = IsBool(rule.to) ? FloatToBool(element) : FloatToInt(rule.to, element);
    out->ints[i] = result.value;
    out->AddMark(i, result.mark | element.mark);
  }
  return {};
}

Status CastTo(KernelContext& ctx, DataType to) {
  const RangeTensor& x = ctx.In(0);
  CastRule rule{x.type, to};
  MOIRE_ASSIGN(rule.saturate, ctx.Flag("saturate", true));
  rule.round_mode = ctx.node().String("round_mode", "up");
  MOIRE_TRY(ctx.Spend(static_cast<uint64_t>(x.size())));
  if (IsFloat(x.type) && IsFloat(to)) return FloatToFloat(ctx, rule);
  if (IsExact(x.type) && IsFloat(to)) return IntToFloat(ctx, rule);
  if (IsFloat(x.type) && IsExact(to)) return FloatToExact(ctx, rule);
  if (IsExact(x.type) && IsExact(to)) {
    // "when OOR, discard higher bits and reinterpret"; bool: "zero to False; nonzero to True".
    return MapInt(ctx, to, [](int64_t value) { return IntResult{value}; });
  }
  if (x.type == kString && to == kString) {
    ctx.Out(0) = x;
    return {};
  }
  if (x.type == kString) return CastFromString(ctx, to);
  if (to == kString && (IsFloat(x.type) || IsExact(x.type))) return CastToString(ctx);
  return Fail(ErrorCode::kUnsupported, "{} from {} to {}", ctx.node().op, Name(x.type), Name(to));
}

Result<DataType> Target(const KernelContext& ctx) {
  const int64_t number = ctx.node().Int("to", 0);
  if (number < 0 || number > static_cast<int64_t>(AllTypes().size())) {
    return Fail(ErrorCode::kInvalidInput, "{}: no element type {}", ctx.node().op, number);
  }
  return static_cast<DataType>(number);
}

Status Cast(KernelContext& ctx) {
  MOIRE_ASSIGN(const DataType to, Target(ctx));
  return CastTo(ctx, to);
}

Status CastLike(KernelContext& ctx) { return CastTo(ctx, ctx.In(1).type); }

// --- BitCast ----------------------------------------------------------------------------------

// Bits are known where the value is: not inside a range, not a NaN's payload, not a zero's sign
// (which is not tracked).
Status BitCast(KernelContext& ctx) {
  MOIRE_ASSIGN(const DataType to, Target(ctx));
  const RangeTensor& x = ctx.In(0);
  const TypeTraits& from = Traits(x.type);
  const TypeTraits& traits = Traits(to);
  const auto plain = [](DataType type) { return IsFloat(type) || IsExact(type); };
  if (!plain(x.type) || !plain(to)) {
    return Fail(ErrorCode::kUnsupported, "BitCast from {} to {}", Name(x.type), Name(to));
  }
  if (from.bits != traits.bits) {
    return Fail(ErrorCode::kInvalidInput, "BitCast from {} to {} bits", from.bits, traits.bits);
  }
  MOIRE_TRY(ctx.Spend(static_cast<uint64_t>(x.size())));
  MOIRE_ASSIGN(RangeTensor * out, ctx.Make(0, to, x.shape));
  FloatOutput output(*out);
  const uint64_t mask = from.bits == 64 ? ~uint64_t{0} : (uint64_t{1} << from.bits) - 1;
  const auto count = static_cast<size_t>(x.size());
  for (size_t i = 0; i < count; ++i) {
    uint64_t bits = 0;
    uint8_t mark = x.MarkAt(i);
    if (IsFloat(x.type)) {
      const Interval element = ElementOf(x, i);
      const bool certain =
          RoundTo(x.type, element.lo) == RoundTo(x.type, element.hi) && element.value != 0;
      if (!certain) mark |= kUndecidable;
      bits = EncodeFloat(x.type, element.value);
    } else {
      bits = static_cast<uint64_t>(x.ints[i]) & mask;
    }
    if (IsFloat(to)) {
      Interval result = Exactly(DecodeFloat(to, bits));
      result.mark = mark;
      output.Set(i, result);
    } else {
      out->ints[i] = WrapInteger(to, static_cast<int64_t>(bits));
      out->AddMark(i, mark);
    }
  }
  return {};
}

constexpr KernelEntry kKernels[] = {
    {"Cast", 6, kLatest, Cast},
    {"CastLike", 15, kLatest, CastLike},
    {"BitCast", 26, kLatest, BitCast},
};

}  // namespace

std::span<const KernelEntry> CastKernels() { return kKernels; }

}  // namespace moire
