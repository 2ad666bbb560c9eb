// Sums and products: every order of evaluation lies in the range, a dropped term lies outside.
#include "oracles/reference/kernels/sums.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "harness/case/random.h"

namespace moire {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

enum class Data { kSpread, kConstant, kCancelling, kSameSign, kWideExponents };

std::vector<float> Draw(Random& random, Data data, size_t n) {
  std::vector<float> x(n);
  const auto value = static_cast<float>(random.Unit() * 2 + 0.1);
  for (size_t i = 0; i < n; ++i) {
    const double u = random.Unit() * 2 - 1;
    switch (data) {
      case Data::kSpread:
        x[i] = static_cast<float>(u);
        break;
      case Data::kConstant:
        x[i] = value;
        break;
      case Data::kCancelling:
        x[i] = i % 2 == 0 ? static_cast<float>(u) : -x[i - 1];
        break;
      case Data::kSameSign:
        x[i] = static_cast<float>(std::abs(u) + 1);
        break;
      case Data::kWideExponents:
        x[i] = static_cast<float>(u * std::exp(20 * random.Unit()));
        break;
    }
  }
  return x;
}

// A dot product in float32, evaluated as `order` says.
enum class Order { kForward, kReverse, kLanes, kPairwise, kFused, kFoldedScale, kShuffled };
constexpr Order kOrders[] = {Order::kForward,  Order::kReverse, Order::kLanes,
                             Order::kPairwise, Order::kFused,   Order::kFoldedScale,
                             Order::kShuffled};

float Pairwise(std::span<const float> terms) {
  if (terms.size() <= 2) {
    float sum = 0;
    for (const float t : terms) sum += t;
    return sum;
  }
  const size_t half = terms.size() / 2;
  return Pairwise(terms.first(half)) + Pairwise(terms.subspan(half));
}

float Dot(Random& random, Order order, std::span<const float> a, std::span<const float> b) {
  std::vector<float> terms(a.size());
  // Three is no power of two: w' = 3 w is rounded.
  for (size_t i = 0; i < a.size(); ++i) {
    terms[i] = order == Order::kFoldedScale ? a[i] * (b[i] * 3.0f) : a[i] * b[i];
  }
  float sum = 0;
  switch (order) {
    case Order::kReverse:
      std::reverse(terms.begin(), terms.end());
      break;
    case Order::kShuffled:
      for (size_t i = terms.size(); i > 1; --i) std::swap(terms[i - 1], terms[random.Index(i)]);
      break;
    case Order::kLanes: {
      float lanes[8] = {};
      for (size_t i = 0; i < terms.size(); ++i) lanes[i % 8] += terms[i];
      for (const float lane : lanes) sum += lane;
      return sum;
    }
    case Order::kPairwise:
      return Pairwise(terms);
    case Order::kFused:
      for (size_t i = 0; i < a.size(); ++i) sum = std::fma(a[i], b[i], sum);
      return sum;
    default:
      break;
  }
  for (const float t : terms) sum += t;
  return order == Order::kFoldedScale ? sum / 3.0f : sum;
}

std::vector<double> Wide(std::span<const float> x) { return {x.begin(), x.end()}; }

bool Inside(const Interval& range, double y) {
  return static_cast<float>(range.lo) <= y && y <= static_cast<float>(range.hi);
}

TEST(SumsTest, EveryOrderIsInRangeAndADroppedTermIsNot) {
  Random random(1);
  int64_t dropped = 0, seen = 0;
  for (int round = 0; round < 4000; ++round) {
    const auto data = static_cast<Data>(random.Below(5));
    const size_t n = round % 50 == 0 ? 2048 : 1 + random.Index(90);
    const std::vector<float> a = Draw(random, data, n);
    const std::vector<float> b =
        Draw(random, data == Data::kCancelling ? Data::kConstant : data, n);
    const std::vector<double> wide_a = Wide(a);
    const std::vector<double> wide_b = Wide(b);
    const Interval range =
        SumOfProducts(DataType::kFloat, {wide_a.data(), nullptr, nullptr},
                      {wide_b.data(), nullptr, nullptr}, static_cast<int64_t>(n), kFoldedScales);
    ASSERT_EQ(range.mark, kDecided);
    for (const Order order : kOrders) {
      const double y = Dot(random, order, a, b);
      EXPECT_TRUE(Inside(range, y))
          << "order " << static_cast<int>(order) << " n " << n << " data " << static_cast<int>(data)
          << ": " << y << " outside [" << range.lo << ", " << range.hi << "]";
    }
    if (data == Data::kWideExponents || n < 2) continue;
    const size_t lost = random.Index(n);
    ++dropped;
    seen += !Inside(range, range.value - wide_a[lost] * wide_b[lost]);
  }
  EXPECT_GE(static_cast<double>(seen), 0.98 * static_cast<double>(dropped));
}

TEST(SumsTest, RangesOfTheInputsWiden) {
  const double a[] = {1, 2}, a_lo[] = {0.5, 2}, a_hi[] = {1.5, 2};
  const double b[] = {-3, 4}, b_lo[] = {-3, 3}, b_hi[] = {-2, 5};
  const Interval sum = SumOfProducts(DataType::kDouble, {a, a_lo, a_hi}, {b, b_lo, b_hi}, 2, 0);
  EXPECT_DOUBLE_EQ(sum.value, 5);
  EXPECT_NEAR(sum.lo, -4.5 + 6, 1e-12);  // 1.5 * -3, 2 * 3
  EXPECT_NEAR(sum.hi, -1 + 10, 1e-12);   // 0.5 * -2, 2 * 5
}

// Nine times 7 is exact in bfloat16; nine times 7.03, which the range holds, is not.
TEST(SumsTest, IntegersWithRangesDoNotAddUpExactly) {
  const std::vector<double> value(9, 7), lo(9, 6.96), hi(9, 7.04);
  const Interval exact = SumOf(DataType::kBfloat16, {value.data()}, 9);
  EXPECT_LT(exact.hi, 63.01);
  const Interval sum = SumOf(DataType::kBfloat16, {value.data(), lo.data(), hi.data()}, 9);
  EXPECT_LE(sum.lo, 62.5);
  EXPECT_GE(sum.hi, 63.5);
}

TEST(SumsTest, SquaresOfARangeAroundZeroStayPositive) {
  const double x[] = {0}, lo[] = {-1}, hi[] = {2};
  const Interval sum = SumOfSquares(DataType::kFloat, {x, lo, hi}, 1);
  EXPECT_EQ(sum.lo, 0);
  EXPECT_NEAR(sum.hi, 4, 1e-5);
}

TEST(SumsTest, NonFiniteTermsFollowIeee) {
  const auto sum = [](std::vector<double> x) {
    return SumOf(DataType::kFloat, {x.data(), nullptr, nullptr}, static_cast<int64_t>(x.size()));
  };
  EXPECT_TRUE(std::isnan(sum({1, std::nan(""), kInfinity}).value));
  EXPECT_TRUE(std::isnan(sum({kInfinity, -kInfinity}).value));
  EXPECT_EQ(sum({kInfinity, -kInfinity}).mark, kDecided);
  EXPECT_EQ(sum({kInfinity, 1}).lo, kInfinity);
  // The finite terms may reach -inf before the infinity is added: inf or NaN.
  EXPECT_EQ(sum({kInfinity, -3e38, -3e38}).mark, kUndecidable);
  EXPECT_EQ(sum({3e38, 3e38, -3e38}).mark, kUndecidable);
  // All of one sign: infinite in every order of float32, finite if kept wide.
  const Interval grows = sum({3e38, 3e38});
  EXPECT_EQ(grows.mark, kDecided);
  EXPECT_EQ(grows.hi, kInfinity);
}

TEST(SumsTest, InfinityTimesARangeWithZeroIsUndecidable) {
  const double a[] = {1e-40}, a_lo[] = {0}, a_hi[] = {2e-40}, b[] = {kInfinity};
  EXPECT_EQ(SumOfProducts(DataType::kFloat, {a, a_lo, a_hi}, {b, nullptr, nullptr}, 1, 0).mark,
            kUndecidable);
  const double zero[] = {0};
  const Interval nan =
      SumOfProducts(DataType::kFloat, {zero, nullptr, nullptr}, {b, nullptr, nullptr}, 1, 0);
  EXPECT_TRUE(std::isnan(nan.value));
  EXPECT_EQ(nan.mark, kDecided);
}

TEST(SumsTest, WrapsIntegers) {
  EXPECT_EQ(WrapInteger(DataType::kInt8, 200), -56);
  EXPECT_EQ(WrapInteger(DataType::kUint8, 300), 44);
  EXPECT_EQ(WrapInteger(DataType::kInt32, uint64_t{1} << 31), INT32_MIN);
  EXPECT_EQ(WrapInteger(DataType::kUint32, ~uint64_t{0}), UINT32_MAX);
  EXPECT_EQ(WrapInteger(DataType::kBool, 256), 1);
}

}  // namespace
}  // namespace moire
