// Shape, movement, index, padding and generating kernels: tables of results, properties on random
// shapes, marks and ranges carried along, huge sizes turned away.
#include <gtest/gtest.h>

#include <limits>
#include <numeric>

#include "harness/case/random.h"
#include "oracles/reference/kernels/kernel_testing.h"

namespace moire {
namespace {

using testing::Floats;
using testing::Integers;
using testing::NodeSpec;
using testing::RunNode;
using testing::RunNodeAll;

constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
constexpr int64_t kMin = std::numeric_limits<int64_t>::min();

RangeTensor Int64s(Ints values, Shape shape = {-1}) {
  return Integers(DataType::kInt64, std::move(values), std::move(shape));
}

RangeTensor Iota(Shape shape) {
  RangeTensor out = MakeRangeTensor(DataType::kInt64, std::move(shape));
  std::iota(out.ints.begin(), out.ints.end(), int64_t{0});
  return out;
}

// What a table row expects of one output of int64.
struct Row {
  const char* name;
  NodeSpec spec;
  std::vector<RangeTensor> inputs;
  Shape shape;
  Ints values;
};

std::vector<Row> Rows() {
  const RangeTensor m = Iota({2, 3});  // 0 1 2 / 3 4 5
  return {
      {"reshape", {"Reshape"}, {m, Int64s({3, -1})}, {3, 2}, {0, 1, 2, 3, 4, 5}},
      {"reshape copies a dim", {"Reshape"}, {m, Int64s({0, 1, -1})}, {2, 1, 3}, {0, 1, 2, 3, 4, 5}},
      {"reshape of nothing",
       {"Reshape", {{"allowzero", int64_t{1}}}},
       {Iota({0, 3}), Int64s({3, 0})},
       {3, 0},
       {}},
      {"transpose", {"Transpose"}, {m}, {3, 2}, {0, 3, 1, 4, 2, 5}},
      {"squeeze by attribute", {"Squeeze", {{"axes", Ints{0}}}, 11}, {Iota({1, 2})}, {2}, {0, 1}},
      {"squeeze all", {"Squeeze"}, {Iota({1, 2, 1})}, {2}, {0, 1}},
      {"unsqueeze", {"Unsqueeze"}, {Iota({2}), Int64s({-1, 0})}, {1, 2, 1}, {0, 1}},
      {"flatten", {"Flatten", {{"axis", int64_t{-1}}}}, {Iota({1, 2, 2})}, {2, 2}, {0, 1, 2, 3}},
      {"shape", {"Shape", {{"start", int64_t{-1}}}}, {m}, {1}, {3}},
      {"shape out of range", {"Shape", {{"end", int64_t{-9}}}}, {m}, {0}, {}},
      {"size", {"Size"}, {m}, {}, {6}},
      {"expand both ways", {"Expand"}, {Iota({2, 1}), Int64s({1, 2})}, {2, 2}, {0, 0, 1, 1}},
      {"tile", {"Tile"}, {Iota({1, 2}), Int64s({2, 2})}, {2, 4}, {0, 1, 0, 1, 0, 1, 0, 1}},
      {"concat",
       {"Concat", {{"axis", int64_t{-1}}}},
       {Iota({2, 1}), m},
       {2, 4},
       {0, 0, 1, 2, 1, 3, 4, 5}},
      {"slice backwards past the start",
       {"Slice"},
       {Iota({5}), Int64s({kMax}), Int64s({kMin}), Int64s({0}), Int64s({-2})},
       {3},
       {4, 2, 0}},
      {"slice with a huge step",
       {"Slice"},
       {Iota({5}), Int64s({1}), Int64s({kMax}), Int64s({-1}), Int64s({kMax})},
       {1},
       {1}},
      {"slice with the smallest step",
       {"Slice"},
       {Iota({5}), Int64s({-1}), Int64s({kMin}), Int64s({0}), Int64s({kMin})},
       {1},
       {4}},
      {"slice by attributes",
       {"Slice", {{"starts", Ints{1}}, {"ends", Ints{-1}}, {"axes", Ints{1}}}, 9},
       {m},
       {2, 1},
       {1, 4}},
      {"gather", {"Gather", {{"axis", int64_t{1}}}}, {m, Int64s({-1, 0})}, {2, 2}, {2, 0, 5, 3}},
      {"gather elements",
       {"GatherElements", {{"axis", int64_t{0}}}},
       {m, Int64s({1, 0}, {1, 2})},
       {1, 2},
       {3, 1}},
      {"gather nd with batch",
       {"GatherND", {{"batch_dims", int64_t{1}}}},
       {m, Int64s({2, -3}, {2, 1})},
       {2},
       {2, 3}},
      {"pad reflect",
       {"Pad", {{"mode", std::string("reflect")}}},
       {Iota({3}), Int64s({2, 1})},
       {6},
       {2, 1, 0, 1, 2, 1}},
      {"pad wrap",
       {"Pad", {{"mode", std::string("wrap")}}},
       {Iota({2}), Int64s({3, 1})},
       {6},
       {1, 0, 1, 0, 1, 0}},
      {"pad edge along an axis",
       {"Pad", {{"mode", std::string("edge")}}},
       {m, Int64s({0, 1}), RangeTensor{}, Int64s({-1})},
       {2, 4},
       {0, 1, 2, 2, 3, 4, 5, 5}},
      {"pad cuts and fills",
       {"Pad"},
       {Iota({3}), Int64s({-1, 2}), Int64s({7}, {})},
       {4},
       {1, 2, 7, 7}},
      {"center crop and pad", {"CenterCropPad"}, {m, Int64s({3, 1})}, {3, 1}, {1, 4, 0}},
      {"trilu", {"Trilu"}, {m, Int64s({1}, {})}, {2, 3}, {0, 1, 2, 0, 0, 5}},
      {"trilu far out",
       {"Trilu", {{"upper", int64_t{0}}}},
       {m, Int64s({kMin}, {})},
       {2, 3},
       {0, 0, 0, 0, 0, 0}},
      {"compress", {"Compress"}, {m, Integers(DataType::kBool, {0, 1, 1})}, {2}, {1, 2}},
      {"reverse sequence",
       {"ReverseSequence", {{"batch_axis", int64_t{0}}, {"time_axis", int64_t{1}}}},
       {m, Int64s({2, 3})},
       {2, 3},
       {1, 0, 2, 5, 4, 3}},
      {"range down",
       {"Range"},
       {Int64s({5}, {}), Int64s({0}, {}), Int64s({-2}, {})},
       {3},
       {5, 3, 1}},
      {"range of the largest distance",
       {"Range"},
       {Int64s({kMin}, {}), Int64s({kMax}, {}), Int64s({kMax}, {})},
       {3},
       {kMin, -1, kMax - 1}},
      {"eye like", {"EyeLike", {{"k", int64_t{1}}}}, {m}, {2, 3}, {0, 1, 0, 0, 0, 1}},
      {"one hot", {"OneHot"}, {Int64s({-1, 5}), Int64s({2}), Int64s({0, 9})}, {2, 2}, {0, 9, 0, 0}},
      {"non zero", {"NonZero"}, {Int64s({0, 3, 1, 0}, {2, 2})}, {2, 2}, {0, 1, 1, 0}},
      {"non zero of a scalar", {"NonZero"}, {Int64s({3}, {})}, {0, 1}, {}},
      {"unique in order of occurrence",
       {"Unique", {{"sorted", int64_t{0}}}},
       {Int64s({2, 1, 2})},
       {2},
       {2, 1}},
  };
}

TEST(Movement, Table) {
  for (const Row& row : Rows()) {
    SCOPED_TRACE(row.name);
    const Result<RangeTensor> out = RunNode(row.spec, row.inputs);
    ASSERT_TRUE(out.has_value()) << out.error().message;
    EXPECT_EQ(out->shape, row.shape);
    EXPECT_EQ(out->ints, row.values);
    EXPECT_TRUE(out->marks.empty());
  }
}

struct Rejection {
  const char* name;
  NodeSpec spec;
  std::vector<RangeTensor> inputs;
  ErrorCode code = ErrorCode::kInvalidInput;
};

TEST(Movement, WrongAndHugeInputsAreTurnedAway) {
  const RangeTensor m = Iota({2, 3});
  const int64_t huge = int64_t{1} << 40;
  const Rejection rows[] = {
      {"reshape to another size", {"Reshape"}, {m, Int64s({4})}},
      {"reshape with two -1", {"Reshape"}, {m, Int64s({-1, -1})}},
      {"reshape to a product that wraps to 6", {"Reshape"}, {m, Int64s({huge, huge, 6})}},
      {"reshape to a shape that is a scalar", {"Reshape"}, {m, Int64s({6}, {})}},
      {"a flag that is neither 0 nor 1", {"TopK", {{"largest", huge}}, 11, 2}, {m, Int64s({1})}},
      {"dropout of everything", {"Dropout", {}, 13}, {m, Floats({1}, {})}},
      {"axes that are no list", {"Unsqueeze"}, {m, Int64s({0}, {1, 1})}},
      {"slice along a matrix of axes",
       {"Slice"},
       {m, Int64s({0}), Int64s({1}), Int64s({0}, {1, 1})}},
      {"slice along a scalar axis", {"Slice"}, {m, Int64s({0}), Int64s({1}), Int64s({0}, {})}},
      {"transpose with an axis twice", {"Transpose", {{"perm", Ints{0, 0}}}}, {m}},
      {"squeeze of a wide axis", {"Squeeze"}, {m, Int64s({0})}},
      {"gather outside", {"Gather"}, {m, Int64s({2})}},
      {"gather by floats", {"Gather"}, {m, Floats({0})}},
      {"scatter by floats", {"ScatterElements"}, {Floats({0}), Floats({0}), Floats({0})}},
      {"slice with step 0", {"Slice"}, {m, Int64s({0}), Int64s({1}), Int64s({0}), Int64s({0})}},
      {"pad takes too much", {"Pad"}, {Iota({1}), Int64s({-1, -1})}},
      {"reflect too far", {"Pad", {{"mode", std::string("reflect")}}}, {Iota({2}), Int64s({2, 0})}},
      {"expand", {"Expand"}, {Iota({1}), Int64s({huge})}, ErrorCode::kOverBudget},
      {"expand beside a dim of 0",
       {"Expand"},
       {Iota({0, 1}), Int64s({0, huge})},
       ErrorCode::kOverBudget},
      {"tile", {"Tile"}, {Iota({2}), Int64s({kMax})}, ErrorCode::kOverBudget},
      {"constant of shape",
       {"ConstantOfShape"},
       {Int64s({1 << 20, 1 << 20})},
       ErrorCode::kOverBudget},
      {"range",
       {"Range"},
       {Int64s({0}, {}), Int64s({kMax}, {}), Int64s({1}, {})},
       ErrorCode::kOverBudget},
      {"pad", {"Pad"}, {Iota({1}), Int64s({kMax - 1, 0})}, ErrorCode::kOverBudget},
      {"one hot",
       {"OneHot"},
       {Int64s({0}), Int64s({huge}), Int64s({0, 1})},
       ErrorCode::kOverBudget},
      {"resize",
       {"Resize"},
       {Floats({1}), RangeTensor{}, RangeTensor{}, Int64s({huge - 1})},
       ErrorCode::kOverBudget},
  };
  for (const Rejection& row : rows) {
    SCOPED_TRACE(row.name);
    const Result<RangeTensor> out = RunNode(row.spec, row.inputs);
    ASSERT_FALSE(out.has_value());
    EXPECT_EQ(out.error().code, row.code) << out.error().message;
  }
}

Shape RandomShape(Random& random) {
  Shape shape(random.Below(5));
  for (int64_t& dim : shape) dim = random.Between(0, 4);
  return shape;
}

TEST(Movement, TransposeAndItsInverseAreTheIdentity) {
  Random random(1);
  for (int i = 0; i < 200; ++i) {
    const RangeTensor x = Iota(RandomShape(random));
    Ints perm(x.shape.size()), inverse(x.shape.size());
    std::iota(perm.begin(), perm.end(), int64_t{0});
    for (size_t k = perm.size(); k-- > 1;) std::swap(perm[k], perm[random.Index(k + 1)]);
    for (size_t k = 0; k < perm.size(); ++k) {
      inverse[static_cast<size_t>(perm[k])] = static_cast<int64_t>(k);
    }
    const auto once = RunNode({"Transpose", {{"perm", perm}}}, {x});
    ASSERT_TRUE(once.has_value());
    const auto twice = RunNode({"Transpose", {{"perm", inverse}}}, {*once});
    ASSERT_TRUE(twice.has_value());
    EXPECT_EQ(twice->shape, x.shape);
    EXPECT_EQ(twice->ints, x.ints);
  }
}

TEST(Movement, ConcatUndoesSplitAndSliceUndoesPad) {
  Random random(2);
  for (int i = 0; i < 200; ++i) {
    Shape shape = RandomShape(random);
    shape.push_back(random.Between(0, 6));
    const RangeTensor x = Iota(shape);
    const int64_t at = random.Between(0, shape.back());
    const auto parts =
        RunNodeAll({"Split", {{"axis", int64_t{-1}}}, 18, 2}, {x, Int64s({at, shape.back() - at})});
    ASSERT_TRUE(parts.has_value()) << parts.error().message;
    const auto joined = RunNode({"Concat", {{"axis", int64_t{-1}}}}, *parts);
    ASSERT_TRUE(joined.has_value());
    EXPECT_EQ(joined->ints, x.ints);

    Ints pads(2 * shape.size()), starts, ends;
    for (int64_t& pad : pads) pad = random.Between(0, 2);
    for (size_t d = 0; d < shape.size(); ++d) {
      starts.push_back(pads[d]);
      ends.push_back(pads[d] + shape[d]);
    }
    const auto padded = RunNode({"Pad"}, {x, Int64s(pads)});
    ASSERT_TRUE(padded.has_value());
    const auto cut = RunNode({"Slice"}, {*padded, Int64s(starts), Int64s(ends)});
    ASSERT_TRUE(cut.has_value());
    EXPECT_EQ(cut->ints, x.ints);
  }
}

TEST(Movement, RangesAndMarksTravelWithTheirElements) {
  RangeTensor x = Floats({1, 2, 3, 4}, {2, 2});
  x.MakeRanges();
  x.lo[1] = 1.5;
  x.AddMark(2, kUnspecified);
  const auto out = RunNode({"Transpose"}, {x});
  ASSERT_TRUE(out.has_value());
  EXPECT_EQ(out->lo, (std::vector<double>{1, 3, 1.5, 4}));
  EXPECT_EQ(out->marks, (std::vector<uint8_t>{0, kUnspecified, 0, 0}));
  // Concat with a tensor that has neither.
  const auto joined = RunNode({"Concat", {{"axis", int64_t{0}}}}, {Floats({7, 8}, {1, 2}), x});
  ASSERT_TRUE(joined.has_value());
  EXPECT_EQ(joined->lo, (std::vector<double>{7, 8, 1, 1.5, 3, 4}));
  EXPECT_EQ(joined->MarkAt(4), kUnspecified);
  EXPECT_EQ(joined->MarkAt(3), kDecided);
}

TEST(Movement, AMarkedIndexMarksWhatItPicksAndAMarkedShapeIsUndecidable) {
  RangeTensor indices = Int64s({0, 1});
  indices.AddMark(1, kUndecidable);
  const auto out = RunNode({"Gather"}, {Iota({2, 2}), indices});
  ASSERT_TRUE(out.has_value());
  EXPECT_EQ(out->marks, (std::vector<uint8_t>{0, 0, kUndecidable, kUndecidable}));
  for (const char* op : {"Reshape", "Expand", "Tile"}) {
    RangeTensor shape = Int64s({4});
    shape.AddMark(0, kUndecidable);
    const auto result = RunNode({op}, {Iota({4}), shape});
    ASSERT_FALSE(result.has_value()) << op;
    EXPECT_EQ(result.error().code, ErrorCode::kUndecidable) << op;
  }
}

TEST(Movement, PadsThatRemoveAndReflectAreUnspecifiedWhereOrderMatters) {
  const auto out =
      RunNode({"Pad", {{"mode", std::string("reflect")}}}, {Iota({3}), Int64s({-1, 1})});
  ASSERT_TRUE(out.has_value());
  ASSERT_EQ(out->shape, (Shape{3}));
  EXPECT_EQ(out->MarkAt(0), kDecided);
  EXPECT_EQ(out->MarkAt(1), kDecided);
  // Cut first: 1 2 1. Reflect first: 0 1 2 1, then cut: 1 2 1. The same here ...
  EXPECT_EQ(out->ints, (Ints{1, 2, 1}));
  const auto deep = RunNode({"Pad", {{"mode", std::string("wrap")}}}, {Iota({3}), Int64s({-1, 1})});
  ASSERT_TRUE(deep.has_value());
  // ... not here: 1 2 1 against 1 2 0.
  EXPECT_EQ(deep->MarkAt(2), kUnspecified);
}

TEST(Range, FloatsCoverBothWaysToCount) {
  // Ten tenths: exact arithmetic on float(0.1) gives 10 steps, as does the rounded quotient.
  const double tenth = static_cast<double>(0.1f);
  const auto out = RunNode({"Range"}, {Floats({0}, {}), Floats({1}, {}), Floats({tenth}, {})});
  if (out.has_value()) {
    float sum = 0;
    for (size_t i = 0; i < out->value.size(); ++i) {
      EXPECT_TRUE(testing::IsLegal(*out, i, static_cast<double>(sum))) << i;
      EXPECT_TRUE(testing::IsLegal(*out, i, static_cast<double>(static_cast<float>(i) * 0.1f)));
      EXPECT_FALSE(testing::IsLegal(*out, i, static_cast<double>(sum) + 1e-4));
      sum += 0.1f;
    }
  } else {
    EXPECT_EQ(out.error().code, ErrorCode::kUndecidable);
  }
  const auto exact = RunNode({"Range"}, {Floats({0}, {}), Floats({3}, {}), Floats({1}, {})});
  ASSERT_TRUE(exact.has_value());
  EXPECT_EQ(exact->value, (std::vector<double>{0, 1, 2}));
  EXPECT_FALSE(testing::IsLegal(*exact, 2, 2.0000002));
}

}  // namespace
}  // namespace moire
