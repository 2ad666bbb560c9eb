// Power: how many planted faults of a given size the reference's ranges catch. The data has
// equalised magnitudes: every factor lies between 1 and 2 in size, signs are random. The faulty
// result is accumulated in float in one order, as a runtime would.
#include <gtest/gtest.h>

#include <cmath>

#include "harness/case/random.h"
#include "oracles/reference/kernels/kernel_testing.h"

namespace moire {
namespace {

using testing::Floats;
using testing::Integers;
using testing::IsLegal;
using testing::RunNode;

std::vector<double> Equalised(Random& random, size_t count) {
  std::vector<double> out(count);
  for (double& x : out) {
    x = static_cast<double>(static_cast<float>(1 + random.Unit()));
    if (random.Chance(1, 2)) x = -x;
  }
  return out;
}

// One row of n by n columns of `columns`: y = sum(a[k] * b[k][c]).
struct Product {
  size_t n, columns;
  std::vector<double> a, b;
  RangeTensor legal;

  static Product Make(Random& random, size_t n, size_t columns) {
    Product out{n, columns, Equalised(random, n), Equalised(random, n * columns), {}};
    const auto rows = static_cast<int64_t>(n), width = static_cast<int64_t>(columns);
    out.legal = *RunNode({"MatMul"}, {Floats(out.a, {1, rows}), Floats(out.b, {rows, width})});
    return out;
  }
  // Column c with term `bad` scaled by `factor`, summed from the first term or from the last.
  double Sum(size_t c, size_t bad, double factor, bool backwards) const {
    float sum = 0;
    for (size_t i = 0; i < n; ++i) {
      const size_t k = backwards ? n - 1 - i : i;
      const double term = a[k] * b[k * columns + c] * (k == bad ? factor : 1);
      sum += static_cast<float>(term);
    }
    return static_cast<double>(sum);
  }
};

// The share of products in which a fault in one term of one output is caught; with `outputs` > 1,
// in one term of each output (of the same row of the weight, or of one drawn anew), caught in any.
double Caught(size_t n, size_t outputs, double factor, int trials, bool same_row = false) {
  Random random(n * 31 + outputs);
  int caught = 0;
  for (int trial = 0; trial < trials; ++trial) {
    const Product product = Product::Make(random, n, outputs);
    size_t bad = random.Index(n);
    bool found = false;
    for (size_t c = 0; c < outputs; ++c) {
      if (!same_row) bad = random.Index(n);
      const bool backwards = random.Chance(1, 2);
      EXPECT_TRUE(IsLegal(product.legal, c, product.Sum(c, bad, 1, backwards)));  // the clean twin
      found |= !IsLegal(product.legal, c, product.Sum(c, bad, factor, backwards));
    }
    caught += found ? 1 : 0;
  }
  return static_cast<double>(caught) / trials;
}

TEST(Power, OneTermOf256) {
  EXPECT_GE(Caught(256, 1, 1 + 4e-3, 400), 0.90);
  EXPECT_GE(Caught(256, 1, 1 + 1e-2, 400), 0.99);
}

TEST(Power, ADroppedTermOf2048) { EXPECT_GE(Caught(2048, 1, 0, 200), 0.85); }

TEST(Power, ASystematicFaultPooledOver64Outputs) { EXPECT_GE(Caught(256, 64, 1 + 1e-3, 60), 0.90); }

// --- Rounding modes ---------------------------------------------------------------------------

double TowardZero(double x) { return std::trunc(x); }
double AwayFromZero(double x) { return x < 0 ? std::floor(x) : std::ceil(x); }
double TiesAway(double x) { return std::round(x); }
double TiesToEven(double x) { return std::nearbyint(x); }

TEST(Power, AWrongRoundingModeOfQuantizeLinearIsCaughtAlways) {
  Random random(7);
  for (int trial = 0; trial < 200; ++trial) {
    std::vector<double> x(64);
    for (double& v : x) v = static_cast<double>(random.Below(400)) / 2 - 100;  // every other a tie
    const double scale = random.Chance(1, 2) ? 1 : 0.5;
    for (double& v : x) v *= scale;
    const auto out = RunNode({"QuantizeLinear"},
                             {Floats(x), Floats({scale}, {}), Integers(DataType::kInt8, {0}, {})});
    ASSERT_TRUE(out) << out.error().message;
    for (double (*mode)(double) : {TowardZero, AwayFromZero, TiesAway}) {
      bool caught = false;
      for (size_t i = 0; i < x.size(); ++i) caught |= !IsLegal(*out, i, mode(x[i] / scale));
      EXPECT_TRUE(caught);
    }
    for (size_t i = 0; i < x.size(); ++i) EXPECT_TRUE(IsLegal(*out, i, TiesToEven(x[i] / scale)));
  }
}

TEST(Power, AWrongRoundingModeOfCastIsCaughtAlways) {
  Random random(9);
  const std::vector<Attribute> to = {{"to", static_cast<int64_t>(DataType::kFloat16), {}}};
  for (int trial = 0; trial < 200; ++trial) {
    std::vector<double> x(64);
    // In [1024, 2048) float16 holds the whole numbers.
    for (double& v : x) v = 1024 + static_cast<double>(random.Below(4096)) / 4;
    const auto out = RunNode({"Cast", to}, {Floats(x)});
    ASSERT_TRUE(out) << out.error().message;
    for (double (*mode)(double) : {TowardZero, AwayFromZero, TiesAway}) {
      bool caught = false;
      for (size_t i = 0; i < x.size(); ++i) caught |= !IsLegal(*out, i, mode(x[i]));
      EXPECT_TRUE(caught);
    }
    for (size_t i = 0; i < x.size(); ++i) EXPECT_TRUE(IsLegal(*out, i, TiesToEven(x[i])));
  }
}

}  // namespace
}  // namespace moire
