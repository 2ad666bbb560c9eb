// Activations: formulas over the elementary functions, each widened at the scale of its
// intermediates (accuracy.cc). Formulas and NaN's way through them are those of the ONNX pages and
// function bodies; docs/unspecified.md lists what they leave open.
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

// The ends of a range split at 0.
Interval NegativePart(const Interval& x) {
  return {std::min(x.value, 0.0), x.lo, std::min(x.hi, 0.0), kDecided};
}
Interval PositivePart(const Interval& x) {
  return {std::max(x.value, 0.0), std::max(x.lo, 0.0), x.hi, kDecided};
}

// below(x) for x < 0 and above(x) for x >= 0, continuous at 0; NaN takes `above` as Where does.
template <typename Below_, typename Above_>
Interval Joined(const Interval& x, const Below_& below, const Above_& above) {
  if (std::isnan(x.lo) || x.lo >= 0) return above(x);
  if (x.hi < 0) return below(x);
  const Interval left = below(NegativePart(x));
  const Interval right = above(PositivePart(x));
  return x.value < 0 ? HullOf(left, right) : HullOf(right, left);
}

double Logistic(double x) {
  if (x >= 0) return 1 / (1 + std::exp(-x));
  const double e = std::exp(x);
  return e / (1 + e);
}
double SoftplusOf(double x) {
  return x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x));
}

// A kernel for floats from f(type, row of the operator, x).
template <typename Function>
Status FloatActivation(KernelContext& ctx, const Function& f) {
  const DataType type = ctx.In(0).type;
  if (!IsFloat(type)) return UnsupportedType(ctx, type);
  const Accuracy& row = FindAccuracy(ctx.node().op, type);
  return MapFloat(ctx, [&, type](const Interval& x) { return f(type, row, x); });
}

// The hull over an attribute's two legal values (as given, rounded to the type).
template <typename Function>
Interval OverAttribute(const Interval& attribute, const Function& f) {
  const Interval first = f(attribute.value);
  if (IsPoint(attribute)) return first;
  return HullOf(first, f(attribute.value == attribute.lo ? attribute.hi : attribute.lo));
}

// --- Piecewise linear -------------------------------------------------------------------------

Status Relu(KernelContext& ctx) {
  const DataType type = ctx.In(0).type;
  if (IsFloat(type)) {
    return MapFloat(ctx, [](const Interval& x) {
      if (std::isnan(x.lo)) return NanForCertain();  // max(0, NaN), as for Max
      return PositivePart({x.value, x.lo, std::max(x.hi, 0.0), kDecided});
    });
  }
  if (!IsInteger(type)) return UnsupportedType(ctx, type);
  const bool is_signed = IsSigned(type);
  return MapInt(ctx, type, [=](int64_t x) { return IntResult{is_signed && x < 0 ? 0 : x}; });
}

Interval Leak(const Interval& slope, const Interval& x) {
  return Joined(
      x, [&](const Interval& part) { return MulRanges(slope, part); },
      [](const Interval& part) { return part; });
}

Status LeakyRelu(KernelContext& ctx) {
  const DataType type = ctx.In(0).type;
  if (!IsFloat(type)) return UnsupportedType(ctx, type);
  const Interval alpha = FloatAttribute(ctx, "alpha", 0.01f, type);
  return MapFloat(ctx, [&](const Interval& x) { return Leak(alpha, x); });
}

// The slope broadcasts to X, not the other way round.
Status PRelu(KernelContext& ctx) {
  const DataType type = ctx.In(0).type;
  MOIRE_ASSIGN(const Shape shape, BroadcastInputs(ctx));
  if (shape != ctx.In(0).shape) {
    return Fail(ErrorCode::kInvalidInput, "PRelu: slope {} does not broadcast to {}",
                ToString(ctx.In(1).shape), ToString(ctx.In(0).shape));
  }
  if (IsFloat(type)) {
    return MapFloats(ctx, [](const Interval& x, const Interval& slope) { return Leak(slope, x); });
  }
  if (!IsInteger(type)) return UnsupportedType(ctx, type);
  const bool is_signed = IsSigned(type);
  return MapInts(ctx, type, [=](int64_t x, int64_t slope) {
    if (!is_signed || x >= 0) return IntResult{x};
    return IntResult{static_cast<int64_t>(static_cast<uint64_t>(x) * static_cast<uint64_t>(slope))};
  });
}

// "y = x for x > alpha, y = 0 otherwise": NaN gives 0.
Status ThresholdedRelu(KernelContext& ctx) {
  const DataType type = ctx.In(0).type;
  if (!IsFloat(type)) return UnsupportedType(ctx, type);
  const Interval alpha = FloatAttribute(ctx, "alpha", 1.0f, type);
  return MapFloat(ctx, [&](const Interval& x) {
    if (std::isnan(x.lo) || x.hi <= alpha.lo) return Exactly(0);
    if (x.lo > alpha.hi) return x;
    return Undecidable(x.value > alpha.value ? x.value : 0);
  });
}

// max(0, min(1, alpha * x + beta))
Interval HardSigmoidOf(DataType type, const Accuracy& row, const Interval& alpha,
                       const Interval& beta, const Interval& x) {
  const Interval product = MulRanges(alpha, x);
  Interval sum = AddRanges(product, beta);
  sum.mark |= product.mark;
  if (std::isnan(sum.lo)) return sum;
  const double scale = std::max(std::abs(product.lo), std::abs(product.hi)) + std::abs(beta.hi);
  sum.lo -= ErrorBound(type, sum.lo, row, scale);
  sum.hi += ErrorBound(type, sum.hi, row, scale);
  const auto clamp = [](double y) { return std::max(0.0, std::min(1.0, y)); };
  return {clamp(sum.value), clamp(sum.lo), clamp(sum.hi), sum.mark};
}

Status HardSigmoid(KernelContext& ctx) {
  const Interval alpha = FloatAttribute(ctx, "alpha", 0.2f, ctx.In(0).type);
  const Interval beta = FloatAttribute(ctx, "beta", 0.5f, ctx.In(0).type);
  return FloatActivation(ctx, [&](DataType type, const Accuracy& row, const Interval& x) {
    return HardSigmoidOf(type, row, alpha, beta, x);
  });
}

// x * HardSigmoid(x) with alpha 1/6 and beta 1/2.
Status HardSwish(KernelContext& ctx) {
  const double sixth = 1.0 / 6;
  const double in_type = RoundTo(ctx.In(0).type, sixth);
  const double in_float = RoundTo(DataType::kFloat, sixth);  // alpha is a float attribute
  const Interval alpha{sixth, std::min({sixth, in_type, in_float}),
                       std::max({sixth, in_type, in_float}), kDecided};
  return FloatActivation(ctx, [&](DataType type, const Accuracy& row, const Interval& x) {
    if (std::isnan(x.lo)) return NanForCertain();
    if (x.lo == -kDoubleInfinity) return Undecidable(0);  // -inf * 0 by the formula, 0 in the limit
    const Interval gate = HardSigmoidOf(type, row, alpha, Exactly(0.5), x);
    Interval out = MulRanges(x, gate);
    out.mark |= gate.mark;
    if (out.lo != 0) out.lo -= ErrorBound(type, out.lo, row, 0);
    if (out.hi != 0) out.hi += ErrorBound(type, out.hi, row, 0);
    return out;
  });
}

// "If x < -lambd, y = x + bias; If x > lambd, y = x - bias; Otherwise, y = 0."
Interval ShrinkRange(double lambd, const Interval& bias, const Interval& x) {
  if (std::isnan(x.lo)) return Exactly(0);
  if (x.hi < -lambd) return AddRanges(x, bias);
  const bool may_be_low = x.lo < -lambd;
  if (!may_be_low && x.lo > lambd) return SubRanges(x, bias);
  if (!may_be_low && x.hi <= lambd) return Exactly(0);
  return Undecidable(x.value < -lambd  ? x.value + bias.value
                     : x.value > lambd ? x.value - bias.value
                                       : 0);
}

Status ShrinkInts(KernelContext& ctx, double lambd, double bias) {
  const DataType type = ctx.In(0).type;
  const bool whole = bias == std::trunc(bias) && std::abs(bias) < 0x1p31;
  const auto least = static_cast<__int128>(IntegerMin(type));
  const auto most = static_cast<__int128>(IntegerMax(type));
  // The function body casts both attributes to the element type: for a fraction of bias or a
  // negative threshold the page and the body disagree.
  const uint8_t open = whole && lambd >= 0 ? kDecided : kUnspecified;
  const __int128 shift = whole ? static_cast<__int128>(bias) : 0;
  return MapInt(ctx, type, [=](int64_t bits) {
    const __int128 x = IsUnsigned64(type) ? static_cast<__int128>(static_cast<uint64_t>(bits))
                                          : static_cast<__int128>(bits);
    const auto real = static_cast<double>(x);
    const __int128 y = real < -lambd ? x + shift : real > lambd ? x - shift : 0;
    const uint8_t mark = y < least || y > most ? kUnspecified : kDecided;
    return IntResult{static_cast<int64_t>(y), static_cast<uint8_t>(mark | open)};
  });
}

Status Shrink(KernelContext& ctx) {
  const DataType type = ctx.In(0).type;
  const Interval lambd = FloatAttribute(ctx, "lambd", 0.5f, type);
  const Interval bias = FloatAttribute(ctx, "bias", 0.0f, type);
  if (IsInteger(type)) {
    return ShrinkInts(ctx, ctx.node().Float("lambd", 0.5f), ctx.node().Float("bias", 0.0f));
  }
  if (!IsFloat(type)) return UnsupportedType(ctx, type);
  return MapFloat(ctx, [&](const Interval& x) {
    const Interval first = ShrinkRange(lambd.value, bias, x);
    if (IsPoint(lambd)) return first;
    const double other = lambd.value == lambd.lo ? lambd.hi : lambd.lo;
    const Interval second = ShrinkRange(other, bias, x);
    // The two thresholds take different branches: a jump.
    return first.lo == second.lo && first.hi == second.hi ? first : Undecidable(first.value);
  });
}

// --- Exponential ------------------------------------------------------------------------------

Status Elu(KernelContext& ctx) {
  const Interval alphas = FloatAttribute(ctx, "alpha", 1.0f, ctx.In(0).type);
  return FloatActivation(ctx, [&](DataType type, const Accuracy& row, const Interval& x) {
    return OverAttribute(alphas, [&](double alpha) {
      const auto below = [&](const Interval& part) {
        return Curve(
            type, row, part, [=](double at) { return alpha * std::expm1(at); },
            [=](double) { return std::abs(alpha); });
      };
      return Joined(x, below, [](const Interval& part) { return part; });
    });
  });
}

Status Selu(KernelContext& ctx) {
  const Interval alphas = FloatAttribute(ctx, "alpha", 1.67326319217681884765625f, ctx.In(0).type);
  const Interval gammas = FloatAttribute(ctx, "gamma", 1.05070102214813232421875f, ctx.In(0).type);
  return FloatActivation(ctx, [&](DataType type, const Accuracy& row, const Interval& x) {
    return OverAttribute(alphas, [&](double alpha) {
      return OverAttribute(gammas, [&](double gamma) {
        const double scale = std::abs(gamma * alpha);
        const auto below = [&](const Interval& part) {
          return Curve(
              type, row, part, [=](double at) { return gamma * alpha * std::expm1(at); },
              [=](double) { return scale; });
        };
        const auto above = [&](const Interval& part) { return MulRanges(Exactly(gamma), part); };
        return Joined(x, below, above);
      });
    });
  });
}

// max(0, x) + min(0, alpha * (exp(x / alpha) - 1)); as a function body, alpha * Elu(x / alpha).
Status Celu(KernelContext& ctx) {
  const Interval alphas = FloatAttribute(ctx, "alpha", 1.0f, ctx.In(0).type);
  return FloatActivation(ctx, [&](DataType type, const Accuracy& row, const Interval& x) {
    // Text and body disagree below 0; at NaN the text's max and min are open.
    if (std::isnan(x.lo) || alphas.lo <= 0) return NanForCertain(kUnspecified);
    const double most = Traits(type).max_finite;
    const bool quotient_overflows = std::isfinite(x.hi) && x.hi / alphas.lo > most;
    Interval out = OverAttribute(alphas, [&](double alpha) {
      const auto below = [&](const Interval& part) {
        return Curve(
            type, row, part, [=](double at) { return alpha * std::expm1(at / alpha); },
            [=](double) { return alpha; });
      };
      // alpha * (x / alpha) rounds twice.
      const auto above = [&](const Interval& part) {
        if (alpha == 1) return part;
        return Curve(type, row, part, [](double at) { return at; }, [](double) { return 0.0; });
      };
      return Joined(x, below, above);
    });
    if (quotient_overflows) out.mark |= kUndecidable;
    return out;
  });
}

// --- Gates ------------------------------------------------------------------------------------

// x * gate(x): at -infinity the formula gives -inf * 0, the limit 0.
template <typename Function, typename Scale>
Interval Gated(DataType type, const Accuracy& row, const Interval& x, const Function& f,
               const Scale& scale, double extremum) {
  if (std::isnan(x.lo)) return NanForCertain();
  if (HasInfinity(x)) {
    if (x.lo == kDoubleInfinity) return Exactly(f(x.lo));
    return Undecidable(f(x.value));
  }
  if (IsPoint(x) && x.lo == 0) return Exactly(0);
  return Curve(type, row, x, f, scale, extremum);
}

// Where erf and tanh have reached -1 in every float type, and 1 + (-1) is 0 for certain.
constexpr double kSaturated = 32;
constexpr double kGeluMinimum = -0.75179152469356;      // of x/2 (1 + erf(x / sqrt 2))
constexpr double kGeluTanhMinimum = -0.75246142225136;  // of the tanh form
constexpr double kSwishMinimum = -1.27846454276107;
constexpr double kMishMinimum = -1.19242356590617;

double GeluScale(double x) { return x < -kSaturated ? 0 : std::abs(x); }

double GeluErf(double x) {
  if (x == kDoubleInfinity) return x;
  return 0.5 * x * std::erfc(-x * std::numbers::sqrt2 / 2);
}

// c * (x + d * x^3) inside the tanh. The page gives sqrt(2 / pi) and 0.044715; the function body
// holds 2 / pi and 0.044715 as float constants whatever the type is: both are legal.
struct TanhConstants {
  double c, d;
};
TanhConstants GeluConstants(bool largest) {
  const auto pick = [&](double exact) {
    const double rounded = RoundTo(DataType::kFloat, exact);
    return largest ? std::max(exact, rounded) : std::min(exact, rounded);
  };
  return {std::sqrt(pick(2 / std::numbers::pi)), pick(0.044715)};
}

Interval GeluTanh(DataType type, const Accuracy& row, const Interval& x, bool largest) {
  const TanhConstants constants = GeluConstants(largest);
  const auto f = [=](double at) {
    if (at == kDoubleInfinity) return at;
    const double t = constants.c * (at + constants.d * at * at * at);
    return at * Logistic(2 * t);  // (1 + tanh t) / 2
  };
  return Gated(type, row, x, f, GeluScale, kGeluTanhMinimum);
}

Status Gelu(KernelContext& ctx) {
  const std::string approximate = ctx.node().String("approximate", "none");
  if (approximate != "none" && approximate != "tanh") {
    return Fail(ErrorCode::kInvalidInput, "Gelu: approximate '{}'", approximate);
  }
  const bool tanh = approximate == "tanh";
  return FloatActivation(ctx, [&](DataType type, const Accuracy& row, const Interval& x) {
    Interval out = tanh ? HullOf(GeluTanh(type, row, x, false), GeluTanh(type, row, x, true))
                        : Gated(type, row, x, GeluErf, GeluScale, kGeluMinimum);
    // Where 1 + (-1) is 0 the result is 0, and what erfc leaves elsewhere is right as well.
    if (x.lo < -kSaturated) out.hi = std::max(out.hi, 0.0);
    // x * (1 + 1) may be taken before the half.
    if (std::isfinite(x.lo) && x.hi > Traits(type).max_finite / 2) out.mark |= kUndecidable;
    return out;
  });
}

Status Swish(KernelContext& ctx) {
  const Interval alphas = FloatAttribute(ctx, "alpha", 1.0f, ctx.In(0).type);
  return FloatActivation(ctx, [&](DataType type, const Accuracy& row, const Interval& x) {
    return OverAttribute(alphas, [&](double alpha) {
      if (alpha <= 0 && HasInfinity(x)) return Undecidable(x.value);
      const double extremum = alpha == 0 ? kDoubleNan : kSwishMinimum / alpha;
      // The rounding of alpha * x moves the gate as well: by u * |alpha x| at most a quarter.
      return Gated(
          type, row, x, [=](double at) { return at * Logistic(alpha * at); },
          [](double at) { return std::abs(at); }, extremum);
    });
  });
}

Status Mish(KernelContext& ctx) {
  return FloatActivation(ctx, [](DataType type, const Accuracy& row, const Interval& x) {
    return Gated(
        type, row, x, [](double at) { return at * std::tanh(SoftplusOf(at)); },
        [](double at) { return std::abs(at); }, kMishMinimum);
  });
}

// ln(exp(x) + 1): exp(x) overflows in the formula where the result is just x.
Status Softplus(KernelContext& ctx) {
  return FloatActivation(ctx, [](DataType type, const Accuracy& row, const Interval& x) {
    Interval out = Curve(type, row, x, SoftplusOf);
    out.lo = std::max(out.lo, 0.0);
    const double limit = std::log(Traits(type).max_finite);
    if (x.hi > limit && std::isfinite(x.lo)) out.mark |= kUndecidable;
    return out;
  });
}

// x / (1 + |x|): NaN at the infinities by the formula, +-1 in the limit.
Status Softsign(KernelContext& ctx) {
  return FloatActivation(ctx, [](DataType type, const Accuracy& row, const Interval& x) {
    // In extended precision: the formula's own roundings in double are half of the row of double.
    const auto f = [](double at) {
      const auto wide = static_cast<long double>(at);
      return static_cast<double>(wide / (1 + std::abs(wide)));
    };
    if (!std::isnan(x.lo) && HasInfinity(x)) return Undecidable(std::copysign(1.0, x.value));
    return Curve(type, row, x, f, [](double) { return 0.0; });
  });
}

constexpr KernelEntry kKernels[] = {
    {"Relu", 6, kLatest, Relu},
    {"LeakyRelu", 6, kLatest, LeakyRelu},
    {"PRelu", 7, kLatest, PRelu},
    {"ThresholdedRelu", 10, kLatest, ThresholdedRelu},
    {"HardSigmoid", 6, kLatest, HardSigmoid},
    {"HardSwish", 14, kLatest, HardSwish},
    {"Shrink", 9, kLatest, Shrink},
    {"Elu", 6, kLatest, Elu},
    {"Selu", 6, kLatest, Selu},
    {"Celu", 12, kLatest, Celu},
    {"Gelu", 20, kLatest, Gelu},
    {"Swish", 24, kLatest, Swish},
    {"Mish", 18, kLatest, Mish},
    {"Softplus", 6, kLatest, Softplus},
    {"Softsign", 6, kLatest, Softsign},
};

}  // namespace

std::span<const KernelEntry> ActivationKernels() { return kKernels; }

}  // namespace moire
