// Elementary functions of one operand, signs, roundings to integers and tests for NaN and infinity.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "harness/case/float_bits.h"
#include "oracles/reference/accuracy.h"
#include "oracles/reference/kernels/curve.h"
#include "oracles/reference/kernels/elementwise.h"
#include "oracles/reference/kernels/families.h"

namespace moire {
namespace {

constexpr double kPi = std::numbers::pi;

// A non-decreasing or non-increasing function on a closed domain, NaN outside.
struct Smooth {
  std::string_view op;
  double (*function)(double);
  double domain_lo = -kDoubleInfinity;
  double domain_hi = kDoubleInfinity;
  double range_lo = -kDoubleInfinity;  // results of correct implementations never leave this
  double range_hi = kDoubleInfinity;
  double extremum = kDoubleNan;
  double exact_at = kDoubleNan;  // argument whose result every formula gets exactly
  double scaled_from = 0;        // |x| below which the formula has no intermediate of scale 1
};

double Sigmoid(double x) {
  if (x >= 0) return 1 / (1 + std::exp(-x));
  const double e = std::exp(x);
  return e / (1 + e);
}

constexpr Smooth kSmooth[] = {
    {.op = "Exp", .function = std::exp, .range_lo = 0},
    {.op = "Log", .function = std::log, .domain_lo = 0},
    {.op = "Tanh", .function = std::tanh, .exact_at = 0},
    {.op = "Erf", .function = std::erf, .exact_at = 0},
    {.op = "Sigmoid", .function = Sigmoid, .range_lo = 0, .range_hi = 1},
    {.op = "Asin",
     .function = std::asin,
     .domain_lo = -1,
     .domain_hi = 1,
     .exact_at = 0,
     .scaled_from = 0.5},
    {.op = "Acos", .function = std::acos, .domain_lo = -1, .domain_hi = 1, .range_lo = 0},
    {.op = "Atan", .function = std::atan, .exact_at = 0, .scaled_from = 0.4},
    {.op = "Sinh", .function = std::sinh, .exact_at = 0},
    {.op = "Cosh", .function = std::cosh, .extremum = 0, .exact_at = 0},
    {.op = "Asinh", .function = std::asinh, .exact_at = 0},
    {.op = "Atanh", .function = std::atanh, .domain_lo = -1, .domain_hi = 1, .exact_at = 0},
};

Interval OnDomain(const Smooth& f, DataType type, const Accuracy& row, const Interval& x) {
  if (std::isnan(x.lo) || x.hi < f.domain_lo || x.lo > f.domain_hi) return NanForCertain();
  if (x.lo < f.domain_lo || x.hi > f.domain_hi) return Undecidable(f.function(x.value));
  if (IsPoint(x) && x.lo == f.exact_at) return Exactly(f.function(x.lo));
  const auto scale = [&](double at) { return std::abs(at) < f.scaled_from ? 0.0 : 1.0; };
  Interval out = Curve(type, row, x, f.function, scale, f.extremum);
  out.lo = std::max(out.lo, f.range_lo);
  out.hi = std::min(out.hi, f.range_hi);
  return out;
}

template <size_t kRow>
Status Elementary(KernelContext& ctx) {
  const DataType type = ctx.In(0).type;
  if (!IsFloat(type)) return UnsupportedType(ctx, type);
  const Accuracy& row = FindAccuracy(kSmooth[kRow].op, type);
  return MapFloat(ctx,
                  [&, type](const Interval& x) { return OnDomain(kSmooth[kRow], type, row, x); });
}

// (exp(x) -+ exp(-x)) / 2 overflows in its parts before its result does.
template <size_t kRow>
Status Hyperbolic(KernelContext& ctx) {
  const DataType type = ctx.In(0).type;
  if (!IsFloat(type)) return UnsupportedType(ctx, type);
  const Accuracy& row = FindAccuracy(kSmooth[kRow].op, type);
  const double limit = std::log(Traits(type).max_finite);
  return MapFloat(ctx, [&, type](const Interval& x) {
    Interval out = OnDomain(kSmooth[kRow], type, row, x);
    const double most = std::max(std::abs(x.lo), std::abs(x.hi));
    const double least = HasZero(x) ? 0 : std::min(std::abs(x.lo), std::abs(x.hi));
    if (most > limit && least < limit + 1) out.mark |= kUndecidable;
    return out;
  });
}

// Acosh: conditioned badly at 1, so the error is that of the argument, off by b * u * x.
Status Acosh(KernelContext& ctx) {
  const DataType type = ctx.In(0).type;
  if (!IsFloat(type)) return UnsupportedType(ctx, type);
  const Accuracy& row = FindAccuracy("Acosh", type);
  const double slack = row.scale_ulps * UnitRoundoff(type);
  // x^2 inside the formula overflows long before the result.
  const double square_limit = std::sqrt(Traits(type).max_finite);
  return MapFloat(ctx, [&, type](const Interval& x) {
    if (std::isnan(x.lo) || x.hi < 1) return NanForCertain();
    const double value = std::acosh(x.value);
    if (x.lo < 1) return Undecidable(value);
    if (x.lo == 1 && x.hi == 1) return Exactly(0);
    const double low = std::acosh(std::max(1.0, Below(x.lo * (1 - slack))));
    const double high = std::acosh(Above(x.hi * (1 + slack)));
    Interval out =
        Spanning(value, low - ErrorBound(type, low, row, 0), high + ErrorBound(type, high, row, 0));
    out.lo = std::max(out.lo, 0.0);
    if (x.hi > square_limit && std::isfinite(x.lo)) out.mark |= kUndecidable;
    return out;
  });
}

// --- Trigonometry -----------------------------------------------------------------------------

// Whether some offset + k * period lies in [lo, hi], generously.
bool HitsPeriod(double lo, double hi, double offset, double period) {
  const double slack = 0x1p-50 * std::max(std::abs(lo), std::abs(hi));
  const double k = std::ceil((lo - slack - offset) / period);
  return offset + k * period <= hi + slack;
}

// A sine or cosine with a peak at `peak`. The argument is perturbed and rounded outward: a float64
// argument has no bits to spare.
template <double (*kFunction)(double)>
Interval Wave(DataType type, const Accuracy& row, const Interval& x, double peak) {
  if (std::isnan(x.lo)) return NanForCertain();
  const double value = kFunction(x.value);
  if (HasInfinity(x)) return IsPoint(x) ? NanForCertain() : Undecidable(value);
  if (IsPoint(x) && x.lo == 0) return Exactly(value);
  const double slack = row.scale_ulps * UnitRoundoff(type);
  const double from = Below(x.lo - slack * std::abs(x.lo));
  const double to = Above(x.hi + slack * std::abs(x.hi));
  double lo = -1;
  double hi = 1;
  if (to - from < 2 * kPi) {
    const double a = kFunction(from);
    const double b = kFunction(to);
    if (!HitsPeriod(from, to, peak + kPi, 2 * kPi)) lo = std::min(a, b);
    if (!HitsPeriod(from, to, peak, 2 * kPi)) hi = std::max(a, b);
  }
  return Spanning(value, lo - ErrorBound(type, lo, row, 0), hi + ErrorBound(type, hi, row, 0));
}

Status Sin(KernelContext& ctx) {
  const DataType type = ctx.In(0).type;
  if (!IsFloat(type)) return UnsupportedType(ctx, type);
  const Accuracy& row = FindAccuracy("Sin", type);
  return MapFloat(ctx,
                  [&, type](const Interval& x) { return Wave<std::sin>(type, row, x, kPi / 2); });
}

Status Cos(KernelContext& ctx) {
  const DataType type = ctx.In(0).type;
  if (!IsFloat(type)) return UnsupportedType(ctx, type);
  const Accuracy& row = FindAccuracy("Cos", type);
  return MapFloat(ctx, [&, type](const Interval& x) { return Wave<std::cos>(type, row, x, 0); });
}

Status Tan(KernelContext& ctx) {
  const DataType type = ctx.In(0).type;
  if (!IsFloat(type)) return UnsupportedType(ctx, type);
  const Accuracy& row = FindAccuracy("Tan", type);
  const double slack = row.scale_ulps * UnitRoundoff(type);
  return MapFloat(ctx, [&, type](const Interval& x) {
    if (std::isnan(x.lo)) return NanForCertain();
    const double value = std::tan(x.value);
    if (HasInfinity(x)) return IsPoint(x) ? NanForCertain() : Undecidable(value);
    if (IsPoint(x) && x.lo == 0) return Exactly(value);
    const double from = Below(x.lo - slack * std::abs(x.lo));
    const double to = Above(x.hi + slack * std::abs(x.hi));
    if (to - from >= kPi || HitsPeriod(from, to, kPi / 2, kPi)) return Undecidable(value);
    const double lo = std::tan(from);
    const double hi = std::tan(to);
    return Spanning(value, lo - ErrorBound(type, lo, row, 0), hi + ErrorBound(type, hi, row, 0));
  });
}

// --- Steps ------------------------------------------------------------------------------------

// A step inside the range cannot be decided.
template <double (*kStep)(double)>
Interval Step(const Interval& x) {
  if (std::isnan(x.lo)) return NanForCertain();
  const double value = kStep(x.value);
  return kStep(x.lo) == kStep(x.hi) ? Exactly(value) : Undecidable(value);
}

double SignOf(double x) { return static_cast<double>((x > 0) - (x < 0)); }

template <double (*kStep)(double)>
Status Steps(KernelContext& ctx) {
  const DataType type = ctx.In(0).type;
  if (!IsFloat(type)) return UnsupportedType(ctx, type);
  return MapFloat(ctx, Step<kStep>);
}

Status Sign(KernelContext& ctx) {
  const DataType type = ctx.In(0).type;
  if (IsFloat(type)) {
    return MapFloat(ctx, [](const Interval& x) {
      // The page has no line for NaN.
      return std::isnan(x.lo) ? NanForCertain(kUnspecified) : Step<SignOf>(x);
    });
  }
  if (IsSigned(type)) {
    return MapInt(ctx, type, [](int64_t x) { return IntResult{(x > 0) - (x < 0)}; });
  }
  if (IsUnsigned(type)) return MapInt(ctx, type, [](int64_t x) { return IntResult{x != 0}; });
  return UnsupportedType(ctx, type);
}

// --- Exact functions --------------------------------------------------------------------------

Status Neg(KernelContext& ctx) {
  const DataType type = ctx.In(0).type;
  if (IsFloat(type)) return MapFloat(ctx, NegRange);
  if (!IsSigned(type)) return UnsupportedType(ctx, type);
  return MapInt(ctx, type, [type](int64_t x) {
    if (x == IntegerMin(type)) return IntResult{x, kUnspecified};
    return IntResult{-x};
  });
}

Status Absolute(KernelContext& ctx) {
  const DataType type = ctx.In(0).type;
  if (IsFloat(type)) {
    return MapFloat(ctx, [](const Interval& x) {
      const double low = std::abs(x.lo);
      const double high = std::abs(x.hi);
      const double least = HasZero(x) ? 0 : std::min(low, high);
      return Interval{std::abs(x.value), std::isnan(x.lo) ? x.lo : least, std::max(low, high),
                      kDecided};
    });
  }
  if (!IsInteger(type)) return UnsupportedType(ctx, type);
  const bool is_signed = IsSigned(type);
  return MapInt(ctx, type, [=](int64_t x) {
    if (!is_signed || x >= 0) return IntResult{x};
    if (x == IntegerMin(type)) return IntResult{x, kUnspecified};
    return IntResult{-x};
  });
}

Status Reciprocal(KernelContext& ctx) {
  const DataType type = ctx.In(0).type;
  if (!IsFloat(type)) return UnsupportedType(ctx, type);
  const Accuracy& row = FindAccuracy("Div", type);
  return MapFloat(ctx,
                  [&, type](const Interval& x) { return DivRanges(type, row, Exactly(1), x); });
}

Status Sqrt(KernelContext& ctx) {
  const DataType type = ctx.In(0).type;
  if (!IsFloat(type)) return UnsupportedType(ctx, type);
  return MapFloat(ctx, [](const Interval& x) {
    // "If x is negative, then it will return NaN."
    if (std::isnan(x.lo) || x.hi < 0) return NanForCertain();
    const double value = std::sqrt(x.value);
    if (x.lo < 0) return Undecidable(value);
    return Spanning(value, RootBounds(x.lo).lo, RootBounds(x.hi).hi);
  });
}

// --- Tests ------------------------------------------------------------------------------------

template <typename Test>
Status MapTest(KernelContext& ctx, const Test& test) {
  const RangeTensor& x = ctx.In(0);
  if (!IsFloat(x.type)) return UnsupportedType(ctx, x.type);
  MOIRE_TRY(ctx.Spend(static_cast<uint64_t>(x.size())));
  MOIRE_ASSIGN(RangeTensor * out, ctx.Make(0, DataType::kBool, x.shape));
  for (size_t i = 0; i < x.value.size(); ++i) {
    const Interval element = ElementOf(x, i);
    IntResult result = test(element);
    result.mark |= element.mark;
    out->ints[i] = result.value;
    out->AddMark(i, result.mark);
  }
  return {};
}

Status IsNaN(KernelContext& ctx) {
  return MapTest(ctx, [](const Interval& x) { return IntResult{std::isnan(x.value)}; });
}

Status IsInf(KernelContext& ctx) {
  MOIRE_ASSIGN(const bool positive, ctx.Flag("detect_positive", true));
  MOIRE_ASSIGN(const bool negative, ctx.Flag("detect_negative", true));
  return MapTest(ctx, [=](const Interval& x) {
    const auto test = [=](double end) {
      return (positive && end == kDoubleInfinity) || (negative && end == -kDoubleInfinity);
    };
    const bool low = test(x.lo);
    const bool high = test(x.hi);
    // Between two infinities lie finite numbers.
    const bool certain = low == high && (!low || IsPoint(x));
    return IntResult{test(x.value), certain ? kDecided : kUndecidable};
  });
}

constexpr KernelEntry kKernels[] = {
    {"Exp", 6, kLatest, Elementary<0>},
    {"Log", 6, kLatest, Elementary<1>},
    {"Tanh", 6, kLatest, Elementary<2>},
    {"Erf", 9, kLatest, Elementary<3>},
    {"Sigmoid", 6, kLatest, Elementary<4>},
    {"Asin", 7, kLatest, Elementary<5>},
    {"Acos", 7, kLatest, Elementary<6>},
    {"Atan", 7, kLatest, Elementary<7>},
    {"Sinh", 9, kLatest, Hyperbolic<8>},
    {"Cosh", 9, kLatest, Hyperbolic<9>},
    {"Asinh", 9, kLatest, Elementary<10>},
    {"Atanh", 9, kLatest, Elementary<11>},
    {"Acosh", 9, kLatest, Acosh},
    {"Sin", 7, kLatest, Sin},
    {"Cos", 7, kLatest, Cos},
    {"Tan", 7, kLatest, Tan},
    {"Floor", 6, kLatest, Steps<std::floor>},
    {"Ceil", 6, kLatest, Steps<std::ceil>},
    {"Round", 11, kLatest, Steps<std::nearbyint>},
    {"Sign", 9, kLatest, Sign},
    {"Neg", 6, kLatest, Neg},
    {"Abs", 6, kLatest, Absolute},
    {"Reciprocal", 6, kLatest, Reciprocal},
    {"Sqrt", 6, kLatest, Sqrt},
    {"IsNaN", 9, kLatest, IsNaN},
    {"IsInf", 10, kLatest, IsInf},
};

}  // namespace

std::span<const KernelEntry> UnaryKernels() { return kKernels; }

}  // namespace moire
