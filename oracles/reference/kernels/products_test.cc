// MatMul, Gemm, Einsum, Det and convolutions: known values, shapes, what is open.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "harness/case/float_bits.h"
#include "oracles/reference/kernels/kernel_testing.h"

namespace moire {
namespace {

using testing::Integers;
using testing::IsLegal;
using testing::RunNode;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

RangeTensor Real(std::vector<double> values, Shape shape) {
  return testing::Floats(DataType::kFloat, std::move(values), std::move(shape));
}
RangeTensor Counting(Shape shape) {
  RangeTensor out = MakeRangeTensor(DataType::kFloat, std::move(shape));
  for (size_t i = 0; i < out.value.size(); ++i) out.value[i] = static_cast<double>(i);
  return out;
}

TEST(MatMulTest, RanksAndBroadcasting) {
  const RangeTensor a = Counting({2, 3});
  const RangeTensor b = Counting({3, 2});
  EXPECT_EQ(RunNode({"MatMul"}, {a, b})->value, (std::vector<double>{10, 13, 28, 40}));
  EXPECT_EQ(RunNode({"MatMul"}, {Counting({3}), b})->shape, (Shape{2}));
  EXPECT_EQ(RunNode({"MatMul"}, {a, Counting({3})})->value, (std::vector<double>{5, 14}));
  EXPECT_EQ(RunNode({"MatMul"}, {Counting({3}), Counting({3})})->shape, Shape{});
  const auto batched = RunNode({"MatMul"}, {Counting({2, 1, 2, 3}), Counting({3, 3, 2})});
  EXPECT_EQ(batched->shape, (Shape{2, 3, 2, 2}));
  EXPECT_EQ(batched->value[23], 6 * 0 + 9 * 13 + 10 * 15 + 11 * 17);
  EXPECT_EQ(RunNode({"MatMul"}, {Counting({2, 0}), Counting({0, 2})})->value,
            (std::vector<double>{0, 0, 0, 0}));
  EXPECT_EQ(RunNode({"MatMul"}, {a, a}).error().code, ErrorCode::kInvalidInput);
}

TEST(MatMulTest, IntegersWrap) {
  const auto y = RunNode({"MatMul"}, {Integers(DataType::kInt32, {1 << 20, 1}, {1, 2}),
                                      Integers(DataType::kInt32, {1 << 12, 5}, {2, 1})});
  EXPECT_EQ(y->ints[0], 5);
  const auto q = RunNode(
      {"MatMulInteger"},
      {Integers(DataType::kUint8, {11, 7}, {1, 2}), Integers(DataType::kInt8, {1, -4}, {2, 1}),
       Integers(DataType::kUint8, {12}), Integers(DataType::kInt8, {0})});
  EXPECT_EQ(q->ints[0], -1 * 1 + -5 * -4);
}

TEST(MatMulTest, NanStaysWhereItBelongs) {
  const auto y = RunNode({"MatMul"}, {Real({1, kInfinity, 2, 3}, {2, 2}), Real({0, 1}, {2, 1})});
  EXPECT_EQ(y->lo.empty() ? y->value[0] : y->lo[0], kInfinity);
  EXPECT_FALSE(IsLegal(*y, 0, std::nan("")));
  EXPECT_FALSE(IsLegal(*y, 1, std::nan("")));
  const auto nan = RunNode({"MatMul"}, {Real({kInfinity, 1}, {1, 2}), Real({0, 1}, {2, 1})});
  EXPECT_FALSE(IsLegal(*nan, 0, 1));
}

// (alpha * a) * b and alpha * (a * b): the first may meet an overflow that the second does not.
TEST(GemmTest, AlphaMayOverflowFirst) {
  for (const DataType type : {DataType::kFloat, DataType::kDouble}) {
    const double most = Traits(type).max_finite;
    const auto row = testing::Floats(type, {most, 1}, {1, 2});
    const auto zero = testing::Floats(type, {0, 1}, {2, 1});
    EXPECT_EQ(RunNode({"Gemm", {{"alpha", 2.0f}}}, {row, zero})->MarkAt(0), kUndecidable);
    const auto half = RunNode({"Gemm", {{"alpha", 0.5f}}}, {row, zero});
    EXPECT_TRUE(half->MarkAt(0) == kDecided && IsLegal(*half, 0, 0.5) && !IsLegal(*half, 0, 0.6));
  }
}

// 0.56 times the smallest subnormal rounds up to it before alpha doubles it.
TEST(GemmTest, AlphaScalesWhatUnderflowLost) {
  const auto y =
      RunNode({"Gemm", {{"alpha", 2.0f}}}, {Real({0.56}, {1, 1}), Real({0x1p-149}, {1, 1})});
  EXPECT_TRUE(IsLegal(*y, 0, 0x1p-149) && IsLegal(*y, 0, 0x1p-148));
  EXPECT_FALSE(IsLegal(*y, 0, 0x1p-145));
  // The other order: half of the smallest subnormal is lost before b makes four of it.
  const auto tiny = testing::Floats(DataType::kDouble, {0x1p-1074}, {1, 1});
  const auto four = testing::Floats(DataType::kDouble, {4}, {1, 1});
  const auto half = RunNode({"Gemm", {{"alpha", 0.5f}}}, {tiny, four});
  EXPECT_TRUE(IsLegal(*half, 0, 0) && IsLegal(*half, 0, 0x1p-1073));
}

// A scale of 0.7 folded into a factor that is subnormal.
TEST(MatMulTest, AFoldedScaleMayBeSubnormal) {
  const double scale = RoundTo(DataType::kFloat, 0.7);
  const auto product = RunNode({"MatMul"}, {Real({1e6}, {1, 1}), Real({0x1p-149}, {1, 1})});
  EXPECT_TRUE(IsLegal(*product, 0, 1e6 * RoundTo(DataType::kFloat, scale * 0x1p-149) / scale));
}

TEST(GemmTest, TransposesScalesAndBias) {
  const Ints none;
  const auto y = RunNode({"Gemm", {{"transA", int64_t{1}}, {"alpha", 2.0f}, {"beta", 3.0f}}},
                         {Counting({3, 2}), Counting({3, 2}), Real({1, 10}, {2})});
  EXPECT_EQ(y->value, (std::vector<double>{2 * 20 + 3, 2 * 26 + 30, 2 * 26 + 3, 2 * 35 + 30}));
  const auto scalar = RunNode({"Gemm", {{"transB", int64_t{1}}}},
                              {Counting({1, 3}), Counting({2, 3}), Real({7}, {})});
  EXPECT_EQ(scalar->value, (std::vector<double>{12, 21}));
  const auto hidden = RunNode({"Gemm", {{"beta", 0.0f}}},
                              {Counting({1, 3}), Counting({3, 1}), Real({kInfinity}, {1})});
  EXPECT_EQ(hidden->MarkAt(0), kUnspecified);
}

// MatMul + Add as runtimes fuse it: the accumulation starts from the bias.
TEST(MatMulTest, TheBiasMayBeAccumulatedWithTheProducts) {
  const size_t n = 64;
  std::vector<double> a(n), b(n);
  float plain = 0, fused = 1000.3f;
  for (size_t i = 0; i < n; ++i) {
    a[i] = static_cast<float>(0.1 + 0.01 * static_cast<double>(i));
    b[i] = 0.7f;
    plain += static_cast<float>(a[i]) * 0.7f;
    fused += static_cast<float>(a[i]) * 0.7f;
  }
  ASSERT_NE(plain + 1000.3f, fused);  // the case shows what it is about
  const auto product = RunNode({"MatMul"}, {Real(a, {64}), Real(b, {64})});
  const auto sum = RunNode({"Add"}, {*product, Real({1000.3f}, {})});
  EXPECT_TRUE(IsLegal(*sum, 0, plain + 1000.3f));
  EXPECT_TRUE(IsLegal(*sum, 0, fused));
  EXPECT_FALSE(IsLegal(*sum, 0, fused + 0.07));  // one term twice
  // The same sum of two inputs is rounded once.
  const auto alone = RunNode({"Add"}, {Real({plain}, {}), Real({1000.3f}, {})});
  EXPECT_FALSE(IsLegal(*alone, 0, fused));
}

TEST(EinsumTest, LegalEquations) {
  const auto run = [](std::string equation, std::vector<RangeTensor> inputs) {
    return RunNode({"Einsum", {{"equation", std::move(equation)}}}, inputs);
  };
  EXPECT_EQ(run("ij->ji", {Counting({2, 3})})->value, (std::vector<double>{0, 3, 1, 4, 2, 5}));
  EXPECT_EQ(run("ii", {Counting({3, 3})})->value, (std::vector<double>{12}));
  EXPECT_EQ(run("ii->i", {Counting({3, 3})})->value, (std::vector<double>{0, 4, 8}));
  EXPECT_EQ(run("ba", {Counting({2, 3})})->shape, (Shape{3, 2}));
  EXPECT_EQ(run("...ij, ...jk -> ...ik", {Counting({4, 2, 3}), Counting({1, 3, 2})})->shape,
            (Shape{4, 2, 2}));
  EXPECT_EQ(run("i,j,k->", {Counting({2}), Counting({3}), Counting({3})})->value[0], 9);
  EXPECT_EQ(run("i,i", {Counting({4}), Counting({4})})->value[0], 14);
}

// g is summed in the second operand alone, before or after the product with the first.
TEST(EinsumTest, AnOperandMayOverflowAlone) {
  const testing::NodeSpec spec{"Einsum", {{"equation", std::string("mp,gm->p")}}};
  const RangeTensor small = testing::Floats({0.25, 0.25}, {2, 1});
  const auto large = RunNode(spec, {small, testing::Floats({3e38, 1, 3e38, 1}, {2, 2})});
  ASSERT_TRUE(large.has_value());
  EXPECT_EQ(large->MarkAt(0), kUndecidable);
  const auto moderate = RunNode(spec, {small, testing::Floats({3e37, 1, 3e37, 1}, {2, 2})});
  EXPECT_EQ(moderate->MarkAt(0), kDecided);
}

TEST(EinsumTest, MalformedEquationsAreRejectedAtOnce) {
  for (const char* equation : {"....i->i", "i.->i", "i->j", "i->ii", "ij", "i,i", "i->i->i", "1->1",
                               ",", "i...->...i..."}) {
    const auto y = RunNode({"Einsum", {{"equation", std::string(equation)}}}, {Counting({3})});
    ASSERT_FALSE(y.has_value()) << equation;
    EXPECT_EQ(y.error().code, ErrorCode::kInvalidInput) << equation;
  }
}

TEST(DetTest, KnownValues) {
  const auto y = RunNode({"Det"}, {Real({1, 2, 3, 4, 2, 0, 0, 3}, {2, 2, 2})});
  EXPECT_EQ(y->shape, (Shape{2}));
  EXPECT_NEAR(y->value[0], -2, 1e-6);
  EXPECT_NEAR(y->value[1], 6, 1e-6);
  EXPECT_FALSE(IsLegal(*y, 1, 6.001));
}

TEST(ConvTest, KnownValues) {
  const RangeTensor x = Counting({1, 1, 3, 3});
  const RangeTensor ones = Real({1, 1, 1, 1}, {1, 1, 2, 2});
  EXPECT_EQ(RunNode({"Conv"}, {x, ones})->value, (std::vector<double>{8, 12, 20, 24}));
  const auto padded = RunNode({"Conv", {{"pads", Ints{1, 0, 0, 0}}, {"strides", Ints{2, 1}}}},
                              {x, ones, Real({0.5}, {1})});
  EXPECT_EQ(padded->value, (std::vector<double>{1.5, 3.5, 20.5, 24.5}));
  const auto same = RunNode({"Conv", {{"auto_pad", std::string("SAME_LOWER")}}}, {x, ones});
  EXPECT_EQ(same->shape, (Shape{1, 1, 3, 3}));
  EXPECT_EQ(same->value[0], 0);
  const auto dilated = RunNode({"Conv", {{"dilations", Ints{2, 2}}}}, {x, ones});
  EXPECT_EQ(dilated->value, (std::vector<double>{0 + 2 + 6 + 8}));
  const auto grouped =
      RunNode({"Conv", {{"group", int64_t{2}}}}, {Counting({1, 2, 2}), Real({1, 10}, {2, 1, 1})});
  EXPECT_EQ(grouped->value, (std::vector<double>{0, 1, 20, 30}));
}

TEST(ConvTest, InfiniteWeightOverPaddingIsOpen) {
  const RangeTensor x = Counting({1, 1, 2});
  const auto y = RunNode({"Conv", {{"pads", Ints{1, 0}}}}, {x, Real({kInfinity, 1}, {1, 1, 2})});
  EXPECT_EQ(y->MarkAt(0), kUnspecified);  // inf * padding
  EXPECT_EQ(y->MarkAt(1), kDecided);      // inf * 0: NaN
  EXPECT_TRUE(std::isnan(y->value[1]));
}

TEST(ConvTest, Transposed) {
  const RangeTensor x = Real({1, 2}, {1, 1, 2});
  const RangeTensor w = Real({1, 10, 100}, {1, 1, 3});
  EXPECT_EQ(RunNode({"ConvTranspose"}, {x, w})->value, (std::vector<double>{1, 12, 120, 200}));
  const auto strided =
      RunNode({"ConvTranspose", {{"strides", Ints{2}}, {"pads", Ints{1, 0}}}}, {x, w});
  EXPECT_EQ(strided->value, (std::vector<double>{10, 102, 20, 200}));
  const auto sized = RunNode({"ConvTranspose", {{"output_shape", Ints{3}}}}, {x, w});
  EXPECT_EQ(sized->shape, (Shape{1, 1, 3}));
}

TEST(ConvTest, OfIntegers) {
  const auto y = RunNode({"ConvInteger"}, {Integers(DataType::kUint8, {2, 3, 4}, {1, 1, 3}),
                                           Integers(DataType::kUint8, {1, 1}, {1, 1, 2}),
                                           Integers(DataType::kUint8, {1})});
  EXPECT_EQ(y->type, DataType::kInt32);
  EXPECT_EQ(y->ints, (std::vector<int64_t>{3, 5}));
}

}  // namespace
}  // namespace moire
