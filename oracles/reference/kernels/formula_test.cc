// The activations computed step by step in each float type, every step rounded to the type or kept
// wide at random, as their ONNX function bodies and texts spell them: each result must be legal.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "harness/case/random.h"
#include "oracles/reference/kernels/kernel_testing.h"

namespace moire {
namespace {

using testing::IsLegal;
using testing::NodeSpec;
using testing::RunNode;

// Rounds a step's exact result, or keeps it wide.
class Stepper {
 public:
  Stepper(DataType type, Random& random) : type_(type), random_(random) {}
  double operator()(double x) { return keep_wide_ && random_.Chance(1, 2) ? x : RoundTo(type_, x); }
  void Restart() { keep_wide_ = random_.Chance(1, 2); }
  // A constant cast to the type (CastLike), or as the float attribute has it.
  double Constant(double x) {
    const double as_float = RoundTo(DataType::kFloat, x);
    return random_.Chance(1, 2) ? as_float : RoundTo(type_, as_float);
  }

 private:
  DataType type_;
  Random& random_;
  bool keep_wide_ = false;
};

struct Formula {
  NodeSpec spec;
  std::function<double(double, Stepper&)> f;
  double low = -20, high = 20;
};

double Sigmoid(double x, Stepper& r) { return r(1 / r(1 + r(std::exp(-x)))); }
double Softplus(double x, Stepper& r) { return r(std::log(r(r(std::exp(x)) + 1))); }

const Formula kFormulas[] = {
    {{"Sigmoid"}, Sigmoid},
    {{"Softplus"}, Softplus},
    {{"Softsign"}, [](double x, Stepper& r) { return r(x / r(1 + std::abs(x))); }},
    {{"Swish", {{"alpha", 0.7f}}, 24},
     [](double x, Stepper& r) { return r(x * Sigmoid(r(r.Constant(0.7) * x), r)); }},
    {{"Mish"}, [](double x, Stepper& r) { return r(x * r(std::tanh(Softplus(x, r)))); }},
    {{"Elu", {{"alpha", 1.3f}}},
     [](double x, Stepper& r) { return x < 0 ? r(r.Constant(1.3) * r(r(std::exp(x)) - 1)) : x; }},
    {{"Selu"},
     [](double x, Stepper& r) {
       const double alpha = r.Constant(1.67326319217681884765625);
       const double gamma = r.Constant(1.05070102214813232421875);
       return x < 0 ? r(gamma * r(r(alpha * r(std::exp(x))) - alpha)) : r(gamma * x);
     }},
    {{"Celu", {{"alpha", 1.7f}}},
     [](double x, Stepper& r) {
       const double alpha = r.Constant(1.7);
       const double y = r(x / alpha);
       return r(alpha * (y < 0 ? r(r(std::exp(y)) - 1) : y));
     }},
    {{"Gelu", {}, 20},
     [](double x, Stepper& r) {
       const double erf = r(std::erf(r(x / r(std::sqrt(2.0)))));
       return r(r(0.5 * x) * r(1 + erf));
     }},
    {{"Gelu", {{"approximate", std::string("tanh")}}, 20},
     [](double x, Stepper& r) {
       const double cube = r(r.Constant(0.044715) * r(x * x * x));
       const double t = r(r(std::sqrt(r.Constant(0.63661977236))) * r(x + cube));
       return r(r(0.5 * x) * r(1 + r(std::tanh(t))));
     }},
    {{"HardSigmoid", {{"alpha", 0.3f}, {"beta", 0.4f}}},
     [](double x, Stepper& r) {
       return std::max(0.0, std::min(1.0, r(r(x * r.Constant(0.3)) + r.Constant(0.4))));
     }},
    {{"HardSwish"},
     [](double x, Stepper& r) {
       const double sixth = r.Constant(1.0 / 6);
       return r(x * std::max(0.0, std::min(1.0, r(r(x * sixth) + 0.5))));
     }},
    {{"LeakyRelu", {{"alpha", 0.3f}}},
     [](double x, Stepper& r) { return x < 0 ? r(r.Constant(0.3) * x) : x; }},
    {{"Shrink", {{"bias", 0.3f}, {"lambd", 0.7f}}},
     [](double x, Stepper& r) {
       const double lambd = r.Constant(0.7);
       const double bias = r.Constant(0.3);
       return x < -lambd ? r(x + bias) : x > lambd ? r(x - bias) : 0;
     }},
    {{"Sinh"},
     [](double x, Stepper& r) { return r(r(r(std::exp(x)) - r(std::exp(-x))) / 2); },
     -8,
     8},
    {{"Tanh"},
     [](double x, Stepper& r) { return r(1 - r(2 / r(r(std::exp(r(2 * x))) + 1))); },
     -4,
     4},
    {{"Reciprocal"}, [](double x, Stepper& r) { return r(1 / x); }},
};

TEST(Formula, EveryRoundingOfTheStepsIsLegal) {
  Random random(7);
  for (const DataType type : {DataType::kFloat, DataType::kFloat16, DataType::kBfloat16}) {
    for (const Formula& row : kFormulas) {
      Stepper step(type, random);
      int failures = 0;
      for (int round = 0; round < 3000 && failures < 3; ++round) {
        const double range = random.Chance(1, 2) ? 1 : random.Unit() * 1e-3;
        const double x = RoundTo(type, range * (row.low + (row.high - row.low) * random.Unit()));
        const auto out = RunNode(row.spec, {testing::Floats(type, {x})});
        ASSERT_TRUE(out) << out.error().message;
        if (out->MarkAt(0) != kDecided) continue;
        step.Restart();
        const double y = RoundTo(type, row.f(x, step));
        if (IsLegal(*out, 0, y)) continue;
        ++failures;
        ADD_FAILURE() << fmt::format("{} {}({}) steps to {}, legal is [{}, {}]", Name(type),
                                     row.spec.op, x, y, out->Lo()[0], out->Hi()[0]);
      }
    }
  }
}

using Wide = long double;
struct Extended {
  NodeSpec spec;
  Wide (*f)(Wide);
  double low = -20, high = 20;
  double ulps = 4;  // what a library may be off
};

const Extended kExtended[] = {
    {{"Exp"}, [](Wide x) { return std::exp(x); }},
    {{"Log"}, [](Wide x) { return std::log(x); }, 0.01, 9},
    {{"Sin"}, [](Wide x) { return std::sin(x); }, -3, 3},
    {{"Tan"}, [](Wide x) { return std::tan(x); }, -1.5, 1.5},
    {{"Acos"}, [](Wide x) { return std::acos(x); }, -1, 1},
    {{"Cosh"}, [](Wide x) { return std::cosh(x); }},
    {{"Sigmoid"}, [](Wide x) { return 1 / (1 + std::exp(-x)); }},
    {{"Softplus"}, [](Wide x) { return std::log1p(std::exp(x)); }},
    {{"Softsign"}, [](Wide x) { return x / (1 + std::abs(x)); }, -20, 20, 3},
};

// The reference evaluates in double as well: its own error must not eat up what a library may err.
TEST(Formula, DoublesOffByWhatALibraryMayErrAreLegal) {
  Random random(8);
  for (const Extended& row : kExtended) {
    int failures = 0;
    for (int round = 0; round < 5000 && failures < 3; ++round) {
      const double x = row.low + (row.high - row.low) * random.Unit();
      const auto out = RunNode(row.spec, {testing::Floats(DataType::kDouble, {x})});
      ASSERT_TRUE(out) << out.error().message;
      const Wide exact = row.f(static_cast<Wide>(x));
      const auto nearest = static_cast<double>(exact);
      const double ulp = std::abs(std::nextafter(nearest, 0) - nearest);
      const Wide off = (row.ulps - 0.5) * (random.Chance(1, 2) ? ulp : -ulp);
      const auto y = static_cast<double>(exact + off);
      if (out->MarkAt(0) != kDecided || IsLegal(*out, 0, y)) continue;
      ++failures;
      ADD_FAILURE() << fmt::format("double {}({}) = {} is illegal, legal is [{}, {}]", row.spec.op,
                                   x, y, out->Lo()[0], out->Hi()[0]);
    }
  }
}

}  // namespace
}  // namespace moire
