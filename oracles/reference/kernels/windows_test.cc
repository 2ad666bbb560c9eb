// Poolings, softmax and normalisations: known values, what is open, stability of the statistics.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "harness/case/random.h"
#include "oracles/reference/kernels/kernel_testing.h"

namespace moire {
namespace {

using testing::Integers;
using testing::IsLegal;
using testing::RunNode;
using testing::RunNodeAll;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

RangeTensor Real(std::vector<double> values, Shape shape) {
  return testing::Floats(DataType::kFloat, std::move(values), std::move(shape));
}

TEST(PoolTest, MaximumAndIndices) {
  const RangeTensor x = Real({1, 5, 2, 7, 3, 4}, {1, 1, 2, 3});
  const testing::NodeSpec spec{"MaxPool", {{"kernel_shape", Ints{2, 2}}}, 22, 2};
  const auto y = RunNodeAll(spec, {x});
  EXPECT_EQ((*y)[0].value, (std::vector<double>{7, 5}));
  EXPECT_EQ((*y)[1].ints, (std::vector<int64_t>{3, 1}));
  testing::NodeSpec columns = spec;
  columns.attributes.push_back({"storage_order", int64_t{1}});
  EXPECT_EQ((*RunNodeAll(columns, {x}))[1].ints, (std::vector<int64_t>{1, 2}));
  const auto bytes = RunNode({"MaxPool", {{"kernel_shape", Ints{2}}}},
                             {Integers(DataType::kInt8, {-5, -3, -9}, {1, 1, 3})});
  EXPECT_EQ(bytes->ints, (std::vector<int64_t>{-3, -3}));
  // A NaN: the page does not say.
  EXPECT_EQ(RunNode({"MaxPool", {{"kernel_shape", Ints{2}}}}, {Real({1, std::nan("")}, {1, 1, 2})})
                ->MarkAt(0),
            kUnspecified);
}

TEST(PoolTest, AverageCountsPaddingWhenAsked) {
  const RangeTensor x = Real({2, 4, 6}, {1, 1, 3});
  const auto run = [&](int64_t count, int64_t ceil_mode) {
    return RunNode({"AveragePool",
                    {{"kernel_shape", Ints{2}},
                     {"pads", Ints{1, 0}},
                     {"strides", Ints{2}},
                     {"count_include_pad", count},
                     {"ceil_mode", ceil_mode}},
                    22},
                   {x});
  };
  EXPECT_EQ(run(0, 0)->value, (std::vector<double>{2, 5}));
  EXPECT_EQ(run(1, 0)->value, (std::vector<double>{1, 5}));
  // The part of a last window beyond the padding is not counted.
  const auto ceil = RunNode({"AveragePool",
                             {{"kernel_shape", Ints{2}},
                              {"strides", Ints{2}},
                              {"count_include_pad", int64_t{1}},
                              {"ceil_mode", int64_t{1}}},
                             22},
                            {x});
  EXPECT_EQ(ceil->value, (std::vector<double>{3, 6}));
}

TEST(PoolTest, SameWithDilations) {
  // "output_spatial_shape[i] = ceil(input_spatial_shape[i] / strides[i])".
  const auto y = RunNode(
      {"MaxPool",
       {{"kernel_shape", Ints{2}}, {"dilations", Ints{2}}, {"auto_pad", std::string("SAME_UPPER")}},
       22},
      {Real({1, 2, 3, 4}, {1, 1, 4})});
  EXPECT_EQ(y->value, (std::vector<double>{2, 3, 4, 3}));
}

TEST(PoolTest, GlobalForms) {
  const RangeTensor x = Real({3, -4, 0, 0}, {1, 2, 2});
  EXPECT_EQ(RunNode({"GlobalAveragePool"}, {x})->value, (std::vector<double>{-0.5, 0}));
  EXPECT_EQ(RunNode({"GlobalMaxPool"}, {Real({-kInfinity, -kInfinity}, {1, 1, 2})})->value[0],
            -kInfinity);
  EXPECT_NEAR(RunNode({"GlobalLpPool"}, {x})->value[0], 5, 1e-6);
}

TEST(SoftmaxTest, KnownValuesAndAxes) {
  const auto y =
      RunNode({"Softmax", {{"axis", int64_t{0}}}}, {Real({0, 0, std::log(3), 0}, {2, 2})});
  EXPECT_NEAR(y->value[0], 0.25, 1e-6);
  EXPECT_NEAR(y->value[3], 0.5, 1e-6);
  EXPECT_FALSE(IsLegal(*y, 3, 0.50001));
  // Before opset 13 everything from the axis on is one line.
  const auto flat = RunNode({"Softmax", {}, 11}, {Real({0, 0, 0, 0}, {1, 2, 2})});
  EXPECT_NEAR(flat->value[0], 0.25, 1e-6);
  const auto log = RunNode({"LogSoftmax"}, {Real({1000, 0}, {2})});
  EXPECT_NEAR(log->value[1], -1000, 1e-3);
  EXPECT_TRUE(IsLegal(*log, 0, 0));
}

TEST(SoftmaxTest, InfinitiesAndRanges) {
  EXPECT_TRUE(std::isnan(RunNode({"Softmax"}, {Real({-kInfinity, -kInfinity}, {2})})->value[0]));
  EXPECT_EQ(RunNode({"Softmax"}, {Real({kInfinity, 0}, {2})})->MarkAt(1), kUndecidable);
  const auto masked = RunNode({"Softmax"}, {Real({-kInfinity, 0}, {2})});
  EXPECT_EQ(masked->value, (std::vector<double>{0, 1}));
  RangeTensor x = Real({0, 0}, {2});
  x.MakeRanges();
  x.hi[0] = 1;
  const auto y = RunNode({"Softmax"}, {x});
  EXPECT_NEAR(y->hi[0], 1 / (1 + std::exp(-1)), 1e-6);
  EXPECT_NEAR(y->lo[1], 1 / (1 + std::exp(1)), 1e-6);
}

// Wide ranges: what each end says about its neighbours must not cancel or overflow on the way.
TEST(SoftmaxTest, WideRangesHoldWhatTheInputsAllow) {
  RangeTensor x = Real({0, 0}, {2});
  x.MakeRanges();
  x.lo = {-2000, 0};
  x.hi = {2000, 0};
  const auto y = RunNode({"Softmax"}, {x});
  EXPECT_TRUE(IsLegal(*y, 0, 0.0) && IsLegal(*y, 0, 0.5) && IsLegal(*y, 0, 1.0));
  EXPECT_TRUE(IsLegal(*y, 1, 0.0) && IsLegal(*y, 1, 0.5) && IsLegal(*y, 1, 1.0));
  const auto log = RunNode({"LogSoftmax"}, {x});
  EXPECT_TRUE(IsLegal(*log, 0, -2000) && IsLegal(*log, 0, std::log(0.5)) && IsLegal(*log, 0, 0));
  EXPECT_TRUE(IsLegal(*log, 1, -2000) && IsLegal(*log, 1, std::log(0.5)) && IsLegal(*log, 1, 0));
  EXPECT_FALSE(IsLegal(*log, 1, -2001) || IsLegal(*log, 0, 0.01));

  // A neighbour that is certain takes a part, however high the other may be.
  RangeTensor up = Real({0, 0}, {2});
  up.MakeRanges();
  up.hi[0] = 60;
  EXPECT_NEAR(RunNode({"Softmax"}, {up})->lo[0], 0.5, 1e-6);
  EXPECT_NEAR(RunNode({"LogSoftmax"}, {up})->lo[0], std::log(0.5), 1e-5);

  // Beside huge inputs, whose ranges are wider than any logarithm, the neighbours still count.
  const double huge = 0x1.fffffep+127;
  RangeTensor equal = Real({huge, huge, huge}, {3});
  equal.MakeRanges();
  equal.lo[1] = 0x1.fffffcp+127;
  const auto third = RunNode({"Softmax"}, {equal});
  const auto log_third = RunNode({"LogSoftmax"}, {equal});
  for (size_t k = 0; k < 3; ++k) {
    EXPECT_TRUE(IsLegal(*third, k, 1.0 / 3)) << k;
    EXPECT_TRUE(IsLegal(*log_third, k, -std::log(3.0))) << k;
  }
  EXPECT_FALSE(IsLegal(*third, 0, 0.51));
  RangeTensor one_up = Real({0, 0, 0}, {3});
  one_up.MakeRanges();
  one_up.hi[2] = 1e31;
  EXPECT_TRUE(IsLegal(*RunNode({"Softmax"}, {one_up}), 2, 1.0 / 3));
  EXPECT_TRUE(IsLegal(*RunNode({"LogSoftmax"}, {one_up}), 2, -std::log(3.0)));

  // Alone in its line an element is 1, and its logarithm 0, whatever it is.
  RangeTensor alone = testing::Floats(DataType::kBfloat16, {-1900}, {1});
  alone.lo = {-2100};
  alone.hi = {3000};
  const auto one = RunNode({"Softmax"}, {alone});
  EXPECT_TRUE(IsLegal(*one, 0, 1) && !IsLegal(*one, 0, 0.9));
  const auto zero = RunNode({"LogSoftmax"}, {alone});
  EXPECT_TRUE(IsLegal(*zero, 0, 0));
  // x - (x + log(1)): never infinite, never far above 0.
  EXPECT_TRUE(std::isfinite(zero->lo[0]) && std::isfinite(zero->hi[0]));
}

TEST(HardmaxTest, FirstOfEqualsWins) {
  EXPECT_EQ(RunNode({"Hardmax"}, {Real({1, 3, 3}, {3})})->value, (std::vector<double>{0, 1, 0}));
}

// What runtimes compute in float32, in two ways.
std::vector<float> LayerNorm(const std::vector<float>& x, float epsilon, bool one_pass) {
  const auto n = static_cast<float>(x.size());
  float sum = 0, squares = 0;
  for (const float v : x) {
    sum += v;
    squares += v * v;
  }
  const float mean = sum / n;
  float variance = squares / n - mean * mean;
  if (!one_pass) {
    variance = 0;
    for (const float v : x) variance += (v - mean) * (v - mean);
    variance /= n;
  }
  const float inverse = 1 / std::sqrt(variance + epsilon);
  std::vector<float> y;
  for (const float v : x) y.push_back((v - mean) * inverse);
  return y;
}

TEST(NormalizeTest, BothVariancesAreLegal) {
  Random random(3);
  int64_t decided = 0, all = 0;
  for (int round = 0; round < 500; ++round) {
    const size_t n = 1 + random.Index(64);
    const double offset = random.Chance(1, 3) ? 30 * random.Unit() : 0;
    std::vector<float> x(n);
    std::vector<double> wide(n);
    for (size_t i = 0; i < n; ++i) {
      x[i] = static_cast<float>(offset + random.Unit() * 2 - 1);
      wide[i] = x[i];
    }
    const auto size = static_cast<int64_t>(n);
    const auto y = RunNode({"LayerNormalization"},
                           {Real(wide, {size}), Real(std::vector<double>(n, 1), {size})});
    ASSERT_TRUE(y.has_value());
    for (const bool one_pass : {false, true}) {
      const std::vector<float> actual = LayerNorm(x, 1e-5f, one_pass);
      for (size_t i = 0; i < n; ++i) {
        EXPECT_TRUE(IsLegal(*y, i, actual[i]))
            << actual[i] << " one pass " << one_pass << " n " << n << " [" << y->Lo()[i] << ", "
            << y->Hi()[i] << "]";
      }
    }
    for (size_t i = 0; i < n; ++i) {
      ++all;
      if (y->MarkAt(i) != kDecided) continue;
      ++decided;
      if (n > 2) {
        EXPECT_FALSE(IsLegal(*y, i, y->value[i] + 0.1));
      }
    }
  }
  EXPECT_GE(static_cast<double>(decided), 0.95 * static_cast<double>(all));
}

TEST(NormalizeTest, ConstantLinesFarFromZeroAreUndecidable) {
  const auto y = RunNode({"LayerNormalization"}, {Real(std::vector<double>(8, 1000.1f), {8}),
                                                  Real(std::vector<double>(8, 1), {8})});
  EXPECT_EQ(y->MarkAt(0), kUndecidable);
}

TEST(NormalizeTest, BatchNormalizationInference) {
  const auto y = RunNode({"BatchNormalization", {{"epsilon", 0.0f}}},
                         {Real({1, 2, 3, 4}, {1, 2, 2}), Real({1, 2}, {2}), Real({0, 1}, {2}),
                          Real({1, 3}, {2}), Real({4, 1}, {2})});
  EXPECT_EQ(y->value, (std::vector<double>{0, 0.5, 1, 3}));
  EXPECT_FALSE(IsLegal(*y, 3, 3.0001));
}

TEST(NormalizeTest, GroupsChannels) {
  const RangeTensor x = Real({1, 3, 5, 7, 10, 10, 30, 30}, {1, 4, 2});
  const RangeTensor ones = Real({1, 1, 1, 1}, {4});
  const RangeTensor zeros = Real({0, 0, 0, 0}, {4});
  const auto y = RunNode({"GroupNormalization", {{"num_groups", int64_t{2}}}}, {x, ones, zeros});
  EXPECT_NEAR(y->value[0], -3 / std::sqrt(5.0), 1e-4);
  EXPECT_NEAR(y->value[7], 1, 1e-4);
}

// A runtime may keep bias + alpha / size * sum as one number that slides along the channels.
TEST(NormalizeTest, LrnMaySlideWithItsBias) {
  constexpr int64_t kChannels = 2000, kSize = 5;
  Random random(3);
  std::vector<double> values(kChannels);
  for (double& v : values) v = static_cast<double>(static_cast<float>(random.Unit()));
  const auto y = RunNode({"LRN", {{"size", kSize}}}, {Real(values, {1, kChannels, 1})});
  ASSERT_TRUE(y);
  const auto share = 1e-4F / kSize;
  const auto square = [&](int64_t c) {
    if (c >= kChannels) return 0.0F;
    const auto x = static_cast<float>(values[static_cast<size_t>(c)]);
    return x * x;
  };
  float base = 1;
  for (int64_t c = 0; c < kSize / 2; ++c) base += share * square(c);
  for (int64_t c = 0; c < kChannels; ++c) {
    base += share * square(c + kSize / 2);
    if (c > kSize / 2) base -= share * square(c - kSize / 2 - 1);
    const auto x = static_cast<float>(values[static_cast<size_t>(c)]);
    const float result = x / std::pow(base, 0.75F);
    EXPECT_TRUE(IsLegal(*y, static_cast<size_t>(c), static_cast<double>(result))) << c;
    EXPECT_FALSE(IsLegal(*y, static_cast<size_t>(c), static_cast<double>(result * 1.001F))) << c;
  }
}

TEST(NormalizeTest, LrnAndLpNormalization) {
  const RangeTensor x = Real({1, 2, 3}, {1, 3, 1});
  const auto y = RunNode({"LRN", {{"size", int64_t{3}}, {"alpha", 3.0f}, {"beta", 1.0f}}}, {x});
  EXPECT_NEAR(y->value[1], 2.0 / 15, 1e-6);  // 1 + (1 + 4 + 9)
  const auto unit = RunNode({"LpNormalization", {{"axis", int64_t{0}}}}, {Real({3, 4}, {2})});
  EXPECT_NEAR(unit->value[0], 0.6, 1e-6);
  EXPECT_EQ(RunNode({"LpNormalization"}, {Real({0, 0}, {2})})->value[0], 0);
}

}  // namespace
}  // namespace moire
