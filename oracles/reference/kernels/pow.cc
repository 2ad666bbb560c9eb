// Pow: integer powers exactly, float powers as ranges. The page says only "f(x) = x^exponent";
// docs/unspecified.md lists what that leaves open.
#include <algorithm>
#include <cmath>

#include "harness/case/float_bits.h"
#include "oracles/reference/accuracy.h"
#include "oracles/reference/kernels/elementwise.h"
#include "oracles/reference/kernels/families.h"

namespace moire {
namespace {

// base^exponent modulo 2^64 with a flag for leaving int64, by squaring.
IntResult PowerOfInt(DataType type, int64_t base, uint64_t exponent) {
  const auto most = static_cast<__int128>(IntegerMax(type));
  const auto least = static_cast<__int128>(IntegerMin(type));
  uint64_t wrapped = 1;
  __int128 exact = 1;
  __int128 square = base;
  auto wrapped_square = static_cast<uint64_t>(base);
  bool square_overflows = false;
  bool overflows = false;
  while (exponent != 0) {
    if ((exponent & 1) != 0) {
      wrapped *= wrapped_square;
      // Once a factor beyond 64 bits is used the product is too large, unless it is zero.
      if (square_overflows || overflows) {
        overflows = true;
      } else {
        exact *= square;
        if (exact > most || exact < least) overflows = true;
      }
    }
    exponent >>= 1;
    wrapped_square *= wrapped_square;
    if (!square_overflows) {
      square *= square;
      // |square| is at most 2^63 before, so this product fits 128 bits.
      if (square > static_cast<__int128>(1) << 63) square_overflows = true;
    }
  }
  return {static_cast<int64_t>(wrapped), overflows ? kUnspecified : kDecided};
}

// Negative exponents give fractions, but for the bases 1 and -1.
IntResult IntToInt(DataType type, int64_t base, bool negative, uint64_t magnitude) {
  if (base == 1) return {1};
  if (base == -1) return {magnitude % 2 != 0 ? -1 : 1};
  if (negative) return {0, kUnspecified};
  return PowerOfInt(type, base, magnitude);
}

Status IntegerPower(KernelContext& ctx) {
  const DataType type = ctx.In(0).type;
  const bool is_signed = IsSigned(ctx.In(1).type);
  return MapInts(ctx, type, [=](int64_t base, int64_t exponent) {
    const bool negative = is_signed && exponent < 0;
    const auto bits = static_cast<uint64_t>(exponent);
    return IntToInt(type, base, negative, negative ? 0 - bits : bits);
  });
}

// An integer base with a float exponent: how the real result becomes an integer is not said.
// Whole exponents with a result that float32 holds are certain.
IntResult IntToFloatPower(DataType type, int64_t base, const Interval& exponent) {
  constexpr int64_t kFloatInteger = int64_t{1} << 24;
  const double y = exponent.value;
  if (!IsPoint(exponent)) return {0, kUndecidable};
  if (std::isnan(y) || y != std::trunc(y) || std::abs(y) > 1e6) return {0, kUnspecified};
  IntResult result = IntToInt(type, base, y < 0, static_cast<uint64_t>(std::abs(y)));
  if (std::abs(static_cast<double>(result.value)) > static_cast<double>(kFloatInteger) ||
      std::abs(static_cast<double>(base)) > static_cast<double>(kFloatInteger)) {
    result.mark |= kUndecidable;
  }
  return result;
}

Status IntegerBase(KernelContext& ctx) {
  const DataType type = ctx.In(0).type;
  MOIRE_ASSIGN(Shape shape, BroadcastInputs(ctx));
  MOIRE_ASSIGN(RangeTensor * out, ctx.Make(0, type, std::move(shape)));
  MOIRE_TRY(ctx.Spend(static_cast<uint64_t>(out->size())));
  MOIRE_ASSIGN(const Operand a, Operand::Align(ctx, ctx.In(0), out->shape));
  MOIRE_ASSIGN(const Operand b, Operand::Align(ctx, ctx.In(1), out->shape));
  for (size_t i = 0; i < out->ints.size(); ++i) {
    const IntResult result = IntToFloatPower(type, a.Int(i), b.Element(i));
    out->ints[i] = WrapInteger(type, result.value);
    out->AddMark(i, result.mark | a.MarkAt(i) | b.MarkAt(i));
  }
  return {};
}

// --- Floats -----------------------------------------------------------------------------------

bool IsInteger(double x) { return std::isfinite(x) && x == std::trunc(x); }
bool IsOdd(double x) { return IsInteger(x) && std::fmod(x, 2) != 0; }

// The hull of x^y at points, each widened by the row; t = y ln x magnifies the exponent's rounding.
struct Hull {
  DataType type;
  const Accuracy& row;
  double lo = kDoubleInfinity;
  double hi = -kDoubleInfinity;

  void Visit(double x, double y) {
    const double power = std::pow(x, y);
    const double t = x == 0 || std::isinf(x) || std::isinf(y) ? 0 : y * std::log(std::abs(x));
    const double bound = ErrorBound(type, power, row, std::abs(power * t));
    lo = std::min(lo, power - bound);
    hi = std::max(hi, power + bound);
  }
};

Interval PowRanges(DataType type, const Accuracy& row, const Interval& x, const Interval& y) {
  const double value = std::pow(x.value, y.value);
  if (std::isnan(x.lo) || std::isnan(y.lo)) {
    // NaN^0 and 1^NaN are 1 in C and IEEE 754, NaN by exp(y * log x).
    const bool open =
        (std::isnan(x.lo) && HasZero(y)) || (std::isnan(y.lo) && x.lo <= 1 && x.hi >= 1);
    if (!open) return NanForCertain();
    Interval out = Exactly(value);
    out.mark = kUnspecified;
    return out;
  }
  if (IsPoint(y) && y.lo == 0) return Exactly(1);
  // 1^inf and its neighbours: a jump.
  if (HasInfinity(y) && ((x.lo <= 1 && x.hi >= 1) || (x.lo <= -1 && x.hi >= -1))) {
    return Undecidable(value);
  }
  Hull hull{type, row};
  if (x.lo > 0) {
    if (IsPoint(x) && x.lo == 1) return Exactly(1);
    hull.Visit(x.lo, y.lo);
    hull.Visit(x.hi, y.hi);
    if (!IsPoint(x) || !IsPoint(y)) {
      hull.Visit(x.lo, y.hi);
      hull.Visit(x.hi, y.lo);
    }
    return Spanning(value, std::max(hull.lo, 0.0), hull.hi);
  }
  if (!IsPoint(y)) return Undecidable(value);
  const double exponent = y.lo;
  const bool whole = IsInteger(exponent);
  if (x.lo < 0) {
    if (!whole) {
      return x.hi < 0 && std::isfinite(x.lo) && std::isfinite(exponent) ? NanForCertain()
                                                                        : Undecidable(value);
    }
    // Exponents whose parity a conversion to the type loses.
    if (std::abs(exponent) * UnitRoundoff(type) > 1) return Undecidable(value);
  }
  if (HasZero(x) && exponent < 0) {
    // 0^-n: an odd n takes the zero's sign, which is not tracked.
    return IsPoint(x) && !IsOdd(exponent) ? Exactly(value) : Undecidable(value);
  }
  if (IsPoint(x) && x.lo == 0) return Exactly(0);
  hull.Visit(x.lo, exponent);
  hull.Visit(x.hi, exponent);
  if (HasZero(x)) hull.Visit(0, exponent);
  // Powers that cannot be negative.
  if (!IsOdd(exponent) || x.lo >= 0) hull.lo = std::max(hull.lo, 0.0);
  return Spanning(value, hull.lo, hull.hi);
}

Status FloatPower(KernelContext& ctx) {
  const DataType type = ctx.In(0).type;
  const Accuracy& row = FindAccuracy("Pow", type);
  const RangeTensor& exponent = ctx.In(1);
  if (IsFloat(exponent.type)) {
    return MapFloats(ctx, [&, type](const Interval& x, const Interval& y) {
      return PowRanges(type, row, x, y);
    });
  }
  MOIRE_ASSIGN(Shape shape, BroadcastInputs(ctx));
  MOIRE_ASSIGN(RangeTensor * out, ctx.Make(0, type, std::move(shape)));
  MOIRE_TRY(ctx.Spend(static_cast<uint64_t>(out->size())));
  MOIRE_ASSIGN(const Operand a, Operand::Align(ctx, ctx.In(0), out->shape));
  MOIRE_ASSIGN(const Operand b, Operand::Align(ctx, exponent, out->shape));
  FloatOutput output(*out);
  const auto count = static_cast<size_t>(out->size());
  for (size_t i = 0; i < count; ++i) {
    const Interval x = a.Element(i);
    const int64_t bits = b.Int(i);
    const double y = IsUnsigned64(exponent.type) ? static_cast<double>(static_cast<uint64_t>(bits))
                                                 : static_cast<double>(bits);
    const uint8_t mark = x.mark | b.MarkAt(i);
    Interval element = PowRanges(type, row, mark == kDecided ? x : Exactly(x.value), Exactly(y));
    element.mark |= mark;
    output.Set(i, element);
  }
  Round(*out);
  return {};
}

Status Pow(KernelContext& ctx) {
  const DataType base = ctx.In(0).type;
  const DataType exponent = ctx.In(1).type;
  if (IsFloat(base) && (IsFloat(exponent) || moire::IsInteger(exponent))) return FloatPower(ctx);
  if (!moire::IsInteger(base)) return UnsupportedType(ctx, base);
  if (moire::IsInteger(exponent)) return IntegerPower(ctx);
  if (IsFloat(exponent)) return IntegerBase(ctx);
  return UnsupportedType(ctx, exponent);
}

constexpr KernelEntry kKernels[] = {{"Pow", 7, kLatest, Pow}};

}  // namespace

std::span<const KernelEntry> PowKernels() { return kKernels; }

}  // namespace moire
