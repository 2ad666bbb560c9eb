// Arithmetic, comparison, logic, integers: small tables with the edges of each type.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "oracles/reference/kernels/kernel_testing.h"

namespace moire {
namespace {

using testing::Floats;
using testing::Integers;
using testing::IsLegal;
using testing::NodeSpec;
using testing::Ranged;
using testing::RunNode;

constexpr double kInf = std::numeric_limits<double>::infinity();
const double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kMax = 0x1.fffffep127;
constexpr double kTiny = 0x1p-149;

enum Expect { kSame, kOpen, kUnsure };  // decided, kUnspecified, kUndecidable

struct FloatRow {
  std::string op;
  double a, b, result;
  Expect expect = kSame;
  int64_t opset = 21;
};

TEST(Arithmetic, FloatTable) {
  const FloatRow rows[] = {
      {"Add", 1, 2, 3},
      {"Add", kMax, kMax, kInf},
      {"Add", kInf, -kInf, kNan},
      {"Add", kNan, 1, kNan},
      {"Add", kTiny, kTiny, 2 * kTiny},
      {"Sub", kInf, kInf, kNan},
      {"Sub", 1, kTiny, 1},
      {"Mul", 0, kInf, kNan},
      {"Mul", -2, 3, -6},
      {"Mul", 1e30, -1e30, -kInf},
      {"Mul", kTiny, 0.25, 0},
      {"Div", 6, 4, 1.5},
      {"Div", 0, 0, kNan},
      {"Div", 1, 0, kInf, kUnsure},
      {"Div", kInf, kInf, kNan},
      {"Div", 1, kInf, 0},
      {"Max", 1, 2, 2},
      {"Max", -kInf, 2, 2},
      {"Max", kNan, kNan, kNan},
      {"Max", kNan, 2, kNan},
      {"Min", 2, kNan, kNan},
      {"Min", 1, 2, 1},
      {"Mod", 5, 3, 2, kOpen},
      {"Mod", -5, 3, 1, kSame, 28},
      {"Mod", 5, -3, -1, kSame, 28},
      {"Mod", kInf, 3, kNan, kSame, 28},
      {"Mod", 3, 0, kNan, kSame, 28},
      {"Mod", -3, kInf, kInf, kSame, 28},
      {"Mod", 3, kInf, 3, kSame, 28},
      {"Pow", 2, 10, 1024},
      {"Pow", -2, 3, -8},
      {"Pow", -2, 0.5, kNan},
      {"Pow", 0, 0, 1},
      {"Pow", 0, -1, kInf, kUnsure},
      {"Pow", 0, -2, kInf},
      {"Pow", kNan, 0, 1, kOpen},
      {"Pow", 1, kNan, 1, kOpen},
      {"Pow", kNan, 2, kNan},
      {"Pow", 1, 1e30, 1},
      {"Pow", 2, 200, kInf},
      {"Pow", kInf, -1, 0},
  };
  for (const FloatRow& row : rows) {
    SCOPED_TRACE(fmt::format("{} {} {}", row.op, row.a, row.b));
    const auto out = RunNode({row.op, {}, row.opset}, {Floats({row.a}), Floats({row.b})});
    ASSERT_TRUE(out) << out.error().message;
    const uint8_t mark = row.expect == kSame   ? kDecided
                         : row.expect == kOpen ? kUnspecified
                                               : kUndecidable;
    EXPECT_EQ(out->MarkAt(0), mark);
    if (row.expect != kSame) continue;
    EXPECT_TRUE(IsLegal(*out, 0, row.result)) << out->value[0];
    EXPECT_FALSE(IsLegal(*out, 0, std::isnan(row.result) ? 1 : kNan));
    if (std::isfinite(row.result) && std::abs(row.result) > 1e-30) {
      EXPECT_FALSE(IsLegal(*out, 0, row.result * (1 + 0x1p-14)));
      EXPECT_FALSE(IsLegal(*out, 0, -row.result));
    }
  }
}

TEST(Arithmetic, FmodFollowsC) {
  const auto out = RunNode({"Mod", {{"fmod", int64_t{1}}}},
                           {Floats({-4.5, 7, 5, kInf, 3}), Floats({2, -3, 8, 2, kInf})});
  ASSERT_TRUE(out);
  const double expected[] = {-0.5, 1, 5, kNan, 3};
  for (size_t i = 0; i < 5; ++i) EXPECT_TRUE(IsLegal(*out, i, expected[i])) << i;
}

struct IntRow {
  std::string op;
  DataType type;
  int64_t a, b, result;
  Expect expect = kSame;
};

TEST(Arithmetic, IntegerTable) {
  using enum DataType;
  constexpr int64_t kMin64 = std::numeric_limits<int64_t>::min();
  const IntRow rows[] = {
      {"Add", kInt8, 127, 1, -128},
      {"Add", kUint8, 255, 1, 0},
      {"Sub", kUint16, 0, 1, 65535},
      {"Sub", kInt64, kMin64, 1, std::numeric_limits<int64_t>::max()},
      {"Mul", kInt32, 65536, 65536, 0},
      {"Mul", kUint64, -1, 2, -2},
      {"Div", kInt32, -7, 2, -3},
      {"Div", kInt32, 7, 0, 0, kOpen},
      {"Div", kInt32, -2147483648, -1, 0, kOpen},
      {"Div", kInt8, -128, -1, 0, kOpen},
      {"Div", kUint64, -1, 2, std::numeric_limits<int64_t>::max()},
      {"Mod", kInt64, -7, 2, 1},
      {"Mod", kInt64, 7, -2, -1},
      {"Mod", kInt64, kMin64, -1, 0},
      {"Mod", kUint8, 7, 0, 0, kOpen},
      {"Max", kUint64, -1, 1, -1},
      {"Min", kInt8, -1, 1, -1},
      {"Pow", kInt64, 7, 22, 3909821048582988049},
      {"Pow", kInt64, 2, 62, int64_t{1} << 62},
      {"Pow", kInt64, 2, 63, 0, kOpen},
      {"Pow", kInt64, -2, 63, kMin64},
      {"Pow", kInt32, 2, 31, 0, kOpen},
      {"Pow", kInt32, 2, -1, 0, kOpen},
      {"Pow", kInt32, -1, -3, -1},
      {"Pow", kInt32, 0, 5, 0},
      {"Pow", kInt64, 3, 1000, 0, kOpen},
  };
  for (const IntRow& row : rows) {
    SCOPED_TRACE(fmt::format("{} {} {} {}", row.op, Name(row.type), row.a, row.b));
    const auto out = RunNode({row.op}, {Integers(row.type, {row.a}), Integers(row.type, {row.b})});
    ASSERT_TRUE(out) << out.error().message;
    EXPECT_EQ(out->MarkAt(0) == kDecided, row.expect == kSame);
    if (row.expect == kSame) EXPECT_EQ(out->ints[0], row.result);
  }
}

TEST(Arithmetic, BroadcastsBothWays) {
  const auto out = RunNode({"Sub"}, {Floats({10, 20, 30}, {3, 1}), Floats({1, 2}, {2})});
  ASSERT_TRUE(out);
  EXPECT_EQ(out->shape, (Shape{3, 2}));
  EXPECT_EQ(out->value, (std::vector<double>{9, 8, 19, 18, 29, 28}));
  EXPECT_FALSE(RunNode({"Add"}, {Floats({1, 2}), Floats({1, 2, 3})}));
  const auto empty = RunNode({"Add"}, {Floats(std::vector<double>{}, {0, 1}), Floats({1, 2}, {2})});
  ASSERT_TRUE(empty);
  EXPECT_EQ(empty->shape, (Shape{0, 2}));
}

TEST(Arithmetic, MarksPropagateThroughBroadcasting) {
  RangeTensor a = Integers(DataType::kInt32, {1, 2}, {2, 1});
  a.AddMark(1, kUnspecified);
  const auto out = RunNode({"Add"}, {a, Integers(DataType::kInt32, {1, 2, 3})});
  ASSERT_TRUE(out);
  for (size_t i = 0; i < 6; ++i) EXPECT_EQ(out->MarkAt(i) != kDecided, i >= 3);
}

TEST(Arithmetic, SumsOfThreeAllowEveryOrder) {
  const double big = 0x1p24;
  const auto out = RunNode({"Sum"}, {Floats({big}), Floats({1}), Floats({-big})});
  ASSERT_TRUE(out);
  EXPECT_TRUE(IsLegal(*out, 0, 0));
  EXPECT_TRUE(IsLegal(*out, 0, 1));
  const auto overflow = RunNode({"Sum"}, {Floats({kMax}), Floats({kMax}), Floats({-kMax})});
  EXPECT_EQ(overflow->MarkAt(0), kUndecidable);
  // -inf, or inf - inf where the other two are added first.
  for (const char* op : {"Sum", "Mean"}) {
    const auto meets = RunNode({op}, {Floats({kMax}), Floats({kMax}), Floats({-kInf})});
    EXPECT_EQ(meets->MarkAt(0), kUndecidable) << op;
    const auto alike = RunNode({op}, {Floats({kMax}), Floats({kMax}), Floats({kInf})});
    EXPECT_TRUE(alike->MarkAt(0) == kDecided && IsLegal(*alike, 0, kInf)) << op;
    EXPECT_FALSE(IsLegal(*alike, 0, kMax)) << op;
    const auto small = RunNode({op}, {Floats({1}), Floats({2}), Floats({-kInf})});
    EXPECT_TRUE(small->MarkAt(0) == kDecided && IsLegal(*small, 0, -kInf)) << op;
  }
}

TEST(Arithmetic, WideProductsMayOverflowOrNot) {
  // float16: 300 * 300 = 90000 overflows when rounded, not when kept in float32.
  const auto product =
      RunNode({"Mul"}, {Floats(DataType::kFloat16, {300}), Floats(DataType::kFloat16, {300})});
  ASSERT_TRUE(product);
  EXPECT_TRUE(IsLegal(*product, 0, kInf));
  EXPECT_EQ(product->lo[0], 90000);
  const auto back = RunNode({"Div"}, {*product, Floats(DataType::kFloat16, {300})});
  EXPECT_TRUE(IsLegal(*back, 0, 300));
  EXPECT_TRUE(IsLegal(*back, 0, kInf));
  EXPECT_FALSE(IsLegal(*back, 0, 200));
}

TEST(Compare, DecidesWhereRangesDo) {
  const RangeTensor x = Ranged(DataType::kFloat, 1, 1.5, 2);
  const auto less = [&](double y) { return *RunNode({"Less"}, {x, Floats({y})}); };
  EXPECT_EQ(less(2.5).ints[0], 1);
  EXPECT_EQ(less(2.5).MarkAt(0), kDecided);
  EXPECT_EQ(less(1).ints[0], 0);
  EXPECT_EQ(less(1).MarkAt(0), kDecided);
  EXPECT_EQ(less(1.7).MarkAt(0), kUndecidable);
  EXPECT_EQ(RunNode({"LessOrEqual"}, {x, Floats({2})})->MarkAt(0), kDecided);
  EXPECT_EQ(RunNode({"Equal"}, {x, Floats({2})})->MarkAt(0), kUndecidable);
  EXPECT_EQ(RunNode({"Equal"}, {x, Floats({3})})->MarkAt(0), kDecided);
  EXPECT_EQ(RunNode({"Equal"}, {Floats({kNan}), Floats({kNan})})->ints[0], 0);
  EXPECT_EQ(RunNode({"Equal"}, {Floats({-0.0}), Floats({0.0})})->ints[0], 1);
  EXPECT_EQ(
      RunNode({"Greater"}, {Integers(DataType::kUint64, {-1}), Integers(DataType::kUint64, {1})})
          ->ints[0],
      1);
}

TEST(Logic, ADecidedOperandCanDecideAlone) {
  RangeTensor unsure = Integers(DataType::kBool, {1});
  unsure.AddMark(0, kUndecidable);
  const RangeTensor no = Integers(DataType::kBool, {0});
  const RangeTensor yes = Integers(DataType::kBool, {1});
  EXPECT_EQ(RunNode({"And"}, {unsure, no})->MarkAt(0), kDecided);
  EXPECT_EQ(RunNode({"And"}, {unsure, no})->ints[0], 0);
  EXPECT_EQ(RunNode({"And"}, {unsure, yes})->MarkAt(0), kUndecidable);
  EXPECT_EQ(RunNode({"Or"}, {yes, unsure})->MarkAt(0), kDecided);
  EXPECT_EQ(RunNode({"Xor"}, {yes, unsure})->MarkAt(0), kUndecidable);
  EXPECT_EQ(RunNode({"Not"}, {no})->ints[0], 1);
}

TEST(Logic, ShiftsPastTheWidth) {
  const NodeSpec left{"BitShift", {{"direction", std::string("LEFT")}}};
  NodeSpec right{"BitShift", {{"direction", std::string("RIGHT")}}};
  const auto u8 = [](int64_t x) { return Integers(DataType::kUint8, {x}); };
  EXPECT_EQ(RunNode(left, {u8(200), u8(1)})->ints[0], 144);
  EXPECT_EQ(RunNode(right, {u8(200), u8(3)})->ints[0], 25);
  EXPECT_EQ(RunNode(left, {u8(1), u8(8)})->MarkAt(0), kUnspecified);
  right.opset = 28;
  EXPECT_EQ(RunNode(right, {u8(200), u8(8)})->MarkAt(0), kDecided);
  const RangeTensor minus = Integers(DataType::kInt32, {-5});
  EXPECT_EQ(RunNode(right, {minus, Integers(DataType::kInt32, {40})})->ints[0], -1);
  EXPECT_EQ(RunNode({"BitwiseNot"}, {u8(1)})->ints[0], 254);
}

}  // namespace
}  // namespace moire
