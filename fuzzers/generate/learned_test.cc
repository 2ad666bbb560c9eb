#include "fuzzers/generate/learned.h"

#include <gtest/gtest.h>

#include "fuzzers/generate/generate.h"

namespace moire {
namespace {

constexpr DataType kInt8Type[] = {DataType::kInt8};
constexpr DataType kTwoInt8[] = {DataType::kInt8, DataType::kInt8};

// y = OP(x), by a node named "n3".
Model OneNode(std::string op, int64_t opset, DataType type) {
  Model model;
  model.opsets = {{"", opset}};
  model.graph.inputs = {{"x", TensorType(type, Shape{2})}};
  model.graph.outputs = {{"y", TensorType(type, Shape{2})}};
  Node node;
  node.op = std::move(op);
  node.name = "n3";
  node.inputs = {"x"};
  node.outputs = {"y"};
  model.graph.nodes = {node};
  return model;
}

TEST(Learned, KeepsTypesOfTypeVariables) {
  Learned learned;
  const Combination add{"Add", 14, kTwoInt8, kInt8Type};
  EXPECT_FALSE(learned.Avoid(add));
  EXPECT_TRUE(learned.Note(add));
  EXPECT_FALSE(learned.Note(add));
  EXPECT_TRUE(learned.Avoid(add));
  EXPECT_FALSE(learned.Avoid({"Sub", 14, kTwoInt8, kInt8Type}));
  EXPECT_FALSE(learned.Avoid({"Add", 13, kTwoInt8, kInt8Type}));
  EXPECT_EQ(learned.Rows(), std::vector<std::string>{"Add(14): int8"});
}

TEST(Learned, AnOptionalInputDoesNotMakeAnotherCombination) {
  Learned learned;
  const DataType with_axes[] = {DataType::kInt8, DataType::kInt64};
  ASSERT_TRUE(learned.Note({"ReduceSum", 13, with_axes, kInt8Type}));
  EXPECT_TRUE(learned.Avoid({"ReduceSum", 13, kInt8Type, kInt8Type}));
}

TEST(Learned, AFunctionIsRefusedInOneOpset) {
  const Model model = OneNode("Swish", 25, DataType::kFloat);
  Learned learned;
  ASSERT_TRUE(learned.NoteNode(model, "n3"));
  EXPECT_EQ(learned.Rows(), std::vector<std::string>{"Swish(25): float"});
  const DataType type[] = {DataType::kFloat};
  for (const int64_t opset : {24, 25, 26}) {
    const Combination swish{"Swish", 24, type, type, "", nullptr, opset};
    EXPECT_EQ(learned.Avoid(swish), opset == 25) << opset;
  }
  Learned read;
  EXPECT_TRUE(read.ReadRow("Swish(25): float"));
  EXPECT_TRUE(read.Avoid({"Swish", 24, type, type, "", nullptr, 25}));
  // What is not implemented where the function is new is not asked for later either.
  EXPECT_TRUE(read.ReadRow("Swish(24): float"));
  EXPECT_TRUE(read.Avoid({"Swish", 24, type, type, "", nullptr, 27}));
}

TEST(Learned, RowsAreReadBack) {
  Learned first;
  const DataType to[] = {DataType::kBfloat16};
  ASSERT_TRUE(first.Note({"Cast", 25, kInt8Type, to}));
  Learned second;
  for (const std::string& row : first.Rows()) EXPECT_TRUE(second.ReadRow(row)) << row;
  EXPECT_TRUE(second.Avoid({"Cast", 25, kInt8Type, to}));
  EXPECT_FALSE(second.ReadRow("nonsense"));
  EXPECT_FALSE(second.ReadRow("Add(x): int8"));
  EXPECT_FALSE(second.ReadRow("Add(14): int5"));
  EXPECT_TRUE(second.ForgetRow(first.Rows()[0]));
  EXPECT_FALSE(second.Avoid({"Cast", 25, kInt8Type, to}));
}

TEST(Learned, KeepsTheNewestOpset) {
  Learned learned;
  EXPECT_TRUE(learned.ReadRow("opset: 23"));
  EXPECT_FALSE(learned.ReadRow("opset: x"));
  EXPECT_EQ(learned.newest_opset(), 23);
  EXPECT_EQ(learned.Rows(), std::vector<std::string>{"opset: 23"});
  Random random(1);
  for (int i = 0; i < 100; ++i) {
    EXPECT_LE(Generate(random, {}, learned).model.Opset(""), 23);
  }
  EXPECT_TRUE(learned.ForgetRow("opset: 23"));
  EXPECT_EQ(learned.newest_opset(), 0);
}

TEST(Learned, ReadsARuntimesMessage) {
  const Model model = OneNode("Abs", 20, DataType::kInt8);
  Learned learned;
  EXPECT_FALSE(learned.NoteRejection(model, "out of memory"));
  EXPECT_TRUE(learned.NoteRejection(
      model, "Could not find an implementation for Abs(13) node with name 'n3'"));
  EXPECT_TRUE(learned.Avoid({"Abs", 13, kInt8Type, kInt8Type}));
}

}  // namespace
}  // namespace moire
