// Scatter, TopK, Unique, quantisation, Resize, control flow, ai.onnx.ml: what is decided, what is
// not, and faults that the ranges must not let pass.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "harness/case/onnx_adapter.h"
#include "harness/case/random.h"
#include "oracles/reference/kernels/kernel_testing.h"
#include "oracles/reference/reference.h"

namespace moire {
namespace {

using testing::Floats;
using testing::Integers;
using testing::IsLegal;
using testing::NodeSpec;
using testing::RunNode;
using testing::RunNodeAll;

RangeTensor Int64s(Ints values, Shape shape = {-1}) {
  return Integers(DataType::kInt64, std::move(values), std::move(shape));
}
RangeTensor Scalar(double value) { return Floats({value}, {}); }

Attribute Reduction(const char* name) { return {"reduction", std::string(name)}; }

TEST(Scatter, DuplicateIndicesAreUnspecifiedUnlessTheUpdatesAgree) {
  const auto out =
      RunNode({"ScatterElements"}, {Int64s({0, 0, 0}), Int64s({0, 0, 2}), Int64s({5, 6, 7})});
  ASSERT_TRUE(out.has_value());
  EXPECT_EQ(out->MarkAt(0), kUnspecified);
  EXPECT_EQ(out->MarkAt(1), kDecided);
  EXPECT_EQ(out->ints[2], 7);
  const auto same =
      RunNode({"ScatterElements"}, {Int64s({0, 0, 0}), Int64s({0, 0, 2}), Int64s({5, 5, 7})});
  ASSERT_TRUE(same.has_value());
  EXPECT_TRUE(same->marks.empty());
  EXPECT_EQ(same->ints, (Ints{5, 0, 7}));
}

TEST(Scatter, SumsHoldEveryOrderAndNoMore) {
  Random random(3);
  for (int round = 0; round < 50; ++round) {
    std::vector<double> updates;
    for (int i = 0; i < 6; ++i) {
      updates.push_back(static_cast<double>(static_cast<float>(random.Unit() * 200 - 100)));
    }
    const auto out = RunNode({"ScatterND", {Reduction("add")}},
                             {Floats({1.25}), Int64s({0, 0, 0, 0, 0, 0}, {6, 1}), Floats(updates)});
    ASSERT_TRUE(out.has_value());
    float forward = 1.25f, backward = 1.25f, missing = 1.25f;
    for (size_t i = 0; i < 6; ++i) {
      forward += static_cast<float>(updates[i]);
      backward += static_cast<float>(updates[5 - i]);
      if (i != 2) missing += static_cast<float>(updates[i]);
    }
    EXPECT_TRUE(IsLegal(*out, 0, static_cast<double>(forward)));
    EXPECT_TRUE(IsLegal(*out, 0, static_cast<double>(backward)));
    EXPECT_FALSE(IsLegal(*out, 0, static_cast<double>(missing)));
  }
}

TEST(Scatter, ReductionsOfIntegersAreExact) {
  const RangeTensor data = Int64s({10, 10, 10});
  const struct {
    const char* reduction;
    int64_t result;
  } rows[] = {{"add", 6}, {"mul", 120}, {"max", 10}, {"min", -6}};
  for (const auto& row : rows) {
    const auto out = RunNode({"ScatterElements", {Reduction(row.reduction)}},
                             {data, Int64s({1, 1}), Int64s({-6, 2})});
    ASSERT_TRUE(out.has_value());
    EXPECT_EQ(out->ints[1], row.reduction == std::string("mul") ? -120 : row.result);
    EXPECT_EQ(out->ints[0], 10);
  }
}

TEST(TopK, TiesGoToTheLowerIndex) {
  const auto out = RunNodeAll({"TopK", {}, 21, 2}, {Floats({1, 3, 3, 2}), Int64s({3})});
  ASSERT_TRUE(out.has_value());
  EXPECT_EQ((*out)[0].value, (std::vector<double>{3, 3, 2}));
  EXPECT_EQ((*out)[1].ints, (Ints{1, 2, 3}));
  EXPECT_TRUE((*out)[1].marks.empty());
}

TEST(TopK, NearTiesLeaveTheIndexOpenAndTheValueInItsRange) {
  RangeTensor x = Floats({1, 2, 3});
  x.lo = {1, 1.9, 2.05};
  x.hi = {1, 2.1, 3};
  const auto out = RunNodeAll({"TopK", {}, 21, 2}, {x, Int64s({3})});
  ASSERT_TRUE(out.has_value());
  EXPECT_EQ((*out)[1].marks, (std::vector<uint8_t>{kUndecidable, kUndecidable, 0}));
  EXPECT_EQ((*out)[0].lo, (std::vector<double>{2.05, 1.9, 1}));
  EXPECT_EQ((*out)[0].hi, (std::vector<double>{3, 2.1, 1}));
}

TEST(TopK, UnsortedIsUnspecified) {
  const auto unsorted =
      RunNodeAll({"TopK", {{"sorted", int64_t{0}}}, 21, 2}, {Floats({1, 2}), Int64s({2})});
  ASSERT_TRUE(unsorted.has_value());
  EXPECT_EQ((*unsorted)[0].MarkAt(0), kUnspecified);
}

TEST(NonZero, ARangeAroundZeroIsUndecidable) {
  const auto out = RunNode({"NonZero"}, {testing::Ranged(DataType::kFloat, -1e-9, 0, 1e-9)});
  ASSERT_FALSE(out.has_value());
  EXPECT_EQ(out.error().code, ErrorCode::kUndecidable);
}

TEST(Unique, SubtensorsWithCounts) {
  const auto out =
      RunNodeAll({"Unique", {{"axis", int64_t{0}}}, 21, 4}, {Int64s({2, 1, 0, 5, 2, 1}, {3, 2})});
  ASSERT_TRUE(out.has_value());
  EXPECT_EQ((*out)[0].ints, (Ints{0, 5, 2, 1}));
  EXPECT_EQ((*out)[1].ints, (Ints{1, 0}));
  EXPECT_EQ((*out)[2].ints, (Ints{1, 0, 1}));
  EXPECT_EQ((*out)[3].ints, (Ints{1, 2}));
}

TEST(QuantizeLinear, RoundsHalfToEvenAndSaturates) {
  const auto out = RunNode({"QuantizeLinear"}, {Floats({0.5, 1.5, -0.5, 1000, -1000}), Scalar(1),
                                                Integers(DataType::kInt8, {2}, {})});
  ASSERT_TRUE(out.has_value());
  EXPECT_EQ(out->type, DataType::kInt8);
  EXPECT_EQ(out->ints, (Ints{2, 4, 2, 127, -128}));
  EXPECT_TRUE(out->marks.empty());
  // With an odd zero point the tie depends on what is added first.
  const auto odd = RunNode({"QuantizeLinear"},
                           {Floats({0.5, 0.75}), Scalar(1), Integers(DataType::kInt8, {1}, {})});
  ASSERT_TRUE(odd.has_value());
  EXPECT_EQ(odd->marks, (std::vector<uint8_t>{kUndecidable, kDecided}));
}

// "The type of y_scale determines the precision of the division": x is rounded to it as well.
TEST(QuantizeLinear, DividesInTheScalesPrecision) {
  RangeTensor scale = Scalar(0.07977294921875);
  scale.type = DataType::kFloat16;
  const auto out = RunNode({"QuantizeLinear", {}, 25}, {Floats({-2.1926631927490234, 0}), scale});
  ASSERT_TRUE(out);
  EXPECT_EQ(out->MarkAt(0), kDecided) << "saturates";
  RangeTensor zero = Integers(DataType::kUint8, {127}, {});
  const auto moved =
      RunNode({"QuantizeLinear", {}, 25}, {Floats({-2.1926631927490234, 0}), scale, zero});
  ASSERT_TRUE(moved);
  EXPECT_EQ(moved->MarkAt(0), kUndecidable);
  EXPECT_EQ(moved->MarkAt(1), kDecided);
}

TEST(QuantizeLinear, DefaultsToUint8AndFollowsOutputDtype) {
  const auto plain = RunNode({"QuantizeLinear"}, {Floats({-3, 300}), Scalar(1)});
  ASSERT_TRUE(plain.has_value());
  EXPECT_EQ(plain->type, DataType::kUint8);
  EXPECT_EQ(plain->ints, (Ints{0, 255}));
  const auto int16 = static_cast<int64_t>(DataType::kInt16);
  const auto typed =
      RunNode({"QuantizeLinear", {{"output_dtype", int16}}}, {Floats({-3, 300}), Scalar(1)});
  ASSERT_TRUE(typed.has_value());
  EXPECT_EQ(typed->ints, (Ints{-3, 300}));
}

TEST(QuantizeLinear, OnlyTheNeighbourhoodOfABoundaryIsUndecidable) {
  const double tenth = static_cast<double>(0.1f);
  const auto out =
      RunNode({"QuantizeLinear"}, {Floats({static_cast<double>(0.25f), 0.26, 0.3}), Scalar(tenth)});
  ASSERT_TRUE(out.has_value());
  EXPECT_EQ(out->MarkAt(0), kUndecidable);  // 2.5 but for the rounding of 0.1
  EXPECT_EQ(out->MarkAt(1), kDecided);
  EXPECT_EQ(out->ints[1], 3);
  EXPECT_EQ(out->ints[2], 3);
  const auto ranged =
      RunNode({"QuantizeLinear"}, {testing::Ranged(DataType::kFloat, 2.4, 2.45, 2.6), Scalar(1)});
  ASSERT_TRUE(ranged.has_value());
  EXPECT_EQ(ranged->MarkAt(0), kUndecidable);
}

TEST(QuantizeLinear, InfinityAndNanAreUnspecified) {
  const double infinity = std::numeric_limits<double>::infinity();
  const auto out = RunNode({"QuantizeLinear"}, {Floats({infinity, std::nan("")}), Scalar(1)});
  ASSERT_TRUE(out.has_value());
  EXPECT_EQ(out->MarkAt(0), kUnspecified);
  EXPECT_EQ(out->MarkAt(1), kUnspecified);
}

TEST(DequantizeLinear, SignedWithoutZeroPointAndBlocked) {
  const auto out =
      RunNode({"DequantizeLinear"}, {Integers(DataType::kInt8, {-128, 127}), Scalar(0.5)});
  ASSERT_TRUE(out.has_value());
  EXPECT_EQ(out->value, (std::vector<double>{-64, 63.5}));
  EXPECT_FALSE(IsLegal(*out, 0, 0));  // what an unsigned quantisation in between would leave
  const auto blocked =
      RunNode({"DequantizeLinear", {{"axis", int64_t{1}}, {"block_size", int64_t{2}}}},
              {Integers(DataType::kUint4, {1, 2, 3, 4}, {1, 4}), Floats({1, 10}, {1, 2}),
               Integers(DataType::kUint4, {0, 1}, {1, 2})});
  ASSERT_TRUE(blocked.has_value()) << blocked.error().message;
  EXPECT_EQ(blocked->value, (std::vector<double>{1, 2, 20, 30}));
}

TEST(QLinearMatMul, RequantisesExactSums) {
  const auto u8 = [](Ints v, Shape s) { return Integers(DataType::kUint8, std::move(v), s); };
  const std::vector<RangeTensor> inputs = {
      u8({3, 5}, {1, 2}), Scalar(0.5), u8({1}, {}), u8({10, 20}, {2, 1}),
      Scalar(0.25),       u8({0}, {}), Scalar(2),   u8({7}, {})};
  // (2 * 10 + 4 * 20) / 16 = 6.25
  const auto out = RunNode({"QLinearMatMul"}, inputs);
  ASSERT_TRUE(out.has_value()) << out.error().message;
  EXPECT_EQ(out->ints, (Ints{13}));
  EXPECT_TRUE(out->marks.empty());
}

TEST(Resize, NearestIsExactAndUndecidableOnlyOnABoundary) {
  const RangeTensor x = Floats({1, 2}, {2});
  const NodeSpec floor = {"Resize",
                          {{"coordinate_transformation_mode", std::string("asymmetric")},
                           {"nearest_mode", std::string("floor")}}};
  const auto twice = RunNode(floor, {x, RangeTensor{}, Floats({2})});
  ASSERT_TRUE(twice.has_value());
  EXPECT_EQ(twice->value, (std::vector<double>{1, 1, 2, 2}));
  EXPECT_TRUE(twice->marks.empty());
  // 3 * (1 / 1.5) is 2 in exact arithmetic, and 3 / 1.5f too.
  const auto uneven = RunNode(floor, {Floats({1, 2, 3, 4}), RangeTensor{}, Floats({1.5})});
  ASSERT_TRUE(uneven.has_value());
  EXPECT_EQ(uneven->value, (std::vector<double>{1, 1, 2, 3, 3, 4}));
  EXPECT_EQ(uneven->MarkAt(3), kDecided);
}

// Whether 0 * inf is computed for a neighbour along an axis of scale 1 is open.
TEST(Resize, NeighbourAtWeightZeroMayMatter) {
  const double inf = std::numeric_limits<double>::infinity();
  const auto out = RunNode({"Resize", {{"mode", std::string("linear")}}},
                           {Floats({0, 0, 0, inf}, {1, 2, 2}), Floats({}), Floats({1, 2, 1})});
  ASSERT_TRUE(out);
  EXPECT_EQ(out->MarkAt(0), kUndecidable);
  const auto finite = RunNode({"Resize", {{"mode", std::string("linear")}}},
                              {Floats({0, 0, 0, 1}, {1, 2, 2}), Floats({}), Floats({1, 2, 1})});
  ASSERT_TRUE(finite);
  EXPECT_EQ(finite->MarkAt(0), kDecided);
}

TEST(Resize, LinearHoldsFloatArithmeticAndNotANeighbour) {
  const auto out = RunNode({"Resize", {{"mode", std::string("linear")}}},
                           {Floats({1, 2, 4}), RangeTensor{}, RangeTensor{}, Int64s({7})});
  ASSERT_TRUE(out.has_value());
  for (size_t i = 0; i < 7; ++i) {
    const float scale = 7.0f / 3.0f;
    const float at = std::clamp((static_cast<float>(i) + 0.5f) / scale - 0.5f, 0.0f, 2.0f);
    const auto left = static_cast<size_t>(at);
    const size_t right = std::min<size_t>(left + 1, 2);
    const float x[] = {1, 2, 4};
    const float ratio = at - static_cast<float>(left);
    const auto y = static_cast<double>(x[left] * (1 - ratio) + x[right] * ratio);
    EXPECT_TRUE(IsLegal(*out, i, y)) << i;
    EXPECT_FALSE(IsLegal(*out, i, y + 1e-5)) << i;
  }
}

ReferenceResult Evaluated(const char* text, std::vector<NamedTensor> inputs) {
  const Result<std::string> bytes = ParseModelText(text);
  EXPECT_TRUE(bytes.has_value()) << bytes.error().message;
  if (!bytes) return {};
  return Evaluate(*ParseModel(*bytes), inputs);
}

NamedTensor Int(const char* name, int64_t value) {
  Tensor tensor = Int64Tensor(Ints{value});
  tensor.shape = {};
  return {name, std::move(tensor)};
}

// Four products of one subnormal, each rounded to a multiple of the smallest.
TEST(Resize, LinearHoldsSubnormals) {
  const auto y = RunNode({"Resize", {{"mode", std::string("linear")}}},
                         {Floats({6 * 0x1p-149}, {1, 1}), RangeTensor{}, RangeTensor{},
                          Integers(DataType::kInt64, {1, 4})});
  ASSERT_TRUE(y) << y.error().message;
  EXPECT_TRUE(IsLegal(*y, 0, 8 * 0x1p-149));
  EXPECT_FALSE(IsLegal(*y, 0, 40 * 0x1p-149));
}

TEST(GridSample, LinearHoldsFloatArithmeticAndZerosOutside) {
  // One row of four; the grid points lie at 1.25 and, with zeros around, at 3.5 and far outside.
  const RangeTensor x = Floats({10, 20, 40, 80}, {1, 1, 1, 4});
  const auto at = [](double pixel) { return (2 * pixel + 1) / 4 - 1; };
  const RangeTensor grid = Floats({at(1.25), 0, at(3.5), 0, 9, 0}, {1, 1, 3, 2});
  const auto out = RunNode({"GridSample"}, {x, grid});
  ASSERT_TRUE(out.has_value()) << out.error().message;
  EXPECT_TRUE(IsLegal(*out, 0, 25));
  EXPECT_FALSE(IsLegal(*out, 0, 25.001));
  EXPECT_TRUE(IsLegal(*out, 1, 40));
  EXPECT_TRUE(IsLegal(*out, 2, 0));
  EXPECT_FALSE(IsLegal(*out, 2, 80));
  const auto nearest = RunNode({"GridSample", {{"mode", std::string("nearest")}}},
                               {x, Floats({at(1.25), 0, 0.3, 0, 9, 0}, {1, 1, 3, 2})});
  ASSERT_TRUE(nearest.has_value());
  EXPECT_EQ(nearest->value, (std::vector<double>{20, 40, 0}));
  EXPECT_TRUE(nearest->marks.empty());
}

TEST(MaxUnpool, IndicesOutsideMustBeRejected) {
  const char* text = R"(<ir_version: 10, opset_import: ["" : 21]>
g (float[1,1,1] x, int64[1,1,1] i) => (float[1,1,2] y) {
  y = MaxUnpool <kernel_shape = [2], strides = [2]> (x, i)
})";
  for (const int64_t index : {int64_t{1}, int64_t{2}, int64_t{-1}}) {
    Tensor x = MakeTensor(DataType::kFloat, {1, 1, 1});
    SetFloat(x, 0, 5);
    Tensor i = Int64Tensor(Ints{index});
    i.shape = {1, 1, 1};
    const ReferenceResult result = Evaluated(text, {{"x", x}, {"i", i}});
    EXPECT_EQ(result.must_reject, index != 1) << result.reason;
    if (index == 1) EXPECT_EQ(result.outputs[0].value, (std::vector<double>{0, 5}));
  }
}

// The index of a maximum that rounding decides: where one candidate is outside the axis, a runtime
// may refuse the case.
TEST(Gather, AnUndecidableIndexMayBeAnError) {
  const char* text = R"(<ir_version: 10, opset_import: ["" : 21]>
g (float[3] x, float[2] data) => (float y) {
  c = Exp (x)
  i = ArgMax <axis = 0, keepdims = 0> (c)
  y = Gather (data, i)
})";
  for (const float third : {1.0f, -1.0f}) {
    Tensor x = MakeTensor(DataType::kFloat, {3});
    for (size_t k = 0; k < 2; ++k) SetFloat(x, k, 1);
    SetFloat(x, 1, 0.5);
    SetFloat(x, 2, static_cast<double>(third));
    Tensor data = MakeTensor(DataType::kFloat, {2});
    const ReferenceResult result = Evaluated(text, {{"x", x}, {"data", data}});
    EXPECT_EQ(result.status, ReferenceStatus::kEvaluated) << result.reason;
    EXPECT_EQ(result.may_reject, third == 1.0f);
  }
}

TEST(MaxUnpool, AStrideOfZeroIsRejected) {
  const auto run = [](int64_t stride) {
    const std::vector<Attribute> attributes = {{"kernel_shape", Ints{1}},
                                               {"strides", Ints{stride}}};
    return RunNode({"MaxUnpool", attributes, 22},
                   {Floats({1}, {1, 1, 1}), Integers(DataType::kInt64, {0}, {1, 1, 1})});
  };
  EXPECT_TRUE(run(1));
  EXPECT_FALSE(run(0));
}

TEST(NonMaxSuppression, SuppressesByOverlapAndLeavesEqualityOpen) {
  const RangeTensor boxes = Floats({0, 0, 1, 1, 0, 0.1, 1, 1.1, 0, 10, 1, 11}, {1, 3, 4});
  const auto run = [&](double third) {
    return RunNode({"NonMaxSuppression"},
                   {boxes, Floats({0.9, 0.8, third}, {1, 1, 3}), Int64s({3}), Floats({0.5})});
  };
  const auto out = run(0.7);
  ASSERT_TRUE(out.has_value()) << out.error().message;
  EXPECT_EQ(out->ints, (Ints{0, 0, 0, 0, 0, 2}));
  const auto equal = run(0.9);
  EXPECT_FALSE(equal.has_value());
}

TEST(Loop, CarriesStateAndStacksScanOutputs) {
  const ReferenceResult result = Evaluated(R"(<ir_version: 10, opset_import: ["" : 21]>
g (int64 n, int64 start) => (int64 last, int64[k] all) {
  yes = Constant <value = bool {1}> ()
  last, all = Loop (n, yes, start) <body = b (int64 i, bool c, int64 s) =>
    (bool c_out, int64 s_out, int64 scan) {
      c_out = Identity (c)
      s_out = Add (s, i)
      scan = Identity (s_out)
    }>
})",
                                           {Int("n", 4), Int("start", 10)});
  ASSERT_EQ(result.status, ReferenceStatus::kEvaluated) << result.reason;
  ASSERT_EQ(result.outputs[0].opaque, Opaque::kNo) << result.outputs[0].opaque_reason;
  EXPECT_EQ(result.outputs[0].ints, (Ints{16}));
  EXPECT_EQ(result.outputs[1].ints, (Ints{10, 11, 13, 16}));
}

TEST(Loop, EndlessOneIsOverBudget) {
  const ReferenceResult result = Evaluated(R"(<ir_version: 10, opset_import: ["" : 21]>
g (int64 start) => (int64 last) {
  yes = Constant <value = bool {1}> ()
  last = Loop (, yes, start) <body = b (int64 i, bool c, int64 s) => (bool c_out, int64 s_out) {
      c_out = Identity (c)
      s_out = Identity (s)
    }>
})",
                                           {Int("start", 1)});
  EXPECT_EQ(result.status, ReferenceStatus::kOverBudget) << result.reason;
}

TEST(If, AnUncertainConditionMakesTheResultUndecidable) {
  const char* text = R"(<ir_version: 10, opset_import: ["" : 21]>
g (float x) => (float y) {
  e = Exp (x)
  bound = Constant <value = float {2.718281828}> ()
  c = Less (e, bound)
  y = If (c) <then_branch = a () => (float t) { t = Identity (x) },
              else_branch = b () => (float u) { u = Neg (x) }>
})";
  const ReferenceResult open = Evaluated(text, {{"x", FloatScalar(1)}});
  ASSERT_EQ(open.status, ReferenceStatus::kEvaluated) << open.reason;
  EXPECT_EQ(open.outputs[0].opaque, Opaque::kUndecidable);
  const ReferenceResult clear = Evaluated(text, {{"x", FloatScalar(2)}});
  ASSERT_EQ(clear.outputs[0].opaque, Opaque::kNo) << clear.outputs[0].opaque_reason;
  EXPECT_EQ(clear.outputs[0].value, (std::vector<double>{-2}));
}

TEST(Scan, SumsAlongAnAxisInReverse) {
  const ReferenceResult result = Evaluated(R"(<ir_version: 10, opset_import: ["" : 21]>
g (int64 start, int64[3] x) => (int64 last, int64[3] sums) {
  last, sums = Scan <num_scan_inputs = 1, scan_input_directions = [1], body =
    b (int64 s, int64 e) => (int64 s_out, int64 o) {
      s_out = Add (s, e)
      o = Identity (s_out)
    }> (start, x)
})",
                                           {Int("start", 0), {"x", Int64Tensor(Ints{1, 10, 100})}});
  ASSERT_EQ(result.status, ReferenceStatus::kEvaluated) << result.reason;
  EXPECT_EQ(result.outputs[0].ints, (Ints{111}));
  EXPECT_EQ(result.outputs[1].ints, (Ints{100, 110, 111}));
}

TEST(Scan, ADirectionIsZeroOrOne) {
  const ReferenceResult result = Evaluated(R"(<ir_version: 10, opset_import: ["" : 21]>
g (int64 start, int64[3] x) => (int64 last) {
  last = Scan <num_scan_inputs = 1, scan_input_directions = [2], body =
    b (int64 s, int64 e) => (int64 s_out) { s_out = Add (s, e) }> (start, x)
})",
                                           {Int("start", 0), {"x", Int64Tensor(Ints{1, 10, 100})}});
  EXPECT_EQ(result.status, ReferenceStatus::kRejected);
}

TEST(Indices, OutOfRangeMustBeRejected) {
  const char* extract = R"(<ir_version: 10, opset_import: ["" : 21, "ai.onnx.ml" : 3]>
g (float[1,3] x, int64[1] i) => (float[1,1] y) { y = ai.onnx.ml.ArrayFeatureExtractor (x, i) })";
  const char* gather = R"(<ir_version: 10, opset_import: ["" : 21]>
g (float[1,3] x, int64[1] i) => (float[1,1] y) { y = Gather <axis = 1> (x, i) })";
  for (const char* text : {extract, gather}) {
    for (const int64_t index : {int64_t{3}, int64_t{-4}}) {
      const ReferenceResult result = Evaluated(
          text, {{"x", MakeTensor(DataType::kFloat, {1, 3})}, {"i", Int64Tensor(Ints{index})}});
      EXPECT_EQ(result.status, ReferenceStatus::kRejected);
      EXPECT_TRUE(result.must_reject) << result.reason;
    }
    const ReferenceResult fine =
        Evaluated(text, {{"x", MakeTensor(DataType::kFloat, {1, 3})}, {"i", Int64Tensor(Ints{2})}});
    EXPECT_EQ(fine.status, ReferenceStatus::kEvaluated) << fine.reason;
  }
}

}  // namespace
}  // namespace moire
