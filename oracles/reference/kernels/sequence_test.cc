// Sequences, optionals and complex elements: through the kernels, and through graphs.
#include <gtest/gtest.h>

#include "harness/case/onnx_adapter.h"
#include "oracles/reference/kernels/kernel_testing.h"
#include "oracles/reference/reference.h"

namespace moire {
namespace {

using testing::Floats;
using testing::Integers;
using testing::RunNode;

RangeTensor Sequence(std::vector<RangeTensor> parts) {
  return MakeParts(OnnxKind::kSequence, std::move(parts));
}
RangeTensor Position(int64_t at) { return Integers(DataType::kInt64, {at}, {}); }

ReferenceResult EvaluateText(const char* text, std::vector<NamedTensor> inputs) {
  const Model model = *ParseModel(*ParseModelText(text));
  return Evaluate(model, inputs);
}

TEST(Sequence, PositionsCountFromEitherEnd) {
  const RangeTensor three = Sequence({Floats({1}), Floats({2}), Floats({3})});
  EXPECT_EQ(RunNode({"SequenceAt"}, {three, Position(-1)})->value[0], 3);
  const auto inserted = RunNode({"SequenceInsert"}, {three, Floats({9}), Position(-1)});
  ASSERT_EQ(inserted->parts.size(), 4u);
  EXPECT_EQ(inserted->parts[2].value[0], 9);
  EXPECT_EQ(inserted->parts[3].value[0], 3);
  const auto erased = RunNode({"SequenceErase"}, {three, Position(0)});
  ASSERT_EQ(erased->parts.size(), 2u);
  EXPECT_EQ(erased->parts[0].value[0], 2);
  EXPECT_FALSE(RunNode({"SequenceAt"}, {three, Position(3)}));
  EXPECT_FALSE(RunNode({"SequenceInsert"}, {three, Floats({9}), Position(4)}));
  EXPECT_FALSE(RunNode({"SequenceErase"}, {Sequence({})}));
}

TEST(Sequence, MarksAndRangesSurvive) {
  RangeTensor unsure = Floats({1, 2});
  unsure.AddMark(1, kUndecidable);
  const auto joined = RunNode({"ConcatFromSequence", {{"axis", int64_t{0}, {}}}},
                              {Sequence({Floats({5}), unsure})});
  ASSERT_TRUE(joined) << joined.error().message;
  EXPECT_EQ(joined->value, (std::vector<double>{5, 1, 2}));
  EXPECT_EQ(joined->MarkAt(1), kDecided);
  EXPECT_EQ(joined->MarkAt(2), kUndecidable);
  const auto stacked =
      RunNode({"ConcatFromSequence", {{"axis", int64_t{-1}, {}}, {"new_axis", int64_t{1}, {}}}},
              {Sequence({Floats({1, 2}), Floats({3, 4})})});
  EXPECT_EQ(stacked->value, (std::vector<double>{1, 3, 2, 4}));
}

TEST(Sequence, WhatIsNotSaidIsNotComputed) {
  const auto nothing = RunNode({"ConcatFromSequence", {{"axis", int64_t{0}, {}}}}, {Sequence({})});
  EXPECT_EQ(nothing.error().code, ErrorCode::kUndecidable);
  const auto empty = RunNode({"OptionalGetElement"}, {MakeParts(OnnxKind::kOptional, {})});
  EXPECT_EQ(empty.error().code, ErrorCode::kUndecidable);
}

TEST(Sequence, SplitsUnevenlyByAScalar) {
  const auto split =
      RunNode({"SplitToSequence"}, {Floats({1, 2, 3, 4, 5}), Integers(DataType::kInt64, {2}, {})});
  ASSERT_EQ(split->parts.size(), 3u);
  EXPECT_EQ(split->parts[2].value, (std::vector<double>{5}));
  const auto rows =
      RunNode({"SplitToSequence", {{"keepdims", int64_t{0}, {}}}}, {Floats({1, 2, 3, 4}, {2, 2})});
  EXPECT_EQ(rows->parts[1].shape, (Shape{2}));
}

TEST(Sequence, GraphsPassThemAndOtherOperatorsDoNotSeeThem) {
  const ReferenceResult result = EvaluateText(R"(<ir_version: 10, opset_import: ["" : 21]>
g (float[2] x) => (float[2] y, int64 n, float[2] z) {
  s = SequenceConstruct (x, x)
  two = Constant <value = int64 {1}> ()
  y = SequenceAt (s, two)
  n = SequenceLength (s)
  z = Relu (s) })",
                                              {{"x", MakeTensor(DataType::kFloat, {2})}});
  ASSERT_EQ(result.status, ReferenceStatus::kEvaluated) << result.reason;
  EXPECT_EQ(result.outputs[0].shape, (Shape{2}));
  EXPECT_EQ(result.outputs[1].ints[0], 2);
  EXPECT_EQ(result.outputs[2].opaque, Opaque::kUnsupported);
}

TEST(Sequence, MapRunsItsBodyForEachElement) {
  const ReferenceResult result = EvaluateText(R"(<ir_version: 10, opset_import: ["" : 21]>
g (float[2] x) => (float[c] y) {
  s = SequenceConstruct (x, x)
  t = SequenceMap <body = b (float[k] e, float[k] other) => (float[k] r) { r = Add (e, other) }> (s, x)
  y = ConcatFromSequence <axis = 0> (t) })",
                                              {{"x", [] {
                                                  Tensor x = MakeTensor(DataType::kFloat, {2});
                                                  SetFloat(x, 0, 3);
                                                  return x;
                                                }()}});
  ASSERT_EQ(result.status, ReferenceStatus::kEvaluated) << result.reason;
  ASSERT_EQ(result.outputs[0].opaque, Opaque::kNo) << result.outputs[0].opaque_reason;
  EXPECT_EQ(result.outputs[0].value, (std::vector<double>{6, 0, 6, 0}));
}

TEST(Sequence, OptionalsSayWhetherTheyHold) {
  EXPECT_EQ(RunNode({"OptionalHasElement"}, {Floats({1})})->ints[0], 1);
  EXPECT_EQ(RunNode({"OptionalHasElement"}, {MakeParts(OnnxKind::kOptional, {})})->ints[0], 0);
  EXPECT_EQ(RunNode({"OptionalHasElement"}, {})->ints[0], 0);
  const auto held = RunNode({"Optional"}, {Floats({7})});
  EXPECT_EQ(RunNode({"OptionalGetElement"}, {*held})->value[0], 7);
}

TEST(Complex, MovesAndComparesByParts) {
  Tensor x = MakeTensor(DataType::kComplex64, {2});
  x.As<float>()[0] = 1;
  x.As<float>()[3] = -2;
  const ReferenceResult moved = EvaluateText(R"(<ir_version: 10, opset_import: ["" : 21]>
g (complex64[2] x) => (complex64[4] y) { y = Concat <axis = 0> (x, x) })",
                                             {{"x", x}});
  ASSERT_EQ(moved.outputs[0].opaque, Opaque::kNo) << moved.outputs[0].opaque_reason;
  Tensor y = ToTensor(moved.outputs[0]);
  EXPECT_EQ(y.As<float>()[7], -2);
  EXPECT_TRUE(Legal(moved.outputs[0], y, 3));
  y.As<float>()[7] = -3;
  EXPECT_FALSE(Legal(moved.outputs[0], y, 3));
  y.As<float>()[2] = -0.0f;
  EXPECT_TRUE(Legal(moved.outputs[0], y, 1));
}

}  // namespace
}  // namespace moire
