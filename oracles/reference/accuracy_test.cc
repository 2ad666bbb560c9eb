// The bound of sums against accumulation in many orders, and the accuracy table against libm's
// float functions over all binades.
#include "oracles/reference/accuracy.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <set>
#include <string>
#include <vector>

#include "harness/case/float_bits.h"
#include "harness/case/random.h"
#include "oracles/reference/kernels/kernel_testing.h"

namespace moire {
namespace {

using enum DataType;

struct Sum {
  double exact = 0;
  double bound = 0;
  bool overflow = false;
};

Sum Bound(const std::vector<double>& a, const std::vector<double>& b, DataType type) {
  Sum sum;
  sum.bound = SumBound(a.data(), 1, b.empty() ? nullptr : b.data(), 1,
                       static_cast<int64_t>(a.size()), type, &sum.exact, &sum.overflow);
  return sum;
}

// Accumulates in `type` in a random order of random shape: sequential, lanes, or pairwise.
double Accumulate(std::vector<double> terms, DataType type, Random& random) {
  const auto round = [&](double x) { return RoundTo(type, x); };
  if (random.Chance(1, 2)) {
    for (size_t i = terms.size(); i > 1; --i) std::swap(terms[i - 1], terms[random.Index(i)]);
  }
  const size_t lanes = size_t{1} << random.Below(6);
  std::vector<double> sums(lanes, 0);
  for (size_t i = 0; i < terms.size(); ++i) {
    double& sum = sums[i % lanes];
    sum = round(sum + terms[i]);
  }
  double total = 0;
  for (const double sum : sums) total = round(total + sum);
  return total;
}

TEST(SumBound, HoldsForEveryOrder) {
  Random random(11);
  for (const DataType type : {kFloat, kFloat16, kBfloat16, kDouble}) {
    for (int round = 0; round < 300; ++round) {
      const auto n = static_cast<size_t>(1 + random.Below(round % 10 == 0 ? 3000 : 40));
      std::vector<double> a(n), b(n), products(n);
      const int flavour = static_cast<int>(random.Below(4));
      const double constant = RoundTo(type, 0.1 + random.Unit());
      for (size_t i = 0; i < n; ++i) {
        const double x = random.Unit() * 2 - (flavour == 0 ? 0 : 1);
        a[i] = flavour == 1 ? constant : RoundTo(type, x * 0.1);
        b[i] = flavour == 1 ? 1 : RoundTo(type, random.Unit() - 0.5);
        if (flavour == 2 && i % 2 == 1) a[i] = -a[i - 1];
        // Every second case rounds its products before adding.
        products[i] = round % 2 == 0 ? RoundTo(type, a[i] * b[i]) : a[i] * b[i];
      }
      const Sum sum = Bound(a, b, type);
      EXPECT_FALSE(sum.overflow);
      for (int order = 0; order < 4; ++order) {
        const double y = Accumulate(products, type, random);
        // The last rounding is not part of the bound.
        const double slack = Ulp(type, y) + 0x1p-51 * std::abs(y);
        EXPECT_LE(std::abs(y - sum.exact), sum.bound + slack)
            << Name(type) << " n " << n << " flavour " << flavour;
      }
    }
  }
}

// Constant and periodic data: equal roundings add up instead of cancelling.
TEST(SumBound, HoldsForRepeatedData) {
  Random random(13);
  for (const DataType type : {kFloat, kFloat16, kBfloat16}) {
    int failures = 0;
    for (int round = 0; round < 400; ++round) {
      const auto n = static_cast<size_t>(3 + random.Below(random.Chance(1, 4) ? 6000 : 300));
      const size_t period = random.Chance(1, 2) ? 1 : 1 + random.Below(16);
      std::vector<double> terms(n);
      for (size_t i = 0; i < n; ++i) {
        terms[i] = i < period ? RoundTo(type, (random.Unit() - 0.3) * 0.3) : terms[i - period];
      }
      const Sum sum = Bound(terms, {}, type);
      for (int order = 0; order < 6; ++order) {
        const double y = Accumulate(terms, type, random);
        failures += std::abs(y - sum.exact) > sum.bound + Ulp(type, y);
      }
    }
    EXPECT_EQ(failures, 0) << Name(type);
  }
}

TEST(SumBound, IsExactWhereEveryOrderIs) {
  EXPECT_EQ(Bound({1, 2, 3, -4, 5, 100}, {7, 1, 1, 3, 2, 1}, kFloat).bound, 0);
  EXPECT_EQ(Bound({0.1f}, {0.3f}, kFloat).bound, 0);
  EXPECT_EQ(Bound({0.1f, 0.7f}, {}, kFloat).bound, 0);
  EXPECT_EQ(Bound({}, {}, kFloat).exact, 0);
  EXPECT_EQ(Bound({0x1p51, 1, -0x1p51}, {}, kFloat).exact, 1);
}

TEST(SumBound, TellsOverflow) {
  const double most = Traits(kFloat).max_finite;
  EXPECT_TRUE(Bound({most, most, -most, -most}, {}, kFloat).overflow);
  EXPECT_FALSE(Bound({most, -most, 1}, {}, kFloat).overflow);
  EXPECT_TRUE(Bound({60000, 60000, -60000}, {}, kFloat16).overflow);
  EXPECT_FALSE(Bound({60000, 60000, -60000}, {}, kFloat).overflow);
}

// In float16 65504 + 1 is 65504 again, where the exact sum rounds to infinity.
TEST(SumBound, HoldsPastTheLargestFiniteValue) {
  std::vector<double> terms(16, 1);
  terms[8] = 65504;
  const Sum sum = Bound(terms, {}, kFloat16);
  EXPECT_TRUE(sum.overflow);
  EXPECT_LE(sum.exact - sum.bound, 65504);
}

// The planted fault: one term of average size left out.
TEST(SumBound, CatchesADroppedTerm) {
  Random random(12);
  int caught = 0;
  constexpr int kRounds = 200;
  for (int round = 0; round < kRounds; ++round) {
    std::vector<double> a(256), b(256);
    for (size_t i = 0; i < a.size(); ++i) {
      a[i] = RoundTo(kFloat, random.Unit() - 0.5);
      b[i] = RoundTo(kFloat, random.Unit() - 0.5);
    }
    const Sum sum = Bound(a, b, kFloat);
    const size_t dropped = random.Index(a.size());
    caught += std::abs(a[dropped] * b[dropped]) > sum.bound;
  }
  EXPECT_GE(caught, kRounds * 97 / 100);
}

TEST(AccuracyTable, EveryRowHasAReasonAndIsReached) {
  std::set<std::string> seen;
  for (const Accuracy& row : AccuracyTable()) {
    EXPECT_FALSE(row.reason.empty());
    EXPECT_LE(row.ulps, 5);
    EXPECT_LE(row.scale_ulps, 8);
    EXPECT_EQ(&FindAccuracy(row.function, row.type), &row) << row.function << ": a second row";
    seen.insert(std::string(row.function));
  }
  EXPECT_TRUE(seen.contains("Exp"));
}

TEST(AccuracyTable, WidenUsesBothUnits) {
  RangeTensor out = testing::Floats({1.5});
  Widen(out, 0, {"", kFloat, 2, 3, ""}, 10);
  const double expected = 2 * 0x1p-23 + 3 * 0x1p-24 * 10;
  EXPECT_EQ(out.hi[0], 1.5 + expected);
  EXPECT_EQ(out.lo[0], 1.5 - expected);
}

struct Libm {
  const char* op;
  float (*f)(float);
};

// libm is one of the correct implementations; so is a float function that errs by half the table.
TEST(AccuracyTable, LibmIsLegalOverAllBinades) {
  const Libm rows[] = {
      {"Exp", std::exp},     {"Log", std::log},     {"Tanh", std::tanh},   {"Erf", std::erf},
      {"Sin", std::sin},     {"Cos", std::cos},     {"Tan", std::tan},     {"Asin", std::asin},
      {"Acos", std::acos},   {"Atan", std::atan},   {"Sinh", std::sinh},   {"Cosh", std::cosh},
      {"Asinh", std::asinh}, {"Acosh", std::acosh}, {"Atanh", std::atanh}, {"Sqrt", std::sqrt},
  };
  std::vector<double> grid;
  for (uint64_t bits = 0; bits < uint64_t{1} << 32; bits += 262147) {
    grid.push_back(static_cast<double>(std::bit_cast<float>(static_cast<uint32_t>(bits))));
  }
  const RangeTensor x = testing::Floats(grid);
  for (const Libm& row : rows) {
    const auto out = testing::RunNode({row.op}, {x});
    ASSERT_TRUE(out);
    Tensor actual = MakeTensor(kFloat, out->shape);
    for (size_t i = 0; i < grid.size(); ++i) {
      actual.As<float>()[i] = row.f(static_cast<float>(grid[i]));
    }
    int illegal = 0;
    for (size_t i = 0; i < grid.size(); ++i) {
      if (!Legal(*out, actual, static_cast<int64_t>(i)) && illegal++ < 3) {
        ADD_FAILURE() << row.op << "(" << grid[i] << ") = " << actual.As<float>()[i];
      }
    }
  }
}

}  // namespace
}  // namespace moire
