// For each operator with a rule of its own: a node that breaks it is refused, what the solver makes
// of it passes ONNX's checker with full shape inference and runs.
#include "harness/shapes/node_solver.h"

#include <gtest/gtest.h>

#include "harness/backends/backend.h"
#include "harness/case/onnx_adapter.h"
#include "harness/shapes/node_terms.h"
#include "harness/shapes/rules.h"

namespace moire::shapes {
namespace {

Model FromText(std::string_view graph, int64_t opset) {
  const auto bytes =
      ParseModelText(fmt::format("<ir_version: 8, opset_import: [\"\" : {}]> g {}", opset, graph));
  EXPECT_TRUE(bytes) << bytes.error().message << graph;
  return bytes ? ParseModel(*bytes).value() : Model();
}

std::optional<Ints> Contents(const Tensor& tensor) {
  if (tensor.size() > 64) return std::nullopt;
  Ints out;
  for (int64_t i = 0; i < tensor.size(); ++i) {
    if (IsFloat(tensor.type)) {
      out.push_back(static_cast<int64_t>(GetFloat(tensor, i) * 1024));
    } else {
      out.push_back(GetInt(tensor, i));
    }
  }
  return out;
}

// Of a model of one node: initializers hold what may change, inputs whose names begin with w may
// change their dims.
NodeQuestion Ask(const Model& model) {
  NodeQuestion question{model.graph.nodes[0], model.Opset("")};
  for (const std::string& name : question.node.inputs) {
    NodeInput input{!name.empty()};
    if (const NamedTensor* constant = model.graph.FindInitializer(name)) {
      input.shape = constant->tensor.shape;
      input.elements = Contents(constant->tensor);
      input.elements_free = true;
    } else if (input.given) {
      input.shape = *StaticShape(model.graph.FindInput(name)->type);
      if (name.starts_with("w")) input.dims = NodeInput::Dims::kFree;
    }
    question.inputs.push_back(input);
  }
  return question;
}

// The outputs get the shapes that the rule says: ONNX's inference must agree.
Model With(Model model, const NodeAnswer& answer) {
  Node& node = model.graph.nodes[0];
  for (const auto& [name, numbers] : answer.attributes) {
    const bool list = std::holds_alternative<Ints>(node.Find(name)->value);
    if (list) {
      node.Set(name, numbers);
    } else {
      node.Set(name, numbers[0]);
    }
  }
  for (size_t k = 0; k < node.inputs.size(); ++k) {
    for (NamedTensor& constant : model.graph.initializers) {
      if (constant.name != node.inputs[k] || !answer.elements[k]) continue;
      for (int64_t i = 0; i < constant.tensor.size(); ++i) {
        const int64_t value = (*answer.elements[k])[static_cast<size_t>(i)];
        if (IsFloat(constant.tensor.type)) {
          SetFloat(constant.tensor, i, static_cast<double>(value) / 1024);
        } else {
          SetInt(constant.tensor, i, value);
        }
      }
    }
    for (ValueInfo& input : model.graph.inputs) {
      if (input.name == node.inputs[k]) input.type = TensorType(input.type.type, answer.shapes[k]);
    }
  }
  smt::Problem problem;
  NodeTerms terms{node, model.Opset(""), problem};
  for (size_t k = 0; k < node.inputs.size(); ++k) {
    terms.in.emplace_back(TermList(answer.shapes[k].begin(), answer.shapes[k].end()));
    terms.elements.emplace_back();
    if (!answer.elements[k]) continue;
    terms.elements[k] = TermList(answer.elements[k]->begin(), answer.elements[k]->end());
  }
  EXPECT_TRUE(FindRule(node.op)->rule(terms));
  EXPECT_FALSE(problem.Contradicts());
  for (size_t k = 0; k < node.outputs.size(); ++k) {
    Shape shape;
    for (const Term& dim : terms.out.at(k)) shape.push_back(dim.Constant().value_or(-1));
    model.graph.outputs[k].type = TensorType(model.graph.outputs[k].type.type, shape);
  }
  return model;
}

Status Runs(const Model& model) {
  static const auto level_none = OpenConfigurations("ort:level=none");
  if (!level_none) return std::unexpected(level_none.error());
  Case test_case{SerializeModel(model), {}, {}};
  for (const ValueInfo& input : model.graph.inputs) {
    test_case.inputs.push_back({input.name, MakeTensor(input.type.type, *StaticShape(input.type))});
  }
  const Observation seen = level_none->at(0)->Run(test_case);
  if (seen.outcome == Outcome::kOutputs) return {};
  return std::unexpected(Error{ErrorCode::kInvalidInput, seen.reason});
}

struct Broken {
  std::string_view graph;
  int64_t opset = 17;
};

constexpr Broken kBroken[] = {
    {"(float[2,6,7,7] x, float[4,3,3,3] w) => (float y) { y = Conv<group = 4>(x, w) }"},
    {"(float[1,4,3,3] x, float[2,4,2,2] w) => (float y) "
     "{ y = Conv<pads = [0,0,0,0], dilations = [5,1]>(x, w) }"},
    {"(float[1,4,3,3] x, float[6,2,2,2] w) => (float y) { y = ConvTranspose<group = 3>(x, w) }"},
    {"(float[1,4,3,3] x, float[4,2,2,2] w) => (float y) "
     "{ y = ConvTranspose<strides = [2,2], output_shape = [9,7]>(x, w) }"},
    {"(float[1,4,3,3] x, float[4,2,2,2] w) => (float y) "
     "{ y = ConvTranspose<strides = [2,2], output_padding = [2,0]>(x, w) }"},
    {"(float[1,2,3,3] x) => (float y) { y = MaxPool<kernel_shape = [5,2], pads = [0,0,0,0]>(x) }"},
    {"(float[1,2,5,5] x) => (float y) "
     "{ y = AveragePool<kernel_shape = [2,2], pads = [2,0,0,0]>(x) }"},
    {"(float[1,10,12] x) => (float y) <int64[2] image = {5,5}, int64[2] block = {1,5}> "
     "{ y = Col2Im(x, image, block) }",
     18},
    {"(float[3,8] x) => (float y) <int64[2] s = {0,0}, int64[2] e = {2,2}, int64[2] a = {0,1}, "
     "int64[2] step = {1,0}> { y = Slice(x, s, e, a, step) }"},
    {"(float[3,4] x) => (float y) <int64[4] p = {3,0,0,5}> { y = Pad<mode = \"reflect\">(x, p) }"},
    {"(float[3,4] x) => (float y) <int64[4] p = {-2,0,-2,0}> { y = Pad(x, p) }"},
    {"(float[1,2,4,4] x) => (float y) <float[4] s = {1,1,0.125,2}> { y = Resize(x, , s) }"},
    {"(float[1,2,4,4] x) => (float y) <int64[4] s = {1,2,0,7}> { y = Resize(x, , , s) }"},
    {"(float[4,6] x) => (float y) <int64[3] s = {0,5,-1}> { y = Reshape(x, s) }"},
    {"(float[4,6] x) => (float y) <int64[2] s = {-1,-1}> { y = Reshape(x, s) }"},
    {"(float[4,6] x) => (float y) <int64[2] s = {6,5}> { y = Reshape(x, s) }"},
    {"(float[2,3] x, float[4,5] w) => (float y) { y = Einsum<equation = \"ij,jk->ik\">(x, w) }"},
    {"(float[1,12,2,2] x) => (float y) { y = DepthToSpace<blocksize = 3>(x) }"},
    {"(float[1,2,4,6] x) => (float y) { y = SpaceToDepth<blocksize = 3>(x) }"},
    {"(float[2,6,3] x, float[4] w1, float[4] w2) => (float y) "
     "{ y = GroupNormalization<num_groups = 4>(x, w1, w2) }",
     21},
    {"(float[1,3,12] x, float[1,4,6] w1, float[1,4,6] w2) => (float y) "
     "{ y = Attention<q_num_heads = 5, kv_num_heads = 2>(x, w1, w2) }",
     23},
    {"(float[1,3,12] x, float[1,4,6] w1, float[1,5,6] w2, float[3,3] w3) => (float y) "
     "{ y = Attention<q_num_heads = 4, kv_num_heads = 2>(x, w1, w2, w3) }",
     23},
    {"(float[5,2] x) => (float y) <int64[3] i = {0,5,-6}> { y = Gather(x, i) }"},
    {"(float[3,2] x) => (float y) <int64[1,2] i = {3,0}> { y = GatherElements(x, i) }"},
    {"(float[3,2] x) => (float y) <int64[1,2] i = {1,2}> { y = GatherND(x, i) }"},
    {"(float[3,2] x, float[2,2] w) => (float y) <int64[1,2] i = {4,0}> "
     "{ y = ScatterElements(x, i, w) }"},
    {"(float[3,2] x, float[1,3] w) => (float y) <int64[1,1] i = {3}> { y = ScatterND(x, i, w) }"},
    {"(float[7,2] x) => (float a, float b) <int64[2] s = {3,5}> { a, b = Split(x, s) }"},
    {"(float[3,2] x) => (float y) <int64[2] r = {2,-1}> { y = Tile(x, r) }"},
    {"(float[3,1] x) => (float y) <int64[2] s = {4,4}> { y = Expand(x, s) }"},
    {"(float[3,2] x, float[2,2] w) => (float y) { y = Concat<axis = 1>(x, w) }"},
    {"(float[3,2] x, float[4,5] w) => (float y) { y = MatMul(x, w) }"},
    {"(float[2,4] x, float[3] w1, float[5] w2) => (float y) "
     "{ y = LayerNormalization(x, w1, w2) }"},
};

TEST(NodeSolver, WhatItMakesFitIsValidAndRuns) {
  NodeSolver solver;
  for (const Broken& broken : kBroken) {
    const Model model = FromText(broken.graph, broken.opset);
    ASSERT_FALSE(CheckModel(SerializeModel(model), true) && Runs(model)) << broken.graph;
    const auto answer = solver.Solve(Ask(model));
    ASSERT_TRUE(answer) << broken.graph;
    const Model mended = With(model, *answer);
    const Status valid = CheckModel(SerializeModel(mended), true);
    EXPECT_TRUE(valid) << broken.graph << "\n" << valid.error().message;
    const Status ran = Runs(mended);
    EXPECT_TRUE(ran) << PrintModel(SerializeModel(mended)).value_or("") << ran.error().message;
  }
  EXPECT_EQ(solver.counts().timeouts, 0u);
  EXPECT_GT(solver.counts().near, 10u);
}

TEST(NodeSolver, KeepsWhatWasChangedOnPurpose) {
  NodeSolver solver;
  const Model model = FromText(
      "(float[1,12,2,2] x, float[6,12,1,1] w) => (float y) { y = Conv<group = 4>(x, w) }", 17);
  NodeQuestion question = Ask(model);
  question.kept = "group";
  const auto answer = solver.Solve(question);
  ASSERT_TRUE(answer);
  EXPECT_TRUE(answer->attributes.empty());
  EXPECT_EQ(answer->shapes[1][1], 3);
  EXPECT_EQ(answer->shapes[1][0] % 4, 0);
}

TEST(NodeSolver, KeepsTheOutputsWhereItCan) {
  NodeSolver solver;
  NodeQuestion question =
      Ask(FromText("(float[4,6] x) => (float y) <int64[2] s = {6,5}> { y = Reshape(x, s) }", 17));
  question.wanted = {{8, 3}};
  const auto answer = solver.Solve(question);
  ASSERT_TRUE(answer);
  EXPECT_EQ(*answer->elements[1], (Ints{8, 3}));
}

// Heads of size 5 or 1 and of size 7 or 1, of which five and seven of size 1 do not divide: nothing
// fits, and only Z3 can tell.
NodeQuestion Heads() {
  return Ask(
      FromText("(float[1,3,5] x, float[1,4,7] y, float[1,4,7] z) => (float o) "
               "{ o = Attention<q_num_heads = 2, kv_num_heads = 2>(x, y, z) }",
               23));
}

TEST(NodeSolver, SaysWhereNothingFits) {
  NodeSolver solver;
  // Both operands are fixed but for a dim that does not matter.
  const Model model =
      FromText("(float[3,2] x, float[4,5] z, float[1] w) => (float y) { y = Max(x, z, w) }", 17);
  EXPECT_FALSE(solver.Solve(Ask(model)));
  EXPECT_EQ(solver.counts().unsat, 1u);
  EXPECT_FALSE(solver.Solve(Heads()));
  EXPECT_EQ(solver.counts().solves, 1u);
  // A kernel wider than the image, which nothing may pad; its clean twin has weights that may
  // change.
  const NodeQuestion odd =
      Ask(FromText("(float[1,4,3,3] x, float[3,4,9,9] w) => (float y) "
                   "{ y = Conv<auto_pad = \"VALID\", group = 1>(x, w) }",
                   17));
  NodeQuestion fixed = odd;
  fixed.inputs[1].dims = NodeInput::Dims::kFixed;
  const uint64_t unsat = solver.counts().unsat;
  EXPECT_TRUE(solver.Solve(odd));
  EXPECT_FALSE(solver.Solve(fixed));
  EXPECT_FALSE(solver.Solve(fixed));
  EXPECT_EQ(solver.counts().unsat, unsat + 1);  // asked once
}

// An axis listed twice lies behind the dims that there are when the second one's turn comes.
TEST(NodeSolver, AxesListedTwiceAreNoRule) {
  EXPECT_EQ(SortedAxes({3, -2}, 4), (Ints{2, 3}));
  EXPECT_FALSE(SortedAxes({3, -1}, 4));
  EXPECT_FALSE(NodeSolver().Solve(Ask(
      FromText("(float[2,3] x) => (float y) <int64[2] a = {3,3}> { y = Unsqueeze(x, a) }", 17))));
}

TEST(NodeSolver, CountsWhatALimitEnds) {
  smt::Limits limits;
  limits.resources = 1;
  NodeSolver solver(limits);
  EXPECT_FALSE(solver.Solve(Heads()));
  EXPECT_EQ(solver.counts().timeouts, 1u);
  EXPECT_EQ(solver.counts().unsat, 0u);
  NodeSolver patient;
  EXPECT_FALSE(patient.Solve(Heads()));
  EXPECT_EQ(patient.counts().timeouts, 0u);
  EXPECT_EQ(patient.counts().unsat, 1u);
}

// Answers do not depend on what was asked before, nor on what is remembered.
TEST(NodeSolver, AnswersAreAFunctionOfTheQuestion) {
  NodeSolver remembers;
  NodeSolver forgets({.resources = 30'000}, 1);
  std::vector<NodeAnswer> first;
  for (const Broken& broken : kBroken) {
    first.push_back(*remembers.Solve(Ask(FromText(broken.graph, broken.opset))));
  }
  EXPECT_EQ(remembers.counts().cached, 0u);
  for (size_t i = std::size(kBroken); i-- > 0;) {
    const NodeQuestion question = Ask(FromText(kBroken[i].graph, kBroken[i].opset));
    for (NodeSolver* solver : {&remembers, &forgets}) {
      const auto again = solver->Solve(question);
      ASSERT_TRUE(again);
      EXPECT_EQ(again->attributes, first[i].attributes);
      EXPECT_EQ(again->shapes, first[i].shapes);
      EXPECT_EQ(again->elements, first[i].elements);
    }
  }
  EXPECT_EQ(remembers.counts().cached, std::size(kBroken));
  EXPECT_EQ(forgets.counts().cached, 0u);
}

TEST(Slots, TheirMedianIsNearTheMiddle) {
  std::array<uint64_t, kTimeSlots> slots{};
  EXPECT_EQ(MedianOfSlots(slots), 0);
  slots[40] = 3;  // 2^10 us
  slots[60] = 2;
  EXPECT_NEAR(MedianOfSlots(slots), 1024, 100);
}

}  // namespace
}  // namespace moire::shapes
