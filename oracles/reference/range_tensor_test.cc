#include "oracles/reference/range_tensor.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

namespace moire {
namespace {

RangeTensor Computed(DataType type, double value) {
  RangeTensor out = MakeRangeTensor(type, {1});
  out.value[0] = value;
  Round(out);
  return out;
}

TEST(RangeTensor, SmallFloatKeptInFloat32IsLegal) {
  const double exact = std::numbers::pi / 2;
  const RangeTensor range = Computed(DataType::kFloat16, exact);
  const double wide = static_cast<double>(static_cast<float>(exact));  // above pi / 2
  EXPECT_GT(wide, exact);
  EXPECT_LE(range.Lo()[0], exact);
  EXPECT_GE(range.Hi()[0], wide);
  EXPECT_LT(range.Hi()[0], wide + 1e-6);  // and no wider than that
}

TEST(RangeTensor, GraphOutputIsRoundedForCertain) {
  const RangeTensor range = Computed(DataType::kFloat16, 0.1);
  Tensor actual = MakeTensor(DataType::kFloat16, {1});
  SetFloat(actual, 0, 0.1);
  EXPECT_TRUE(Legal(range, actual, 0));
  actual.As<uint16_t>()[0] += 1;
  EXPECT_FALSE(Legal(range, actual, 0));
}

TEST(RangeTensor, PerhapsNanIsUndecidable) {
  RangeTensor out = MakeRangeTensor(DataType::kFloat, {2});
  out.MakeRanges();
  out.hi[0] = std::nan("");
  Round(out);
  EXPECT_EQ(out.MarkAt(0), kUndecidable);
  EXPECT_EQ(out.MarkAt(1), kDecided);
}

TEST(RangeTensor, GatherCopiesRangesAndMarks) {
  RangeTensor source = Computed(DataType::kFloat16, 0.1);
  source.AddMark(0, kUnspecified);
  const std::vector<int64_t> index = {0, -1};
  const RangeTensor out = GatherElements(source, {2}, index, 7);
  EXPECT_EQ(out.Lo()[0], source.Lo()[0]);
  EXPECT_EQ(out.MarkAt(0), kUnspecified);
  EXPECT_EQ(out.value[1], 7);
  EXPECT_EQ(out.MarkAt(1), kDecided);
}

}  // namespace
}  // namespace moire
