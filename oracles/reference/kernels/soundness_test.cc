// Two properties of every float kernel with ranges. Sound: for inputs drawn from inside the input
// ranges, what float32 arithmetic and libm's float functions compute lies in the output range (or
// the element is undecidable). Sharp: a result off by twice the width of an exact input's range is
// not legal.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "harness/case/random.h"
#include "oracles/reference/kernels/kernel_testing.h"

namespace moire {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

using testing::Floats;
using testing::IsLegal;
using testing::NodeSpec;
using testing::RunNode;

// A long line of a few values that repeat: whoever errs by a bit in their exponentials adds up
// other roundings, in its own number of lanes.
TEST(Softmax, RepeatedDataIsLegalWithExponentialsOffByABit) {
  Random random(21);
  for (int round = 0; round < 60; ++round) {
    const size_t n = 2000 + random.Below(24'000);
    const size_t period = 1 + random.Below(17);
    std::vector<double> x(n), e(n);
    for (size_t k = 0; k < n; ++k) x[k] = k < period ? 2 * random.Unit() - 1 : x[k - period];
    const double top = *std::ranges::max_element(x);
    for (size_t k = 0; k < n; ++k) {
      e[k] = k >= period ? e[k - period]
                         : std::nextafter(std::exp(x[k] - top), random.Chance(1, 2) ? 0 : 2);
    }
    const auto out = RunNode({"Softmax"}, {Floats(DataType::kDouble, x)});
    ASSERT_TRUE(out.has_value());
    for (const size_t lanes : {1u, 2u, 4u}) {
      std::vector<double> sums(lanes, 0);
      for (size_t k = 0; k < n; ++k) sums[k % lanes] += e[k];
      double sum = 0;
      for (const double lane : sums) sum += lane;
      EXPECT_TRUE(IsLegal(*out, 0, e[0] / sum)) << "n " << n << " of " << period;
    }
  }
}

using Float1 = float (*)(float);
using Float2 = float (*)(float, float);

struct Unary {
  NodeSpec spec;
  Float1 f;
  double low = -20;  // arguments are drawn from here
  double high = 20;
};

struct Binary {
  NodeSpec spec;
  Float2 f;
  double low = -20;
  double high = 20;
};

float SigmoidF(float x) { return 1 / (1 + std::exp(-x)); }
float GeluF(float x) { return 0.5f * x * (1 + std::erf(x * 0.70710678f)); }
float GeluTanhF(float x) {
  return 0.5f * x * (1 + std::tanh(0.7978845608f * (x + 0.044715f * x * x * x)));
}

const Unary kUnary[] = {
    {{"Exp"}, [](float x) { return std::exp(x); }, -120, 95},
    {{"Log"}, [](float x) { return std::log(x); }, 0, 1e6},
    {{"Tanh"}, [](float x) { return std::tanh(x); }},
    {{"Tanh"}, [](float x) { return 1 - 2 / (std::exp(2 * x) + 1); }},
    {{"Sigmoid"}, SigmoidF, -100, 100},
    {{"Erf"}, [](float x) { return std::erf(x); }, -5, 5},
    {{"Sin"}, [](float x) { return std::sin(x); }, -1000, 1000},
    {{"Cos"}, [](float x) { return std::cos(x); }},
    {{"Tan"}, [](float x) { return std::tan(x); }},
    {{"Asin"}, [](float x) { return std::asin(x); }, -1.1, 1.1},
    {{"Acos"}, [](float x) { return std::acos(x); }, -1.1, 1.1},
    {{"Acos"}, [](float x) { return 1.57079633f - std::asin(x); }, -1, 1},
    {{"Atan"}, [](float x) { return std::atan(x); }},
    {{"Sinh"}, [](float x) { return (std::exp(x) - std::exp(-x)) / 2; }, -95, 95},
    {{"Cosh"}, [](float x) { return (std::exp(x) + std::exp(-x)) / 2; }, -95, 95},
    {{"Asinh"}, [](float x) { return std::asinh(x); }},
    {{"Acosh"}, [](float x) { return std::acosh(x); }, 0.9, 50},
    {{"Acosh"}, [](float x) { return std::log(x + std::sqrt((x - 1) * (x + 1))); }, 1, 2},
    {{"Atanh"}, [](float x) { return std::atanh(x); }, -1.1, 1.1},
    {{"Sqrt"}, [](float x) { return std::sqrt(x); }, -1, 100},
    {{"Reciprocal"}, [](float x) { return 1 / x; }},
    {{"Neg"}, [](float x) { return -x; }},
    {{"Abs"}, [](float x) { return std::abs(x); }},
    {{"Floor"}, [](float x) { return std::floor(x); }},
    {{"Ceil"}, [](float x) { return std::ceil(x); }},
    {{"Round"}, [](float x) { return std::nearbyint(x); }},
    {{"Sign"}, [](float x) { return static_cast<float>((x > 0) - (x < 0)); }},
    {{"Relu"}, [](float x) { return x > 0 ? x : 0; }},
    {{"LeakyRelu", {{"alpha", -0.3f}}}, [](float x) { return x < 0 ? x * -0.3f : x; }},
    {{"ThresholdedRelu"}, [](float x) { return x > 1 ? x : 0; }},
    {{"HardSigmoid"}, [](float x) { return std::max(0.f, std::min(1.f, 0.2f * x + 0.5f)); }},
    {{"HardSwish"}, [](float x) { return x * std::max(0.f, std::min(1.f, x / 6 + 0.5f)); }},
    {{"HardSwish"}, [](float x) { return x * std::max(0.f, std::min(6.f, x + 3)) / 6; }},
    {{"Shrink", {{"bias", 1.5f}}},
     [](float x) { return x < -0.5f  ? x + 1.5f
                          : x > 0.5f ? x - 1.5f
                                     : 0; }},
    {{"Elu", {{"alpha", 2.5f}}}, [](float x) { return x < 0 ? 2.5f * (std::exp(x) - 1) : x; }},
    {{"Selu"},
     [](float x) {
       constexpr float kAlpha = 1.67326319f;
       return 1.05070102f * (x < 0 ? kAlpha * std::exp(x) - kAlpha : x);
     }},
    {{"Celu", {{"alpha", 2.0f}}},
     [](float x) { return std::max(0.f, x) + std::min(0.f, 2 * (std::exp(x / 2) - 1)); }},
    {{"Celu", {{"alpha", 3.0f}}},
     [](float x) {
       const float y = x / 3;
       return 3 * (y < 0 ? std::exp(y) - 1 : y);
     }},
    {{"Gelu", {}, 20}, GeluF},
    {{"Gelu", {{"approximate", std::string("tanh")}}, 20}, GeluTanhF},
    {{"Swish", {{"alpha", 1.5f}}, 24}, [](float x) { return x * SigmoidF(1.5f * x); }},
    {{"Swish", {{"alpha", -0.5f}}, 24}, [](float x) { return x * SigmoidF(-0.5f * x); }},
    {{"Mish"}, [](float x) { return x * std::tanh(std::log(1 + std::exp(x))); }},
    {{"Softplus"}, [](float x) { return std::log(std::exp(x) + 1); }, -100, 100},
    {{"Softplus"},
     [](float x) { return std::max(x, 0.f) + std::log1p(std::exp(-std::abs(x))); },
     -100,
     100},
    {{"Softsign"}, [](float x) { return x / (1 + std::abs(x)); }},
};

const Binary kBinary[] = {
    {{"Add"}, [](float a, float b) { return a + b; }},
    {{"Sub"}, [](float a, float b) { return a - b; }},
    {{"Mul"}, [](float a, float b) { return a * b; }},
    {{"Div"}, [](float a, float b) { return a / b; }},
    {{"Div"}, [](float a, float b) { return a * (1 / b); }},
    {{"Mod", {{"fmod", int64_t{1}}}}, [](float a, float b) { return std::fmod(a, b); }},
    {{"Max"}, [](float a, float b) { return std::max(a, b); }},
    {{"Min"}, [](float a, float b) { return std::min(a, b); }},
    {{"Mean"}, [](float a, float b) { return (a + b) * 0.5f; }},
    {{"PRelu"}, [](float a, float b) { return a < 0 ? a * b : a; }},
    {{"Pow"}, [](float a, float b) { return std::pow(a, b); }, 0, 20},
    {{"Pow"},
     [](float a, float b) { return a > 0 ? std::exp(b * std::log(a)) : std::pow(a, b); },
     0,
     20},
};

// A range of random width around a random float, sometimes a point, sometimes an edge.
struct Draw {
  double lo, value, hi;
};
Draw DrawRange(Random& random, double low, double high) {
  double value = low + (high - low) * random.Unit();
  if (random.Chance(1, 8)) value = std::round(value);
  if (random.Chance(1, 16)) value *= 1e-20;
  if (random.Chance(1, 64)) value = 0;
  value = RoundTo(DataType::kFloat, value);
  if (random.Chance(1, 3)) return {value, value, value};
  const double width = std::pow(10, -8 + 8 * random.Unit()) * (std::abs(value) + 0.01);
  return {value - width * random.Unit(), value, value + width * random.Unit()};
}
RangeTensor AsTensor(const Draw& draw) {
  return testing::Ranged(DataType::kFloat, draw.lo, draw.value, draw.hi);
}
float Inside(Random& random, const Draw& draw) {
  const double at = draw.lo + (draw.hi - draw.lo) * random.Unit();
  const auto x = static_cast<float>(random.Chance(1, 4)   ? draw.lo
                                    : random.Chance(1, 3) ? draw.hi
                                                          : at);
  // Rounding to float may leave the range.
  return x < draw.lo || x > draw.hi ? static_cast<float>(draw.value) : x;
}

void ExpectSound(const std::string& what, const RangeTensor& out, float y) {
  if (out.MarkAt(0) != kDecided) return;
  EXPECT_TRUE(IsLegal(out, 0, static_cast<double>(y)))
      << what << fmt::format(" gives {:a}, legal is [{:a}, {:a}]", y, out.Lo()[0], out.Hi()[0]);
}

TEST(Soundness, Unary) {
  Random random(1);
  for (const Unary& row : kUnary) {
    int decided = 0;
    constexpr int kRounds = 3000;
    for (int round = 0; round < kRounds && !::testing::Test::HasFailure(); ++round) {
      const Draw draw = DrawRange(random, row.low, row.high);
      const auto out = RunNode(row.spec, {AsTensor(draw)});
      ASSERT_TRUE(out) << out.error().message;
      decided += out->MarkAt(0) == kDecided;
      for (int sample = 0; sample < 3; ++sample) {
        const float x = Inside(random, draw);
        ExpectSound(fmt::format("{}({:a} of [{:a}, {:a}])", row.spec.op, x, draw.lo, draw.hi), *out,
                    row.f(x));
      }
    }
    EXPECT_GT(decided, kRounds / 4) << row.spec.op;
  }
}

// What is near a limit may err though the limit itself is exact.
TEST(Soundness, RangesThatReachInfinity) {
  RangeTensor x = testing::Ranged(DataType::kDouble, -kInfinity, -1e300, -1e299);
  const auto y = RunNode({"Tanh"}, {x});
  EXPECT_TRUE(IsLegal(*y, 0, std::nextafter(-1.0, -2.0)));
  EXPECT_FALSE(IsLegal(*y, 0, -1.01));
  x = testing::Ranged(DataType::kDouble, -kInfinity, -kInfinity, -kInfinity);
  EXPECT_FALSE(IsLegal(*RunNode({"Tanh"}, {x}), 0, std::nextafter(-1.0, -2.0)));
}

TEST(Soundness, Binary) {
  Random random(2);
  for (const Binary& row : kBinary) {
    int decided = 0;
    constexpr int kRounds = 3000;
    for (int round = 0; round < kRounds && !::testing::Test::HasFailure(); ++round) {
      const Draw a = DrawRange(random, row.low, row.high);
      const Draw b = DrawRange(random, row.low, row.high);
      const auto out = RunNode(row.spec, {AsTensor(a), AsTensor(b)});
      ASSERT_TRUE(out) << out.error().message;
      decided += out->MarkAt(0) == kDecided;
      for (int sample = 0; sample < 3; ++sample) {
        const float x = Inside(random, a);
        const float y = Inside(random, b);
        ExpectSound(fmt::format("{}({:a} of [{:a}, {:a}], {:a} of [{:a}, {:a}])", row.spec.op, x,
                                a.lo, a.hi, y, b.lo, b.hi),
                    *out, row.f(x, y));
      }
    }
    EXPECT_GT(decided, kRounds / 4) << row.spec.op;
  }
}

// A fused chain keeps its parts wide: the range of each step holds that too.
TEST(Soundness, FusedChains) {
  Random random(3);
  for (int round = 0; round < 20000; ++round) {
    const auto draw = [&] {
      return static_cast<float>(
          std::ldexp(1 + random.Unit(), static_cast<int>(random.Between(-12, 12))) *
          (random.Chance(1, 2) ? 1 : -1));
    };
    const float a = draw();
    const float b = random.Chance(1, 8) ? a : draw();
    const float c = random.Chance(1, 8) ? -a * b : draw();
    const auto one = [](float x) { return Floats({x}); };
    const auto product = RunNode({"Mul"}, {one(a), one(b)});
    const auto sum = RunNode({"Add"}, {*product, one(c)});
    EXPECT_TRUE(IsLegal(*sum, 0, static_cast<double>(std::fma(a, b, c))));
    EXPECT_TRUE(IsLegal(*sum, 0, static_cast<double>(a * b + c)));
  }
}

// Lines of elements whose ranges are narrow, wide and wider than the exponential's.
TEST(Soundness, SoftmaxOfRanges) {
  Random random(5);
  for (int round = 0; round < 3000 && !::testing::Test::HasFailure(); ++round) {
    const auto n = static_cast<size_t>(random.Between(1, 6));
    const double width = std::ldexp(1, static_cast<int>(random.Between(-12, 12)));
    RangeTensor x = Floats(std::vector<double>(n, 0));
    x.MakeRanges();
    for (size_t k = 0; k < n; ++k) {
      x.value[k] = RoundTo(DataType::kFloat, (2 * random.Unit() - 1) * 80);
      const double reach = random.Chance(1, 3) ? 0 : width;
      x.lo[k] = RoundTo(DataType::kFloat, x.value[k] - reach * random.Unit());
      x.hi[k] = RoundTo(DataType::kFloat, x.value[k] + reach * random.Unit());
    }
    const auto softmax = RunNode({"Softmax"}, {x});
    const auto logarithm = RunNode({"LogSoftmax"}, {x});
    const auto whole = RunNode({"ReduceLogSumExp"}, {x});
    for (int sample = 0; sample < 8; ++sample) {
      std::vector<float> at(n);
      for (size_t k = 0; k < n; ++k) {
        const double end = random.Chance(1, 2) ? x.lo[k] : x.hi[k];
        at[k] = static_cast<float>(random.Chance(1, 3) ? x.value[k] : end);
      }
      const float top = *std::max_element(at.begin(), at.end());
      float sum = 0, plain = 0;
      for (const float v : at) {
        sum += std::exp(v - top);
        plain += std::exp(v);
      }
      for (size_t k = 0; k < n; ++k) {
        const float y = std::exp(at[k] - top) / sum;
        const float log = at[k] - top - std::log(sum);
        const float other = at[k] - (top + std::log(sum));
        EXPECT_TRUE(softmax->MarkAt(k) != kDecided || IsLegal(*softmax, k, y)) << y;
        EXPECT_TRUE(logarithm->MarkAt(k) != kDecided || IsLegal(*logarithm, k, log)) << log;
        EXPECT_TRUE(logarithm->MarkAt(k) != kDecided || IsLegal(*logarithm, k, other)) << other;
      }
      ExpectSound("ReduceLogSumExp", *whole, std::log(plain));
      ExpectSound("ReduceLogSumExp", *whole, top + std::log(sum));
    }
  }
}

// The planted fault: exact inputs, a result off by twice the allowance.
TEST(Sharpness, TwiceTheBoundIsCaught) {
  Random random(4);
  const auto check = [&](const NodeSpec& spec, const std::vector<RangeTensor>& inputs) {
    const auto out = RunNode(spec, inputs);
    ASSERT_TRUE(out);
    const double value = out->value[0];
    if (out->MarkAt(0) != kDecided || !std::isfinite(value)) return;
    const double lo = RoundTo(DataType::kFloat, out->Lo()[0]);
    const double hi = RoundTo(DataType::kFloat, out->Hi()[0]);
    EXPECT_LE(lo, value);
    EXPECT_GE(hi, value);
    const double ulp = Ulp(DataType::kFloat, value);
    const double off = std::max(2 * std::max(hi - value, value - lo), 2 * ulp);
    if (!std::isfinite(off)) return;
    EXPECT_FALSE(IsLegal(*out, 0, value + off)) << spec.op;
    EXPECT_FALSE(IsLegal(*out, 0, value - off)) << spec.op;
    // And the allowance itself is small against the scale of the operands.
    const double scale = std::abs(value) + std::abs(inputs[0].value[0]) + 1;
    EXPECT_LE(hi - lo, scale * 0x1p-14) << spec.op << " " << inputs[0].value[0];
  };
  for (int round = 0; round < 500; ++round) {
    for (const Unary& row : kUnary) {
      const double high = std::min(row.high, 20.0);
      const double low = std::max(row.low, -20.0);
      const double x = low + (high - low) * random.Unit();
      if (row.spec.op == "Acosh" && x < 1.01) continue;  // conditioned badly, by design
      if (row.spec.op == "Tan" && std::abs(std::cos(x)) < 0.05) continue;
      check(row.spec, {Floats({RoundTo(DataType::kFloat, x)})});
    }
    for (const Binary& row : kBinary) {
      const auto draw = [&] {
        return RoundTo(DataType::kFloat, row.low + (row.high - row.low) * random.Unit());
      };
      const double a = draw();
      const double b = draw();
      if (row.spec.op == "Pow" && std::abs(b * std::log(a)) > 30) continue;
      check(row.spec, {Floats({a}), Floats({b})});
    }
  }
}

}  // namespace
}  // namespace moire
