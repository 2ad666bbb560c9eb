// Cast, CastLike, BitCast, Where, Clip, Dropout, steps and tests.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "oracles/reference/kernels/kernel_testing.h"

namespace moire {
namespace {

using enum DataType;
using testing::Floats;
using testing::Integers;
using testing::IsLegal;
using testing::NodeSpec;
using testing::Ranged;
using testing::RunNode;

constexpr double kInf = std::numeric_limits<double>::infinity();
const double kNan = std::numeric_limits<double>::quiet_NaN();

NodeSpec To(DataType type, int64_t saturate = 1) {
  return {"Cast", {{"to", static_cast<int64_t>(type)}, {"saturate", saturate}}, 24};
}

TEST(Cast, FloatToIntegerTruncatesAndLeavesTheRestOpen) {
  const auto out = RunNode(To(kInt8), {Floats({1.9, -1.9, -0.5, 127.5, 128, -129, kNan, kInf})});
  ASSERT_TRUE(out);
  const int64_t expected[] = {1, -1, 0, 127};
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(out->ints[i], expected[i]);
    EXPECT_EQ(out->MarkAt(i), kDecided);
  }
  for (size_t i = 4; i < 8; ++i) EXPECT_EQ(out->MarkAt(i), kUnspecified) << i;
  const auto wide = RunNode(To(kInt64), {Floats(kDouble, {0x1p63, -0x1p63, 0x1.fffffffffffffp62})});
  EXPECT_EQ(wide->MarkAt(0), kUnspecified);
  EXPECT_EQ(wide->MarkAt(1), kDecided);
  EXPECT_EQ(wide->MarkAt(2), kDecided);
  EXPECT_EQ(wide->ints[1], std::numeric_limits<int64_t>::min());
  const auto uint = RunNode(To(kUint64), {Floats(kDouble, {0x1p63, -1})});
  EXPECT_EQ(uint->ints[0], std::numeric_limits<int64_t>::min());
  EXPECT_EQ(uint->MarkAt(1), kUnspecified);
}

TEST(Cast, AStepInsideTheRangeIsUndecidable) {
  EXPECT_EQ(RunNode(To(kInt32), {Ranged(kFloat, 1.9, 2, 2.1)})->MarkAt(0), kUndecidable);
  EXPECT_EQ(RunNode(To(kInt32), {Ranged(kFloat, 2, 2.1, 2.9)})->MarkAt(0), kDecided);
  EXPECT_EQ(RunNode(To(kBool), {Ranged(kFloat, 0, 0, 1e-46)})->MarkAt(0), kUndecidable);
  EXPECT_EQ(RunNode({"Floor"}, {Ranged(kFloat, 1.9, 2, 2.1)})->MarkAt(0), kUndecidable);
  EXPECT_EQ(RunNode({"Round"}, {Ranged(kFloat, 1.9, 2, 2.1)})->MarkAt(0), kDecided);
}

TEST(Cast, IntegersDiscardHighBits) {
  EXPECT_EQ(RunNode(To(kInt8), {Integers(kInt16, {200})})->ints[0], -56);
  EXPECT_EQ(RunNode(To(kUint8), {Integers(kInt16, {-1})})->ints[0], 255);
  EXPECT_EQ(RunNode(To(kBool), {Integers(kInt64, {256})})->ints[0], 1);
  EXPECT_EQ(RunNode(To(kInt4), {Integers(kInt8, {9})})->ints[0], -7);
}

TEST(Cast, IntegersToFloatsRoundOnce) {
  // 2^24 + 1 ties to even; one more bit far below breaks the tie.
  const int64_t tie = (int64_t{1} << 60) + (int64_t{1} << 36);
  const auto out = RunNode(To(kFloat), {Integers(kInt64, {16777217, tie, tie + 1, -tie - 1})});
  EXPECT_TRUE(IsLegal(*out, 0, 16777216));
  EXPECT_FALSE(IsLegal(*out, 0, 16777218));
  EXPECT_TRUE(IsLegal(*out, 2, 0x1p60 + 0x1p37));
  EXPECT_EQ(RunNode(To(kFloat16), {Integers(kInt32, {70000})})->value[0], kInf);
  EXPECT_EQ(RunNode(To(kDouble), {Integers(kUint64, {-1})})->value[0], 0x1p64);
}

TEST(Cast, RoundsForCertain) {
  const auto out = RunNode(To(kFloat16), {Floats({0.1, 65520, 1e-8, kNan})});
  EXPECT_TRUE(out->exact());
  EXPECT_EQ(out->value[0], RoundTo(kFloat16, 0.1));
  EXPECT_EQ(out->value[1], kInf);
  EXPECT_EQ(out->value[2], 0);
  EXPECT_TRUE(std::isnan(out->value[3]));
}

TEST(Cast, Float8FollowsTheTables) {
  const auto saturated = RunNode(To(kFloat8E4M3FN), {Floats({1000, -kInf, kNan, 448, 0.3})});
  EXPECT_EQ(saturated->value[0], 448);
  EXPECT_EQ(saturated->value[1], -448);
  EXPECT_TRUE(std::isnan(saturated->value[2]));
  EXPECT_EQ(saturated->value[4], 0.3125);
  EXPECT_TRUE(std::isnan(RunNode(To(kFloat8E4M3FN, 0), {Floats({1000})})->value[0]));
  EXPECT_EQ(RunNode(To(kFloat8E5M2, 0), {Floats({1e6})})->value[0], kInf);
  EXPECT_EQ(RunNode(To(kFloat8E5M2), {Floats({1e6})})->value[0], 57344);
  EXPECT_EQ(RunNode(To(kFloat8E8M0), {Floats({3})})->value[0], 4);
  EXPECT_EQ(RunNode(To(kFloat8E8M0), {Floats({-3})})->MarkAt(0), kUnspecified);
}

TEST(BitCast, KeepsBits) {
  const NodeSpec spec{"BitCast", {{"to", static_cast<int64_t>(kInt32)}}, 26};
  EXPECT_EQ(RunNode(spec, {Floats({1})})->ints[0], 0x3f800000);
  EXPECT_EQ(RunNode(spec, {Floats({0})})->MarkAt(0), kUndecidable);
  EXPECT_FALSE(RunNode(spec, {Floats(kDouble, {1})}));
}

TEST(Where, TakesOnlyTheChosenMark) {
  RangeTensor x = Floats({1, 2});
  x.AddMark(0, kUndecidable);
  const auto out = RunNode({"Where"}, {Integers(kBool, {0, 1}), x, Floats({7}, {1})});
  ASSERT_TRUE(out);
  EXPECT_EQ(out->value, (std::vector<double>{7, 2}));
  EXPECT_EQ(out->MarkAt(0), kDecided);
  RangeTensor condition = Integers(kBool, {0, 1});
  condition.AddMark(1, kUnspecified);
  EXPECT_EQ(RunNode({"Where"}, {condition, Floats({1, 2}), Floats({3, 4})})->MarkAt(1),
            kUnspecified);
}

TEST(Clip, LimitsAndTheirEdges) {
  const RangeTensor x = Floats({-5, 0.5, 5, kNan});
  const auto out = RunNode({"Clip"}, {x, Floats({-1}, {}), Floats({1}, {})});
  const double expected[] = {-1, 0.5, 1, kNan};
  for (size_t i = 0; i < 4; ++i) EXPECT_TRUE(IsLegal(*out, i, expected[i])) << i;
  EXPECT_FALSE(IsLegal(*out, 3, -1));
  // min > max gives max, but only from opset 13 on.
  EXPECT_EQ(RunNode({"Clip", {}, 13}, {x, Floats({2}, {}), Floats({1}, {})})->value[0], 1);
  EXPECT_EQ(RunNode({"Clip", {}, 12}, {x, Floats({2}, {}), Floats({1}, {})})->MarkAt(0),
            kUnspecified);
  EXPECT_EQ(RunNode({"Clip", {{"max", 2.0f}}, 6}, {x})->value[2], 2);
  EXPECT_EQ(RunNode({"Clip"}, {Integers(kUint64, {-1}), {}, Integers(kUint64, {9}, {})})->ints[0],
            9);
  EXPECT_EQ(RunNode({"Clip"}, {Floats({kInf}), Floats({0}, {})})->MarkAt(0), kUnspecified);
  EXPECT_EQ(RunNode({"Clip"}, {Floats({1}), Floats({kInf}, {})})->MarkAt(0), kUnspecified);
  EXPECT_EQ(RunNode({"Clip"}, {Floats({1}), {}, Floats({-kInf}, {})})->MarkAt(0), kUnspecified);
  EXPECT_EQ(RunNode({"Clip"}, {Floats({1}), Floats({kInf}, {}), Floats({kInf}, {})})->MarkAt(0),
            kDecided);
}

TEST(Dropout, IsIdentityInInference) {
  const auto out = testing::RunNodeAll({"Dropout", {}, 13, 2}, {Floats({1, 2})});
  ASSERT_TRUE(out);
  EXPECT_EQ((*out)[0].value, (std::vector<double>{1, 2}));
  EXPECT_EQ((*out)[1].ints, (std::vector<int64_t>{1, 1}));
}

TEST(Dropout, TrainingKnowsTheShapeAlone) {
  const RangeTensor training = Integers(kBool, {1}, {});
  const auto out =
      testing::RunNodeAll({"Dropout", {}, 13, 2}, {Floats({1, 2}), Floats({0.5}, {}), training});
  ASSERT_TRUE(out);
  EXPECT_EQ((*out)[0].shape, (Shape{2}));
  EXPECT_EQ((*out)[0].MarkAt(1), kUnspecified);
  EXPECT_EQ((*out)[1].MarkAt(1), kUnspecified);
  const auto nothing = RunNode({"Dropout", {}, 13}, {Floats({1, 2}), Floats({0}, {}), training});
  EXPECT_EQ(nothing->value, (std::vector<double>{1, 2}));
  EXPECT_EQ(nothing->MarkAt(0), kDecided);
}

TEST(Steps, Table) {
  const RangeTensor x = Floats({2.5, -0.5, 1.5, -4.5, kInf, kNan, 0.9});
  const auto expect = [&](const char* op, std::vector<double> expected) {
    const auto out = RunNode({op}, {x});
    for (size_t i = 0; i < expected.size(); ++i) {
      EXPECT_TRUE(IsLegal(*out, i, expected[i])) << op << " " << i;
    }
  };
  expect("Round", {2, 0, 2, -4, kInf, kNan, 1});
  expect("Floor", {2, -1, 1, -5, kInf, kNan, 0});
  expect("Ceil", {3, 0, 2, -4, kInf, kNan, 1});
  expect("Sign", {1, -1, 1, -1, 1});
  EXPECT_EQ(RunNode({"Sign"}, {x})->MarkAt(5), kUnspecified);
  EXPECT_EQ(RunNode({"IsNaN"}, {x})->ints, (std::vector<int64_t>{0, 0, 0, 0, 0, 1, 0}));
  EXPECT_EQ(RunNode({"IsInf", {{"detect_positive", int64_t{0}}}}, {x})->ints[4], 0);
  EXPECT_EQ(RunNode({"IsInf"}, {Ranged(kFloat, 1e38, kInf, kInf)})->MarkAt(0), kUndecidable);
  EXPECT_EQ(RunNode({"Abs"}, {Integers(kInt8, {-128})})->MarkAt(0), kUnspecified);
  EXPECT_EQ(RunNode({"Abs"}, {Integers(kInt8, {-127})})->ints[0], 127);
}

}  // namespace
}  // namespace moire
