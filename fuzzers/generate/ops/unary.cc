// Element-wise functions of one input, and activations.
#include <cmath>

#include "fuzzers/generate/op_context.h"
#include "fuzzers/generate/ops/families.h"

namespace moire {

bool InferSame(InferContext& c) {
  if (!c.Given(0)) return false;
  for (OutValue& out : c.out) out.shape = c.shape(0);
  return true;
}

bool ChooseUnary(OpContext& c) { return c.TakeAny(0) && c.Done(); }

namespace {

// Passes sequences and optionals too.
bool InferIdentity(InferContext& c) {
  if (c.compound(0) == nullptr) return InferSame(c);
  c.out[0].compound = c.in[0]->compound;
  return true;
}

bool ChooseIdentity(OpContext& c) {
  const auto any = [](const Compound&) { return true; };
  if (c.b().has_compounds() && c.random().Chance(1, 2) && c.TakeCompound(0, any)) return c.Done();
  return c.TakeAny(0) && c.Done();
}

// Where the function is tame. Outside, errors grow (Sin of 1e4), or it has no value (Log of -1).
constexpr double kAnyHigh = 1e4;

template <double kLo, double kHi>
bool ChooseWithin(OpContext& c) {
  return c.TakeInRange(0, {kLo, kHi}) && c.Done();
}

template <double kLo, double kHi>
void Within(InferContext& c) {
  c.out[0].range = {kLo, kHi};
}

template <auto kFunction>
void Mono(InferContext& c) {
  c.out[0].range = Monotone(c.in[0]->range, kFunction);
}

// Bounded by the input on both sides: x * something in [0, 1], and a little below zero.
void Gated(InferContext& c) {
  const Range r = c.in[0]->range;
  c.out[0].range = {std::min(r.lo, 0.0) < 0 ? -0.5 : 0, std::max(r.hi, 0.0)};
}

void AbsRange(InferContext& c) {
  const Range r = c.in[0]->range;
  c.out[0].range = {r.lo <= 0 && r.hi >= 0 ? 0 : std::min(std::fabs(r.lo), std::fabs(r.hi)),
                    r.Magnitude()};
}

void ReciprocalRange(InferContext& c) { c.out[0].range = Quotient({1, 1}, c.in[0]->range); }

bool ChooseReciprocal(OpContext& c) {
  return (c.random().Chance(1, 2) ? c.TakeInRange(0, {0.05, kAnyHigh})
                                  : c.TakeInRange(0, {-kAnyHigh, -0.05})) &&
         c.Done();
}

// alpha and friends: the default, or a tame other value, now and then 0 or negative.
float DrawAlpha(OpContext& c) {
  static constexpr float kValues[] = {0.01f, 0.2f, 0.5f, 1.0f, 1.5f, 2.0f, 0.0f, -0.5f};
  return kValues[c.random().Index(std::size(kValues))];
}

bool ChooseAlpha(OpContext& c) {
  if (c.random().Chance(2, 3)) c.Set("alpha", DrawAlpha(c));
  return c.TakeInRange(0, {-60, 60}) && c.Done();
}

void AlphaRange(InferContext& c) {
  const double alpha = std::fabs(static_cast<double>(c.node.Float("alpha", 1.7f)));
  const Range r = c.in[0]->range;
  const double worst = r.lo < 0 ? alpha * std::max(1.0, -r.lo) : 0;
  c.out[0].range = {-worst, std::max({r.hi * std::max(1.0, 1.1), worst, 0.0})};
}

bool ChooseCelu(OpContext& c) {
  static constexpr float kValues[] = {0.5f, 1.0f, 2.0f};
  if (c.random().Chance(2, 3)) c.Set("alpha", kValues[c.random().Index(3)]);
  return c.TakeInRange(0, {-60, 60}) && c.Done();
}

bool ChooseSelu(OpContext& c) {
  if (c.random().Chance(1, 3)) {
    c.Set("alpha", DrawAlpha(c));
    c.Set("gamma", 1.0f + static_cast<float>(c.random().Index(2)) * 0.25f);
  }
  return c.TakeInRange(0, {-60, 60}) && c.Done();
}

bool ChooseHardSigmoid(OpContext& c) {
  if (c.random().Chance(1, 2)) {
    c.Set("alpha", 0.125f * static_cast<float>(1 + c.random().Index(4)));
    c.Set("beta", 0.25f * static_cast<float>(c.random().Index(4)));
  }
  return c.TakeAny(0) && c.Done();
}

bool ChooseShrink(OpContext& c) {
  if (!c.TakeAny(0)) return false;
  if (c.random().Chance(3, 4)) {
    c.Set("lambd", 0.25f * static_cast<float>(c.random().Index(6)));
    // ONNX leaves open what a fraction of bias is to an integer.
    const bool whole = !IsFloat(c.type()) && c.random().Chance(15, 16);
    c.Set("bias", (whole ? 1.0f : 0.5f) * static_cast<float>(c.random().Index(whole ? 2 : 4)));
  }
  return c.Done();
}

void WidenRange(InferContext& c) {
  c.out[0].range = Sum(c.in[0]->range, {-2, 2});
  if (IsUnsigned(c.in[0]->type)) c.out[0].range.lo = 0;
}

bool ChooseGelu(OpContext& c) {
  if (c.random().Chance(1, 2)) {
    c.Set("approximate", std::string(c.random().Chance(1, 2) ? "tanh" : "none"));
  }
  return c.TakeInRange(0, {-60, 60}) && c.Done();
}

bool ChooseIsInf(OpContext& c) {
  if (c.random().Chance(1, 2)) c.Set("detect_negative", static_cast<int64_t>(c.random().Below(2)));
  if (c.random().Chance(1, 2)) c.Set("detect_positive", static_cast<int64_t>(c.random().Below(2)));
  return c.TakeAny(0) && c.Done();
}

void Inverted(InferContext& c) {
  const Range r = c.in[0]->range;
  const auto highest = static_cast<double>(IntegerMax(c.in[0]->type));
  c.out[0].range =
      IsSigned(c.in[0]->type) ? Range{-r.hi - 1, -r.lo - 1} : Range{highest - r.hi, highest - r.lo};
}

void NegRange(InferContext& c) { c.out[0].range = {-c.in[0]->range.hi, -c.in[0]->range.lo}; }
void Bools(InferContext& c) { c.out[0].range = {0, 1}; }

// Inference mode only: with a training mode the result is random.
bool InferDropout(InferContext& c) { return c.in.size() == 1 && c.out.size() == 1 && InferSame(c); }

constexpr auto kExp = [](double x) { return std::exp(x); };
constexpr auto kLog = [](double x) { return std::log(std::max(x, 1e-4)); };
constexpr auto kSqrt = [](double x) { return std::sqrt(std::max(x, 0.0)); };
constexpr auto kSinh = [](double x) { return std::sinh(x); };
constexpr auto kCosh = [](double x) { return std::cosh(x); };
constexpr auto kAsinh = [](double x) { return std::asinh(x); };
constexpr auto kAcosh = [](double x) { return std::acosh(std::max(x, 1.0)); };
constexpr auto kRelu = [](double x) { return std::max(x, 0.0); };
constexpr auto kRound = [](double x) { return std::round(x); };
constexpr auto kFloor = [](double x) { return std::floor(x); };
constexpr auto kCeil = [](double x) { return std::ceil(x); };
constexpr auto kSign = [](double x) { return x > 0 ? 1.0 : x < 0 ? -1.0 : 0.0; };
constexpr auto kSoftplus = [](double x) { return x > 30 ? x : std::log1p(std::exp(x)); };

void CoshRange(InferContext& c) { c.out[0].range = {1, kCosh(c.in[0]->range.Magnitude())}; }

constexpr OpEntry kUnary[] = {
    {"Abs", ChooseUnary, InferSame, AbsRange, kExactResult, 2.1},
    {"Acos", ChooseWithin<-1.0, 1.0>, InferSame, Within<0.0, 3.2>, 0, 2.1},
    {"Acosh", ChooseWithin<1.0, kAnyHigh>, InferSame, Mono<kAcosh>, 0, 2.1},
    {"Asin", ChooseWithin<-1.0, 1.0>, InferSame, Within<-1.6, 1.6>, 0, 2.1},
    {"Asinh", ChooseUnary, InferSame, Mono<kAsinh>, 0, 2.1},
    {"Atan", ChooseUnary, InferSame, Within<-1.6, 1.6>, 0, 2.1},
    {"Atanh", ChooseWithin<-0.95, 0.95>, InferSame, Within<-2.0, 2.0>, 0, 2.1},
    {"BitwiseNot", ChooseUnary, InferSame, Inverted, kExactResult, 2.1},
    {"Ceil", ChooseUnary, InferSame, Mono<kCeil>, kExactResult | kSteps, 2.1},
    {"Celu", ChooseCelu, InferSame, AlphaRange, 0, 2.1},
    {"Cos", ChooseWithin<-60.0, 60.0>, InferSame, Within<-1.0, 1.0>, 0, 2.1},
    {"Cosh", ChooseWithin<-5.0, 5.0>, InferSame, CoshRange, 0, 2.1},
    {"Dropout", ChooseUnary, InferDropout, nullptr, kExactResult, 1, 7},
    {"Elu", ChooseAlpha, InferSame, AlphaRange, 0, 2.1},
    {"Erf", ChooseUnary, InferSame, Within<-1.0, 1.0>, 0, 2.1},
    {"Exp", ChooseWithin<-60.0, 6.0>, InferSame, Mono<kExp>, 0, 2.1},
    {"Floor", ChooseUnary, InferSame, Mono<kFloor>, kExactResult | kSteps, 2.1},
    {"Gelu", ChooseGelu, InferSame, Gated, 0, 2.1},
    {"HardSigmoid", ChooseHardSigmoid, InferSame, Within<0.0, 1.0>, 0, 2.1},
    {"HardSwish", ChooseUnary, InferSame, Gated, 0, 2.1},
    {"Identity", ChooseIdentity, InferIdentity, nullptr, kExactResult},
    {"IsInf", ChooseIsInf, InferSame, Bools, kExactResult},
    {"IsNaN", ChooseUnary, InferSame, Bools, kExactResult},
    {"LeakyRelu", ChooseAlpha, InferSame, AlphaRange, 0, 2.1},
    {"Log", ChooseWithin<0.02, kAnyHigh>, InferSame, Mono<kLog>, 0, 2.1},
    {"Mish", ChooseWithin<-60.0, 60.0>, InferSame, Gated, 0, 2.1},
    {"Neg", ChooseUnary, InferSame, NegRange, kExactResult, 2.1},
    {"Not", ChooseUnary, InferSame, Bools, kExactResult, 2.1},
    {"Reciprocal", ChooseReciprocal, InferSame, ReciprocalRange, 0, 2.1},
    {"Relu", ChooseUnary, InferSame, Mono<kRelu>, kExactResult, 2.1},
    {"Round", ChooseUnary, InferSame, Mono<kRound>, kExactResult | kSteps, 2.1},
    {"Selu", ChooseSelu, InferSame, AlphaRange, 0, 2.1},
    {"Shrink", ChooseShrink, InferSame, WidenRange, kSteps, 2.1},
    {"Sigmoid", ChooseUnary, InferSame, Within<0.0, 1.0>, 0, 2.1},
    {"Sign", ChooseUnary, InferSame, Mono<kSign>, kExactResult | kSteps, 2.1},
    {"Sin", ChooseWithin<-60.0, 60.0>, InferSame, Within<-1.0, 1.0>, 0, 2.1},
    {"Sinh", ChooseWithin<-5.0, 5.0>, InferSame, Mono<kSinh>, 0, 2.1},
    {"Softplus", ChooseUnary, InferSame, Mono<kSoftplus>, 0, 2.1},
    {"Softsign", ChooseUnary, InferSame, Within<-1.0, 1.0>, 0, 2.1},
    {"Sqrt", ChooseWithin<0.0, kAnyHigh>, InferSame, Mono<kSqrt>, 0, 2.1},
    {"Swish", ChooseAlpha, InferSame, AlphaRange, 0, 3},
    {"Tan", ChooseWithin<-1.4, 1.4>, InferSame, Within<-6.0, 6.0>, 0, 2.1},
    {"Tanh", ChooseUnary, InferSame, Within<-1.0, 1.0>, 0, 2.1},
    {"ThresholdedRelu", ChooseAlpha, InferSame, Mono<kRelu>, kExactResult | kSteps, 2.1},
};

}  // namespace

OpTable UnaryOps() { return kUnary; }

}  // namespace moire
