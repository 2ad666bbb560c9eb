#include "harness/case/case.h"

#include <gtest/gtest.h>

#include "harness/case/case.pb.h"
#include "harness/case/onnx_adapter.h"

namespace moire {
namespace {

constexpr const char* kText = R"(<ir_version: 10, opset_import: ["" : 21]>
g (float[2,3] x, int64[1] k) => (float[2,3] y)
<float[3] w = {1.0, 2.0, 3.0}>
{
  a = Add (x, w)
  c = Constant <value = float {0.5}> ()
  y = Mul (a, c)
})";

Case ExampleCase() {
  Case out;
  out.model = *ParseModelText(kText);
  out.inputs = {{"x", MakeTensor(DataType::kFloat, {2, 3})},
                {"k", Int64Tensor(std::vector<int64_t>{7})}};
  out.options.disabled_optimizers = {"ConstantFolding"};
  return out;
}

TEST(Case, SurvivesSerialisation) {
  const Case original = ExampleCase();
  const std::string bytes = SerializeCase(original);
  const auto parsed = ParseCase(bytes);
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(*parsed, original);
  EXPECT_EQ(SerializeCase(*parsed), bytes);
}

TEST(Case, ClaimedSizesAreCheckedBeforeAllocation) {
  proto::Case source;
  source.set_format(1);
  proto::Tensor& tensor = *source.add_inputs();
  tensor.set_name("x");
  tensor.set_type(1);
  tensor.add_dims(int64_t{1} << 40);
  tensor.add_dims(int64_t{1} << 40);
  EXPECT_EQ(ParseCase(source.SerializeAsString()).error().code, ErrorCode::kInvalidInput);
  tensor.clear_dims();
  tensor.add_dims(3);
  tensor.set_data("1234");
  EXPECT_NE(ParseCase(source.SerializeAsString()).error().message.find("carries 4 bytes"),
            std::string::npos);
  EXPECT_FALSE(ParseCase("hello"));
}

TEST(Case, FurtherRunsSurviveAndAreLimited) {
  Case original = ExampleCase();
  for (const int64_t size : {4, 1}) {
    original.options.more_runs.push_back({{"x", MakeTensor(DataType::kFloat, {size, 3})}});
  }
  const auto parsed = ParseCase(SerializeCase(original));
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(*parsed, original);
  const Case third = CaseOfRun(original, 2);
  EXPECT_TRUE(third.options.more_runs.empty());
  EXPECT_EQ(third.options.disabled_optimizers, original.options.disabled_optimizers);
  EXPECT_EQ(third.inputs, original.options.more_runs[1]);
  EXPECT_EQ(CaseOfRun(original, 0).inputs, original.inputs);

  const std::string bytes = SerializeCase(original);
  EXPECT_EQ(ParseCase(bytes, {.max_runs = 1}).error().code, ErrorCode::kInvalidInput);
  EXPECT_EQ(ParseCase(bytes, {.max_elements = 11}).error().code, ErrorCode::kInvalidInput);
  EXPECT_TRUE(ParseCase(bytes, {.max_elements = 12}));
}

TEST(OnnxAdapter, ModelSurvivesParseAndSerialise) {
  const std::string bytes = *ParseModelText(kText);
  const auto model = ParseModel(bytes);
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(model->graph.nodes.size(), 3u);
  EXPECT_EQ(model->Opset(""), 21);
  EXPECT_EQ(std::get<Tensor>(model->graph.nodes[1].attributes[0].value).As<float>()[0], 0.5f);
  const std::string again = SerializeModel(*model);
  EXPECT_EQ(SerializeModel(*ParseModel(again)), again);
  EXPECT_EQ(*PrintModel(again), *PrintModel(bytes));
  EXPECT_TRUE(CheckModel(again, true));
}

TEST(OnnxAdapter, CheckerAndParserReportOneLine) {
  EXPECT_FALSE(ParseModel("not a model"));
  const auto bad = ParseModelText(R"(<ir_version: 10, opset_import: ["" : 21]>
g (float[2] x) => (float[2] y) { y = NoSuchOperator (x) })");
  ASSERT_TRUE(bad);
  const Status status = CheckModel(*bad, false);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().message.find('\n'), std::string::npos);
}

TEST(OnnxAdapter, InferredShapesAreInValueInfo) {
  const auto inferred = InferShapes(*ParseModel(*ParseModelText(kText)));
  ASSERT_TRUE(inferred);
  bool found = false;
  for (const ValueInfo& value : inferred->graph.value_info) {
    if (value.name == "a") found = StaticShape(value.type) == Shape({2, 3});
  }
  EXPECT_TRUE(found);
}

TEST(File, ErrorsNameThePath) {
  EXPECT_NE(ReadFile("/no/such/file").error().message.find("/no/such/file"), std::string::npos);
  EXPECT_EQ(ReadFile("/tmp").error().code, ErrorCode::kInvalidInput);
  EXPECT_EQ(WriteFile("/dev/full/x", "x").error().code, ErrorCode::kEnvironment);
}

}  // namespace
}  // namespace moire
