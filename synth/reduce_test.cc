// The search and each pass, on planted conditions whose smallest case is known.
#include "synth/reduce.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "harness/case/onnx_adapter.h"
#include "oracles/reference/reference.h"
#include "synth/edit.h"
#include "synth/load.h"

namespace moire {
namespace {

Case FromText(std::string_view text, uint64_t seed = 1) {
  const auto bytes = ParseModelText(text);
  EXPECT_TRUE(bytes) << bytes.error().message;
  Case test_case;
  test_case.model = *bytes;
  const auto model = ParseModel(test_case.model);
  EXPECT_TRUE(model) << model.error().message;
  LoadOptions options;
  options.seed = seed;
  test_case.inputs = *GenerateInputs(*model, options);
  return test_case;
}

Model ModelOf(const Case& test_case) { return *ParseModel(test_case.model); }

bool IsValid(const Case& test_case) {
  return CheckModel(test_case.model, true).has_value() &&
         Evaluate(ModelOf(test_case), test_case.inputs).status == ReferenceStatus::kEvaluated;
}

int64_t CountOp(const Model& model, std::string_view op) {
  return std::ranges::count_if(model.graph.nodes, [&](const Node& n) { return n.op == op; });
}

constexpr std::string_view kChain = R"(<ir_version: 8, opset_import: ["" : 17]>
  agraph (float[4,6] x, float[4,6] y) => (float[4,6] out, float[4,6] other)
  <float[1] two = {2}> {
    a = Add(x, y)
    b = Mul(a, two)
    c = Tanh(b)
    d = Sub(c, y)
    e = Relu(d)
    f = Abs(e)
    out = Neg(f)
    other = Exp(b)
  })";

// A fault in one node among many.
TEST(Reduce, OneNodeIsLeft) {
  const Case original = FromText(kChain);
  const auto result =
      Reduce(original, [](const Case& c) { return IsValid(c) && CountOp(ModelOf(c), "Sub") == 1; });
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->nodes_before, 8);
  EXPECT_EQ(result->nodes_after, 1);
  EXPECT_TRUE(result->minimal);
  EXPECT_LE(result->bytes_after, result->bytes_before);
  const Model model = ModelOf(result->reduced);
  EXPECT_EQ(model.graph.outputs.size(), 1u);
  // Shapes, rank and values are as small as they get.
  int64_t elements = 0;
  for (const NamedTensor& input : result->reduced.inputs) {
    elements += input.tensor.size();
    EXPECT_TRUE(input.tensor.shape.empty());
    EXPECT_EQ(GetFloat(input.tensor, 0), 0);
  }
  EXPECT_EQ(elements, 1);  // Sub(x, x)
}

// The declaration of an input takes more bytes than a small constant. By itself a result is never
// larger than its original; where cases of one bug are to end alike, it may be.
TEST(Reduce, ConstantsBecomeInputsWhereBytesAllow) {
  const Case original = FromText(R"(<ir_version: 10, opset_import: ["" : 26]>
    g () => (float[1] y) <float a = {0}, float[1] b = {-10.5}> { y = Sub(b, a) })");
  const auto interesting = [](const Case& c) {
    return IsValid(c) && CountOp(ModelOf(c), "Sub") == 1;
  };
  const auto small = Reduce(original, interesting);
  ASSERT_TRUE(small) << small.error().message;
  EXPECT_LE(small->bytes_after, small->bytes_before);
  ReduceOptions options;
  options.max_bytes = 4096;
  const auto plain = Reduce(original, interesting, options);
  ASSERT_TRUE(plain) << plain.error().message;
  EXPECT_TRUE(ModelOf(plain->reduced).graph.initializers.empty());
  EXPECT_TRUE(plain->minimal);
}

// A runtime that dies of what is to be refused: no shape is known behind it.
TEST(Reduce, WhatTheReferenceRefusesIsReducedToo) {
  const Case original = FromText(R"(<ir_version: 8, opset_import: ["" : 17]>
  agraph (float[4] x) => (float[1] out, float[4] other)
  <int64[1] nine = {9}> {
    a = Tanh(x)
    b = Gather(a, nine)
    out = Neg(b)
    c = Exp(a)
    other = Abs(c)
  })");
  const auto result = Reduce(original, [](const Case& c) {
    return CountOp(ModelOf(c), "Gather") == 1 &&
           Evaluate(ModelOf(c), c.inputs).status == ReferenceStatus::kRejected;
  });
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->nodes_after, 1);
}

TEST(Reduce, TwoNodesThatBelongTogetherStayConnected) {
  const auto connected = [](const Case& c) {
    if (!IsValid(c)) return false;
    const Model model = ModelOf(c);
    for (const Node& a : model.graph.nodes) {
      for (const Node& b : model.graph.nodes) {
        if (a.op == "Tanh" && b.op == "Relu" && a.outputs[0] == b.inputs[0]) return true;
      }
    }
    // In the original a Sub lies between them.
    return CountOp(model, "Tanh") == 1 && CountOp(model, "Relu") == 1 && CountOp(model, "Sub") == 1;
  };
  const auto result = Reduce(FromText(kChain), connected);
  ASSERT_TRUE(result);
  EXPECT_EQ(result->nodes_after, 2);
}

TEST(Reduce, TwoOutputsWhereBothAreNeeded) {
  const auto result = Reduce(FromText(kChain), [](const Case& c) {
    return IsValid(c) && ModelOf(c).graph.outputs.size() == 2;
  });
  ASSERT_TRUE(result);
  EXPECT_EQ(ModelOf(result->reduced).graph.outputs.size(), 2u);
  EXPECT_EQ(result->nodes_after, 2);
}

TEST(Reduce, RefusesAnOriginalThatDoesNotFail) {
  const auto result = Reduce(FromText(kChain), [](const Case&) { return false; });
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kInvalidInput);
}

// A test that only the original passes must leave it as it is.
TEST(Reduce, CleanTwin) {
  const Case original = FromText(kChain);
  const auto result = Reduce(original, [&](const Case& c) { return c == original; });
  ASSERT_TRUE(result);
  EXPECT_EQ(result->reduced, original);
  EXPECT_EQ(result->nodes_after, result->nodes_before);
}

TEST(Reduce, KeepsTheValueThatMatters) {
  Case original = FromText(kChain);
  SetFloat(original.inputs[1].tensor, 7, -77);
  const auto result = Reduce(original, [](const Case& c) {
    if (!IsValid(c)) return false;
    return std::ranges::any_of(c.inputs, [](const NamedTensor& input) {
      for (int64_t i = 0; i < input.tensor.size(); ++i) {
        if (GetFloat(input.tensor, i) == -77) return true;
      }
      return false;
    });
  });
  ASSERT_TRUE(result);
  EXPECT_EQ(result->nodes_after, 1);
  EXPECT_TRUE(result->minimal);
}

TEST(Reduce, ShapesFollowThroughReshape) {
  const auto result =
      Reduce(FromText(R"(<ir_version: 8, opset_import: ["" : 17]>
    agraph (float[4,6] x) => (float[6,4] y) <int64[2] shape = {6, 4}> { y = Reshape(x, shape) })"),
             [](const Case& c) { return IsValid(c) && CountOp(ModelOf(c), "Reshape") == 1; });
  ASSERT_TRUE(result);
  const Case& reduced = result->reduced;
  EXPECT_LE(reduced.inputs.at(0).tensor.size(), 1);
}

TEST(Reduce, AttributesGo) {
  const auto result =
      Reduce(FromText(R"(<ir_version: 8, opset_import: ["" : 17]>
    agraph (float[3,5] a, float[5,3] b) => (float[3,3] y) {
      y = Gemm<alpha = 0.5, beta = 2.0, transB = 0>(a, b) })"),
             [](const Case& c) { return IsValid(c) && CountOp(ModelOf(c), "Gemm") == 1; });
  ASSERT_TRUE(result);
  EXPECT_TRUE(ModelOf(result->reduced).graph.nodes[0].attributes.empty());
}

TEST(Reduce, TypesBecomePlain) {
  const auto result =
      Reduce(FromText(R"(<ir_version: 8, opset_import: ["" : 17]>
    agraph (uint8[3] a, uint8[3] b) => (uint8[3] y) { y = Add(a, b) })"),
             [](const Case& c) { return IsValid(c) && CountOp(ModelOf(c), "Add") == 1; });
  ASSERT_TRUE(result);
  EXPECT_EQ(result->reduced.inputs.at(0).tensor.type, DataType::kInt64);
}

// Saturation shows at the end of a type: the values move with the type.
TEST(Reduce, TypesBecomePlainWithTheEndsOfTheirRange) {
  Case original = FromText(R"(<ir_version: 8, opset_import: ["" : 17]>
    agraph (int8[1] a, int8[1] b) => (int8[1] y) { y = Mul(a, b) })");
  SetInt(original.inputs[0].tensor, 0, 100);
  SetInt(original.inputs[1].tensor, 0, 3);
  const auto result = Reduce(original, [](const Case& c) {
    if (!IsValid(c) || CountOp(ModelOf(c), "Mul") != 1) return false;
    const auto at = [&](const std::string& name) -> const Tensor& {
      return std::ranges::find(c.inputs, name, &NamedTensor::name)->tensor;
    };
    const Model model = ModelOf(c);
    const Node& node = model.graph.nodes[0];
    const Tensor& a = at(node.inputs[0]);
    if (Traits(a.type).bits > 16) return false;
    const double product =
        static_cast<double>(GetInt(a, 0)) * static_cast<double>(GetInt(at(node.inputs[1]), 0));
    return product > static_cast<double>(IntegerMax(a.type));
  });
  ASSERT_TRUE(result);
  EXPECT_EQ(result->reduced.inputs.at(0).tensor.type, DataType::kInt16);
}

TEST(Reduce, RanksTakeTheirAxesAlong) {
  const auto smallest = [](std::string_view text, std::string_view op) {
    const auto result = Reduce(FromText(text), [op](const Case& c) {
      if (!IsValid(c) || CountOp(ModelOf(c), op) != 1) return false;
      // Along the node's axis there are two elements.
      const Shape& shape = c.inputs.at(0).tensor.shape;
      return std::ranges::count(shape, 2) == 1 && Count(shape) == 2;
    });
    EXPECT_TRUE(result);
    return std::pair(result->reduced.inputs.at(0).tensor.shape,
                     ModelOf(result->reduced).graph.nodes.at(0).attributes.size());
  };
  EXPECT_EQ(smallest(R"(<ir_version: 8, opset_import: ["" : 17]>
    agraph (float[1,1,2] x) => (int64[1,1,1] y) { y = ArgMax<axis = 2>(x) })",
                     "ArgMax"),
            std::pair(Shape{2}, size_t{0}));
  EXPECT_EQ(smallest(R"(<ir_version: 8, opset_import: ["" : 17]>
    agraph (float[1,1,1,2] x) => (float[1,1,1,2] y) {
      y = AveragePool<kernel_shape = [1, 1], pads = [0, 0, 0, 0]>(x) })",
                     "AveragePool"),
            std::pair(Shape{1, 1, 2}, size_t{1}));
}

TEST(Reduce, OneSourceServesForTwo) {
  const auto result = Reduce(FromText(R"(<ir_version: 8, opset_import: ["" : 17]>
    agraph (float[2] a, float[2] b, float[2] c) => (float[2] y) <float[2] d = {1, 2}> {
      y = Max(a, b, c, d) })"),
                             [](const Case& c) {
                               return IsValid(c) && CountOp(ModelOf(c), "Max") == 1 &&
                                      ModelOf(c).graph.nodes[0].inputs.size() >= 2;
                             });
  ASSERT_TRUE(result);
  const Model model = ModelOf(result->reduced);
  EXPECT_EQ(model.graph.nodes[0].inputs, (std::vector<std::string>{"x0", "x0"}));
  EXPECT_TRUE(model.graph.initializers.empty());
}

// Cast, then anything.
TEST(Reduce, OperatorsBecomePlain) {
  for (const std::string_view second : {"Floor(b)", "Mul(b, b)", "CumSum(b, axis)"}) {
    const auto result =
        Reduce(FromText(fmt::format(R"(<ir_version: 8, opset_import: ["" : 17]>
          agraph (float[2] a) => (float16[2] y) <int64 axis = {{0}}> {{
            b = Cast<to = 10>(a)
            y = {} }})",
                                    second)),
               [](const Case& c) {
                 const Model model = ModelOf(c);
                 if (!IsValid(c) || model.graph.nodes.size() != 2) return false;
                 return model.graph.nodes[0].op == "Cast" &&
                        model.graph.nodes[1].inputs[0] == model.graph.nodes[0].outputs[0];
               });
    ASSERT_TRUE(result) << second;
    EXPECT_EQ(ModelOf(result->reduced).graph.nodes[1].op, "Neg") << second;
  }
}

TEST(Reduce, AutomaticPadsBecomeNumbers) {
  const auto result = Reduce(
      FromText(R"(<ir_version: 8, opset_import: ["" : 17]>
    agraph (float[1,1,3] x) => (float[1,1,3] y) {
      y = AveragePool<kernel_shape = [2], auto_pad = "SAME_UPPER">(x) })"),
      [](const Case& c) { return IsValid(c) && ModelOf(c).graph.nodes[0].attributes.size() == 2; });
  ASSERT_TRUE(result);
  EXPECT_EQ(ModelOf(result->reduced).graph.nodes[0].IntList("pads").size(), 2u);
}

// A runtime that gives a required attribute a default does not make the model ONNX.
TEST(Reduce, RequiredAttributesStay) {
  const auto result = Reduce(FromText(R"(<ir_version: 8, opset_import: ["" : 17]>
    agraph (float[2] a, float[2] b) => (float[4] y) { y = Concat<axis = 0>(a, b) })"),
                             [](const Case& c) { return CountOp(ModelOf(c), "Concat") == 1; });
  ASSERT_TRUE(result);
  EXPECT_EQ(ModelOf(result->reduced).graph.nodes[0].attributes.size(), 1u);
}

TEST(Reduce, WhatIsSmallAlreadyIsProvenMinimal) {
  const auto fails = [](const Case& c) { return CountOp(ModelOf(c), "Relu") == 1; };
  const auto once = Reduce(FromText(kChain), fails);
  ASSERT_TRUE(once);
  const auto again = Reduce(once->reduced, fails);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->reduced, once->reduced);
  EXPECT_TRUE(again->minimal);
}

TEST(Reduce, TimeAndChecksAreBounded) {
  ReduceOptions options;
  options.max_checks = 5;
  const auto result = Reduce(FromText(kChain), [](const Case&) { return true; }, options);
  ASSERT_TRUE(result);
  EXPECT_LE(result->checks, 5);
  EXPECT_FALSE(result->minimal);
}

TEST(Reduce, SubgraphsKeepWhatTheyReadFromOutside) {
  const Case original = FromText(R"(<ir_version: 8, opset_import: ["" : 17]>
    agraph (float[2] x, bool cond) => (float[2] y) {
      a = Relu(x)
      b = Neg(a)
      y = If(cond) <
        then_branch = g1 () => (float[2] t) { t = Abs(b) },
        else_branch = g2 () => (float[2] e) { e = Exp(a) }>
    })");
  const auto result = Reduce(original, [](const Case& c) {
    return CheckModel(c.model, false).has_value() && CountOp(ModelOf(c), "If") == 1;
  });
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(CountOp(ModelOf(result->reduced), "If"), 1);
  EXPECT_EQ(ModelOf(result->reduced).graph.nodes.size(), 1u);
}

}  // namespace
}  // namespace moire
