// Recurrent cells, losses and transforms: known values and what is rejected.
#include <gtest/gtest.h>

#include <cmath>

#include "oracles/reference/kernels/kernel_testing.h"

namespace moire {
namespace {

using testing::Integers;
using testing::IsLegal;
using testing::RunNode;
using testing::RunNodeAll;

RangeTensor Real(std::vector<double> values, Shape shape) {
  return testing::Floats(DataType::kFloat, std::move(values), std::move(shape));
}

double Sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

TEST(RnnTest, OneUnit) {
  // h1 = tanh(2 * 0.5), h2 = tanh(2 * -1 + 0.5 * h1).
  const auto y =
      RunNodeAll({"RNN", {{"hidden_size", int64_t{1}}}, 14, 2},
                 {Real({0.5, -1}, {2, 1, 1}), Real({2}, {1, 1, 1}), Real({0.5}, {1, 1, 1})});
  ASSERT_TRUE(y.has_value()) << y.error().message;
  const double h1 = std::tanh(1.0);
  const double h2 = std::tanh(-2 + 0.5 * h1);
  EXPECT_TRUE(IsLegal((*y)[0], 0, h1));
  EXPECT_TRUE(IsLegal((*y)[0], 1, h2));
  EXPECT_TRUE(IsLegal((*y)[1], 0, h2));
  EXPECT_FALSE(IsLegal((*y)[1], 0, h2 + 1e-4));
}

// 0 times NaN is NaN, unless the product with the state that is not there is left out.
TEST(RnnTest, AWeightThatIsNoNumberBesideNoState) {
  const double nan = std::nan("");
  const auto run = [&](double weight, const RangeTensor& state) {
    return RunNode({"RNN"}, {Real({1}, {1, 1, 1}), Real({1}, {1, 1, 1}), Real({weight}, {1, 1, 1}),
                             RangeTensor(), RangeTensor(), state});
  };
  EXPECT_EQ(run(2, RangeTensor())->MarkAt(0), kDecided);
  EXPECT_EQ(run(nan, RangeTensor())->MarkAt(0), kUndecidable);
  EXPECT_TRUE(std::isnan(run(nan, Real({0}, {1, 1, 1}))->value[0]));
}

TEST(GruTest, AGateThatIsNoNumberBesideNoState) {
  const RangeTensor one = Real({1, 1, 1}, {1, 3, 1});
  const auto run = [&](double bias) {
    return RunNode({"GRU"}, {Real({1}, {1, 1, 1}), one, one, Real({0, bias, 0, 0, 0, 0}, {1, 6})});
  };
  EXPECT_EQ(run(1)->MarkAt(0), kDecided);
  EXPECT_EQ(run(std::nan(""))->MarkAt(0), kUndecidable);
}

TEST(LstmTest, GateOrderAndPeepholes) {
  const RangeTensor w = Real({0.1, 0.2, 0.3, 0.4}, {1, 4, 1});  // i o f c
  const RangeTensor r = Real({0, 0, 0, 0}, {1, 4, 1});
  const auto y = RunNodeAll({"LSTM", {{"hidden_size", int64_t{1}}}, 14, 3},
                            {Real({1}, {1, 1, 1}), w, r, RangeTensor(), RangeTensor(),
                             RangeTensor(), Real({2}, {1, 1, 1}), Real({1, 3, 5}, {1, 3})});
  ASSERT_TRUE(y.has_value()) << y.error().message;
  const double c = Sigmoid(0.3 + 5 * 2) * 2 + Sigmoid(0.1 + 1 * 2) * std::tanh(0.4);
  EXPECT_NEAR((*y)[2].value[0], c, 1e-6);
  EXPECT_NEAR((*y)[1].value[0], Sigmoid(0.2 + 3 * c) * std::tanh(c), 1e-6);
}

TEST(GruTest, BothResets) {
  const RangeTensor x = Real({1}, {1, 1, 1});
  const RangeTensor w = Real({0.1, 0.2, 0.3}, {1, 3, 1});  // z r h
  const RangeTensor r = Real({0.4, 0.5, 0.6}, {1, 3, 1});
  const RangeTensor bias = Real({0, 0, 0, 0, 0, 0.7}, {1, 6});
  const RangeTensor h0 = Real({2}, {1, 1, 1});
  const double z = Sigmoid(0.1 + 0.8), reset = Sigmoid(0.2 + 1.0);
  const double candidates[] = {std::tanh(0.3 + reset * 2 * 0.6 + 0.7),
                               std::tanh(0.3 + reset * (2 * 0.6 + 0.7))};
  for (const int64_t linear : {0, 1}) {
    const auto y =
        RunNode({"GRU", {{"linear_before_reset", linear}}, 14}, {x, w, r, bias, RangeTensor(), h0});
    ASSERT_TRUE(y.has_value()) << y.error().message;
    EXPECT_NEAR(y->value[0], (1 - z) * candidates[linear] + z * 2, 1e-6);
    EXPECT_FALSE(IsLegal(*y, 0, (1 - z) * candidates[1 - linear] + z * 2));
  }
}

TEST(RnnTest, ShortSequencesAndDirections) {
  const auto y = RunNodeAll({"RNN", {{"direction", std::string("reverse")}}, 14, 2},
                            {Real({1, 2, 3}, {3, 1, 1}), Real({1}, {1, 1, 1}), Real({0}, {1, 1, 1}),
                             RangeTensor(), Integers(DataType::kInt32, {2})});
  ASSERT_TRUE(y.has_value()) << y.error().message;
  EXPECT_NEAR((*y)[1].value[0], std::tanh(1.0), 1e-6);  // the first element comes last
  EXPECT_EQ((*y)[0].MarkAt(2), kUnspecified);
}

TEST(LossTest, WeightsAndIgnoredLabels) {
  const RangeTensor x = Real({-1, -2, -3, -4, -5, -6}, {3, 2});
  const RangeTensor labels = Integers(DataType::kInt64, {0, 1, 1});
  const auto mean = RunNode({"NegativeLogLikelihoodLoss"}, {x, labels, Real({1, 3}, {2})});
  EXPECT_NEAR(mean->value[0], (1 + 3 * 4 + 3 * 6) / 7.0, 1e-6);
  const auto ignored = RunNode({"NegativeLogLikelihoodLoss",
                                {{"ignore_index", int64_t{1}}, {"reduction", std::string("none")}}},
                               {x, labels});
  EXPECT_EQ(ignored->value, (std::vector<double>{1, 0, 0}));
  const auto entropy =
      RunNode({"SoftmaxCrossEntropyLoss"}, {Real({0, 0}, {1, 2}), Integers(DataType::kInt64, {1})});
  EXPECT_NEAR(entropy->value[0], std::log(2.0), 1e-6);
  EXPECT_EQ(RunNode({"NegativeLogLikelihoodLoss"}, {x, Integers(DataType::kInt64, {0, 1, 2})})
                .error()
                .code,
            ErrorCode::kInvalidInput);
}

TEST(TransformTest, ForwardInverseOneSided) {
  const RangeTensor x = Real({1, 2, 3, 4}, {1, 4, 1});
  const auto y = RunNode({"DFT", {}, 20}, {x});
  const std::vector<double> expected{10, 0, -2, 2, -2, 0, -2, -2};
  for (size_t i = 0; i < expected.size(); ++i) EXPECT_NEAR(y->value[i], expected[i], 1e-6);
  const auto back = RunNode({"DFT", {{"inverse", int64_t{1}}}, 20}, {*y});
  for (size_t i = 0; i < 4; ++i) EXPECT_NEAR(back->value[2 * i], x.value[i], 1e-6);
  const auto half = RunNode({"DFT", {{"onesided", int64_t{1}}}, 20}, {x});
  EXPECT_EQ(half->shape, (Shape{1, 3, 2}));
}

// A transform of length 3 by chirps overflows on the way where its result does not.
TEST(TransformTest, WhatOverflowsOnTheWayIsUndecidable) {
  for (const double size : {1e30, 1e37}) {
    const auto y = RunNode({"DFT", {{"axis", int64_t{0}}}, 17}, {Real({size, 0, 0}, {3, 1})});
    ASSERT_TRUE(y) << y.error().message;
    EXPECT_EQ(y->MarkAt(0), size == 1e30 ? kDecided : kUndecidable);
  }
}

TEST(TransformTest, BlocksOverlap) {
  // Blocks of 2 at stride 1 over an image of 3: the middle is on two blocks.
  const auto y = RunNode({"Col2Im", {{"strides", Ints{1}}}},
                         {Real({1, 2, 10, 20}, {1, 2, 2}), Integers(DataType::kInt64, {3}),
                          Integers(DataType::kInt64, {2})});
  ASSERT_TRUE(y.has_value()) << y.error().message;
  EXPECT_EQ(y->value, (std::vector<double>{1, 12, 20}));
}

}  // namespace
}  // namespace moire
