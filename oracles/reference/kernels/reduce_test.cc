// Reductions, running sums and extremes: known values, axes in every form, empty sets, marks.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "oracles/reference/kernels/kernel_testing.h"

namespace moire {
namespace {

using testing::Integers;
using testing::IsLegal;
using testing::Ranged;
using testing::RunNode;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

RangeTensor Real(std::vector<double> values, Shape shape) {
  return testing::Floats(DataType::kFloat, std::move(values), std::move(shape));
}
RangeTensor Axes(std::vector<int64_t> axes) { return Integers(DataType::kInt64, std::move(axes)); }

struct Known {
  std::string op;
  std::vector<double> expected;  // of {1 -2 3}, {4 0.5 -6} along axis 1
};

TEST(ReduceTest, KnownValues) {
  const Known cases[] = {
      {"ReduceSum", {2, -1.5}},
      {"ReduceMean", {2.0 / 3, -0.5}},
      {"ReduceMax", {3, 4}},
      {"ReduceMin", {-2, -6}},
      {"ReduceProd", {-6, -12}},
      {"ReduceL1", {6, 10.5}},
      {"ReduceL2", {std::sqrt(14.0), std::sqrt(52.25)}},
      {"ReduceSumSquare", {14, 52.25}},
      {"ReduceLogSumExp", {3.1328452, 4.0297945}},
  };
  for (const Known& known : cases) {
    const auto y = RunNode({known.op}, {Real({1, -2, 3, 4, 0.5, -6}, {2, 3}), Axes({1})});
    ASSERT_TRUE(y.has_value()) << known.op << ": " << y.error().message;
    EXPECT_EQ(y->shape, (Shape{2, 1}));
    for (size_t i = 0; i < 2; ++i) {
      EXPECT_EQ(y->MarkAt(i), kDecided) << known.op;
      EXPECT_NEAR(y->value[i], known.expected[i], 1e-5) << known.op;
      EXPECT_FALSE(IsLegal(*y, i, known.expected[i] * 1.001)) << known.op;
    }
  }
}

TEST(ReduceTest, AxesAsAttributeOrInput) {
  const RangeTensor x = Real({1, 2, 3, 4, 5, 6}, {2, 3});
  const auto attribute =
      RunNode({"ReduceSum", {{"axes", Ints{-1}}, {"keepdims", int64_t{0}}}, 11}, {x});
  EXPECT_EQ(attribute->shape, (Shape{2}));
  EXPECT_EQ(attribute->value, (std::vector<double>{6, 15}));
  const auto all = RunNode({"ReduceSum"}, {x});
  EXPECT_EQ(all->shape, (Shape{1, 1}));
  EXPECT_EQ(all->value[0], 21);
  // Composite reductions keep their other steps: "ReduceSumSquare returns the Square".
  const auto noop = RunNode({"ReduceSumSquare", {{"noop_with_empty_axes", int64_t{1}}}}, {x});
  EXPECT_EQ(noop->shape, x.shape);
  EXPECT_EQ(noop->value[5], 36);
  EXPECT_EQ(RunNode({"ReduceSum"}, {x, Axes({2})}).error().code, ErrorCode::kInvalidInput);
}

TEST(ReduceTest, EmptySets) {
  const RangeTensor none = Real({}, {2, 0});
  EXPECT_EQ(RunNode({"ReduceSum"}, {none, Axes({1})})->value, (std::vector<double>{0, 0}));
  EXPECT_EQ(RunNode({"ReduceProd"}, {none, Axes({1})})->value[0], 1);
  EXPECT_EQ(RunNode({"ReduceMax"}, {none, Axes({1})})->value[0], -kInfinity);
  EXPECT_EQ(RunNode({"ReduceMean"}, {none, Axes({1})})->MarkAt(0), kUnspecified);
  const RangeTensor ints = Integers(DataType::kInt8, {}, {0});
  EXPECT_EQ(RunNode({"ReduceMin"}, {ints})->ints[0], 127);
}

TEST(ReduceTest, IntegersAreExactUntilTheyOverflow) {
  const auto sum = RunNode({"ReduceSum"}, {Integers(DataType::kInt32, {1 << 30, 1 << 29, -1})});
  EXPECT_EQ(sum->ints[0], (1 << 30) + (1 << 29) - 1);
  EXPECT_EQ(sum->MarkAt(0), kDecided);
  const auto wrapped = RunNode({"ReduceSum"}, {Integers(DataType::kInt32, {1 << 30, 1 << 30})});
  EXPECT_EQ(wrapped->MarkAt(0), kUnspecified);
  // Beyond 2^53: exact, not through a double.
  const int64_t big = (int64_t{1} << 60) + 1;
  EXPECT_EQ(RunNode({"ReduceProd"}, {Integers(DataType::kInt64, {big})})->ints[0], big);
  EXPECT_EQ(RunNode({"ReduceMean"}, {Integers(DataType::kInt32, {7, 8})})->ints[0], 7);
  EXPECT_EQ(RunNode({"ReduceMean"}, {Integers(DataType::kInt32, {-7, -8})})->MarkAt(0),
            kUnspecified);
  EXPECT_EQ(RunNode({"ReduceL2"}, {Integers(DataType::kInt32, {3, 4})})->ints[0], 5);
}

TEST(ReduceTest, NanAndOverflowInTheFormula) {
  const double nan = std::nan("");
  EXPECT_EQ(RunNode({"ReduceMax"}, {Real({1, nan}, {2})})->MarkAt(0), kUnspecified);
  const auto sum = RunNode({"ReduceSum"}, {Real({1, nan}, {2})});
  EXPECT_TRUE(std::isnan(sum->value[0]));
  EXPECT_EQ(sum->MarkAt(0), kDecided);
  // The squares overflow, a scaled norm does not.
  EXPECT_EQ(RunNode({"ReduceL2"}, {Real({3e20, 4e20}, {2})})->MarkAt(0), kUndecidable);
  EXPECT_EQ(RunNode({"ReduceLogSumExp"}, {Real({100, 1}, {2})})->MarkAt(0), kUndecidable);
  EXPECT_EQ(RunNode({"ReduceProd"}, {Real({1e30, 1e30, 1e-30}, {3})})->MarkAt(0), kUndecidable);
  EXPECT_TRUE(IsLegal(*RunNode({"ReduceProd"}, {Real({1e30, 1e30}, {2})}), 0, kInfinity));
}

TEST(ReduceTest, MarksSpread) {
  RangeTensor x = Real({1, 2, 3, 4}, {2, 2});
  x.AddMark(3, kUndecidable);
  const auto y = RunNode({"ReduceSum"}, {x, Axes({1})});
  EXPECT_EQ(y->MarkAt(0), kDecided);
  EXPECT_EQ(y->MarkAt(1), kUndecidable);
}

TEST(ArgMaxTest, TiesAndRanges) {
  const RangeTensor x = Real({1, 5, 5, 2}, {4});
  EXPECT_EQ(RunNode({"ArgMax"}, {x})->ints[0], 1);
  EXPECT_EQ(RunNode({"ArgMax", {{"select_last_index", int64_t{1}}}}, {x})->ints[0], 2);
  EXPECT_EQ(RunNode({"ArgMin"}, {x})->ints[0], 0);
  EXPECT_EQ(RunNode({"ArgMax"}, {x})->MarkAt(0), kDecided);  // exact ties are the page's
  RangeTensor near = Real({1, 1.0000001}, {2});
  near.MakeRanges();
  near.hi[0] = 1.0000002;
  EXPECT_EQ(RunNode({"ArgMax"}, {near})->MarkAt(0), kUndecidable);
  near.hi[0] = 1.00000005;
  EXPECT_EQ(RunNode({"ArgMax"}, {near})->MarkAt(0), kDecided);
  EXPECT_EQ(RunNode({"ArgMax"}, {Real({1, std::nan("")}, {2})})->ints[0], 1);
}

TEST(CumSumTest, EveryDirection) {
  const RangeTensor x = Real({1, 2, 3}, {3});
  const auto run = [&](std::string op, int64_t exclusive, int64_t reverse) {
    return RunNode({std::move(op), {{"exclusive", exclusive}, {"reverse", reverse}}, 26},
                   {x, Axes({0})})
        ->value;
  };
  EXPECT_EQ(run("CumSum", 0, 0), (std::vector<double>{1, 3, 6}));
  EXPECT_EQ(run("CumSum", 1, 0), (std::vector<double>{0, 1, 3}));
  EXPECT_EQ(run("CumSum", 0, 1), (std::vector<double>{6, 5, 3}));
  EXPECT_EQ(run("CumProd", 1, 0), (std::vector<double>{1, 1, 2}));
  EXPECT_EQ(run("CumProd", 0, 1), (std::vector<double>{6, 6, 3}));
}

}  // namespace
}  // namespace moire
