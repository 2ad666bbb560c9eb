// Sizes that fit together: found where there are some, left alone where they fit already.
#include "synth/shape_repair.h"

#include <gtest/gtest.h>

#include "oracles/reference/reference.h"
#include "synth/minimality.h"
#include "synth/sketch_testing.h"

namespace moire {
namespace {

using testing::FromText;

ReferenceStatus StatusOf(const Sketch& sketch) {
  return Evaluate(sketch.model, sketch.inputs).status;
}

// Sets one dim of a source (inputs, then initializers), and nothing else.
Sketch WithDim(Sketch sketch, size_t tensor, size_t axis, int64_t size) {
  EXPECT_TRUE(SetDimVariable(sketch, {0, {{SizeSite::Kind::kDim, tensor, axis, {}}}}, size));
  return sketch;
}

std::vector<Shape> ShapesOf(Sketch sketch) {
  std::vector<Shape> shapes;
  for (const Tensor* tensor : Tensors(sketch)) shapes.push_back(tensor->shape);
  return shapes;
}

// The edit alone is refused; with repair it is whole, and keeps its size. The shapes after it.
std::vector<Shape> Repaired(std::string_view graph, size_t tensor, size_t axis, int64_t size) {
  const Sketch before = FromText(graph);
  EXPECT_EQ(StatusOf(before), ReferenceStatus::kEvaluated);
  const Sketch edited = WithDim(before, tensor, axis, size);
  EXPECT_EQ(StatusOf(edited), ReferenceStatus::kRejected);
  std::optional<Sketch> whole = RepairShapes(edited, before, ComputeValues(before));
  if (!whole) {
    ADD_FAILURE() << "not repaired: " << graph;
    return {};
  }
  EXPECT_TRUE(Repair(*whole));
  EXPECT_EQ(StatusOf(*whole), ReferenceStatus::kEvaluated) << graph;
  const std::vector<Shape> shapes = ShapesOf(*whole);
  EXPECT_EQ(shapes[tensor][axis], size);
  return shapes;
}

TEST(ShapeRepair, PartnersFollow) {
  // What broadcasts, MatMul's inner dim, Concat's other dims.
  EXPECT_EQ(Repaired("(float[4,6] a, float[4,6] b) => (float[4,6] y) { y = Add(a, b) }", 0, 1, 3),
            (std::vector<Shape>{{4, 3}, {4, 3}}));
  EXPECT_EQ(
      Repaired("(float[4,6] a, float[6,5] b) => (float[4,5] y) { y = MatMul(a, b) }", 1, 0, 2),
      (std::vector<Shape>{{4, 2}, {2, 5}}));
  EXPECT_EQ(Repaired("(float[4,6] a, float[4,2] b) => (float[4,8] y) "
                     "{ y = Concat<axis = 1>(a, b) }",
                     0, 0, 3),
            (std::vector<Shape>{{3, 6}, {3, 2}}));
  EXPECT_EQ(Repaired("(float[4,6] a, float[6,3] b, float[3] c) => (float[4,3] y) "
                     "{ y = Gemm<transA = 0>(a, b, c) }",
                     1, 1, 2),
            (std::vector<Shape>{{4, 6}, {6, 2}, {2}}));
}

TEST(ShapeRepair, ConvTakesItsChannelsAlong) {
  EXPECT_EQ(Repaired("(float[1,4,5,5] x, float[6,2,3,3] w, float[6] b) => (float[1,6,3,3] y) "
                     "{ y = Conv<group = 2>(x, w, b) }",
                     1, 1, 1),
            (std::vector<Shape>{{1, 2, 5, 5}, {6, 1, 3, 3}, {6}}));
}

TEST(ShapeRepair, ReshapeIsToldTheNewSizes) {
  const Sketch before = FromText(
      "(float[4,6] x) => (float[6,4] y) <int64[2] shape = {6, 4}> { y = Reshape(x, shape) }");
  const Sketch edited = WithDim(before, 0, 0, 2);
  const auto whole = RepairShapes(edited, before, ComputeValues(before));
  ASSERT_TRUE(whole);
  EXPECT_EQ(StatusOf(*whole), ReferenceStatus::kEvaluated);
  const Tensor& shape = whole->model.graph.initializers.at(0).tensor;
  EXPECT_EQ(GetInt(shape, 0) * GetInt(shape, 1), Count(whole->inputs.at(0).tensor.shape));
  EXPECT_EQ(whole->inputs.at(0).tensor.shape.at(0), 2);
}

// A bypass joins values of two shapes: the sizes before it follow those behind it, or the other
// way.
TEST(ShapeRepair, ABypassIsMadeToFit) {
  const Sketch before = FromText(
      "(float[4,6] x, float[4,3] z) => (float[4,3] y) <int64[2] shape = {4, 3}, int64[1] two = "
      "{3}, "
      "int64[1] one = {1}, int64[1] zero = {0}> "
      "{ a = Slice(x, zero, two, one) b = Tanh(a) y = Add(b, z) }");
  Sketch edited = before;
  edited.model.graph.nodes.erase(edited.model.graph.nodes.begin());
  Redirect(edited, "a", "x");
  ASSERT_TRUE(Repair(edited));
  ASSERT_EQ(StatusOf(edited), ReferenceStatus::kRejected);
  std::optional<Sketch> whole = RepairShapes(edited, before, ComputeValues(before));
  ASSERT_TRUE(whole);
  EXPECT_EQ(StatusOf(*whole), ReferenceStatus::kEvaluated);
}

// The clean twin: nothing is changed where everything fits.
TEST(ShapeRepair, WhatFitsIsLeftAlone) {
  const Sketch sketch = FromText("(float[4,6] a, float[6] b) => (float[4,6] y) { y = Mul(a, b) }");
  EXPECT_FALSE(RepairShapes(sketch, sketch, ComputeValues(sketch)));
}

// Windows with auto_pad, slices and blocks are said by the same rules as the mutants'.
TEST(ShapeRepair, WhatIsCutAndPaddedFollows) {
  EXPECT_EQ(Repaired("(float[4,6] x, float[4,3] z) => (float[4,3] y) <int64[1] start = {0}, "
                     "int64[1] end = {3}, int64[1] axis = {1}> "
                     "{ a = Slice(x, start, end, axis) y = Add(a, z) }",
                     1, 0, 2),
            (std::vector<Shape>{{2, 6}, {2, 3}, {1}, {1}, {1}}));
  EXPECT_EQ(Repaired("(float[1,8,2,2] x, float[1,2,4,4] z) => (float[2,2,4,4] y) "
                     "{ a = DepthToSpace<blocksize = 2>(x) y = Concat<axis = 0>(a, z) }",
                     1, 1, 1),
            (std::vector<Shape>{{1, 4, 2, 2}, {1, 1, 4, 4}}));
}

TEST(ShapeRepair, WhatCannotFitIsGivenUp) {
  // Both dims are what the edit made them.
  const Sketch before = FromText("(float[4] a, float[4] b) => (float[4] y) { y = Add(a, b) }");
  const Sketch edited = WithDim(WithDim(before, 0, 0, 2), 1, 0, 3);
  EXPECT_FALSE(RepairShapes(edited, before, ComputeValues(before)));
  // An operator that is not modelled holds what it reads.
  const Sketch frozen = FromText(
      "(float[4,6] x) => (float[4,6] y) <int64[1] six = {6}> "
      "{ a, i = TopK(x, six) b = Tanh(a) y = Add(b, x) }");
  EXPECT_FALSE(RepairShapes(WithDim(frozen, 0, 0, 2), frozen, ComputeValues(frozen)));
}

TEST(ShapeRepair, TheSmallestShapesAtOnce) {
  const auto smallest = [&](std::string_view graph) {
    const Sketch sketch = FromText(graph);
    std::optional<Sketch> small = SmallestShapes(sketch, ComputeValues(sketch));
    if (!small) return std::vector<Shape>();
    EXPECT_EQ(StatusOf(*small), ReferenceStatus::kEvaluated) << graph;
    return ShapesOf(*small);
  };
  EXPECT_EQ(smallest("(float[8,6] a, float[6,9] b, float[8,4] c) => (float[8,13] y) "
                     "{ m = MatMul(a, b) y = Concat<axis = 1>(m, c) }"),
            (std::vector<Shape>{{1, 1}, {1, 1}, {1, 1}}));
  EXPECT_EQ(smallest("(float[2,3,9,9] x) => (float[2,3,4,4] y) "
                     "{ y = MaxPool<kernel_shape = [3, 3], strides = [2, 2]>(x) }"),
            (std::vector<Shape>{{1, 1, 3, 3}}));
  EXPECT_EQ(smallest("(float[1,1] x) => (float[1,1] y) { y = Abs(x) }"), std::vector<Shape>());
}

// A failure that needs two sizes to go down together, which no single replacement of a number does.
TEST(ShapeRepair, ReductionCountsWhatItRepaired) {
  const Sketch sketch =
      FromText("(float[3,8] x, float[5,8] z) => (float[8,8] y) { y = Concat<axis = 0>(x, z) }");
  const auto result = Reduce(ToCase(sketch), [](const Case& candidate) {
    const Result<Model> model = ParseModel(candidate.model);
    if (!model || Evaluate(*model, candidate.inputs).status != ReferenceStatus::kEvaluated) {
      return false;
    }
    // Two inputs of different shapes with more than one column.
    return candidate.inputs.size() == 2 &&
           candidate.inputs[0].tensor.shape != candidate.inputs[1].tensor.shape &&
           candidate.inputs[0].tensor.shape.size() == 2 &&
           candidate.inputs[0].tensor.shape[1] > 1 && model->graph.nodes[0].op == "Concat";
  });
  ASSERT_TRUE(result);
  EXPECT_TRUE(result->minimal);
  EXPECT_GT(result->repaired, 0);
  EXPECT_EQ(result->reduced.inputs[0].tensor.shape.at(1), 2);
}

}  // namespace
}  // namespace moire
