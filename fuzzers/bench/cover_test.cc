// Cover on the released library: counts, and models that are broken, rejected or deadly.
#include "fuzzers/bench/cover.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>

#include "harness/case/model.h"
#include "harness/case/onnx_adapter.h"

namespace moire {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Case OneNode(const std::string& op) {
  Model model;
  model.opsets = {{"", 21}};
  model.graph.name = "g";
  Node node;
  node.op = op;
  node.inputs = {"x"};
  node.outputs = {"y"};
  model.graph.nodes.push_back(node);
  const ValueType type = TensorType(DataType::kFloat, Shape{2});
  model.graph.inputs = {{"x", type}};
  model.graph.outputs = {{"y", type}};
  return {SerializeModel(model), {{"x", MakeTensor(DataType::kFloat, {2})}}, {}};
}

// The path names the operator, or what happens.
Result<Case> Load(const std::string& path) {
  if (path == "dies") raise(SIGSEGV);
  if (path == "broken") return Fail(ErrorCode::kInvalidInput, "broken: no model");
  return OneNode(path);
}

TEST(CoverTest, CountsWhatModelsReach) {
  const auto report = Cover({"Relu", "Sigmoid", "Sin"}, Load);
  ASSERT_TRUE(report.has_value()) << report.error().message;
  EXPECT_THAT(report->library, HasSubstr("libonnxruntime.so"));
  EXPECT_GT(report->blocks_total, 500'000u);
  EXPECT_GT(report->blocks_base, 10'000u);
  EXPECT_GT(report->blocks_reached, report->blocks_base);
  EXPECT_EQ(report->blocks_accepted, report->blocks_reached);
  EXPECT_EQ(report->models, 3u);
  EXPECT_EQ(report->accepted, 3u);
  EXPECT_THAT(ToJson(*report), HasSubstr("\"blocks_reached\""));
}

TEST(CoverTest, GoesOnBehindModelsThatDieOrDoNotLoad) {
  const auto clean = Cover({"Relu", "Sin"}, Load);
  const auto report = Cover({"Relu", "dies", "broken", "dies", "Sin", "NoSuchOperator"}, Load);
  ASSERT_TRUE(clean.has_value() && report.has_value());
  EXPECT_EQ(report->models, 6u);
  EXPECT_EQ(report->accepted, 2u);
  EXPECT_EQ(report->unreadable, 1u);
  EXPECT_THAT(report->died, ElementsAre("dies", "dies"));
  EXPECT_GT(report->blocks_reached, report->blocks_accepted) << "the rejection's own blocks";
  // The library's own memory differs a little from process to process.
  EXPECT_NEAR(static_cast<double>(report->blocks_accepted),
              static_cast<double>(clean->blocks_accepted), 300);
}

TEST(CoverTest, SaysWhatIsWrong) {
  const auto nothing = Cover({"broken"}, Load);
  ASSERT_FALSE(nothing.has_value());
  EXPECT_EQ(nothing.error().message, "broken: no model");
  CoverOptions options;
  options.specs = {"ort@0.0.1:level=none"};
  const auto version = Cover({"Relu"}, Load, options);
  ASSERT_FALSE(version.has_value());
  EXPECT_THAT(version.error().message, HasSubstr("0.0.1"));
}

TEST(FindModelsTest, TakesDirectoriesFilesAndCases) {
  namespace fs = std::filesystem;
  const fs::path root = fs::path(testing::TempDir()) / "find_models";
  fs::remove_all(root);
  fs::create_directories(root / "node" / "test_a" / "test_data_set_0");
  fs::create_directories(root / "empty");
  for (const char* file :
       {"node/test_a/model.onnx", "node/test_a/test_data_set_0/input_0.pb", "b.onnx", "0123abcd"}) {
    ASSERT_TRUE(WriteFile((root / file).string(), "x").has_value());
  }
  const auto models = FindModels(root.string());
  ASSERT_TRUE(models.has_value());
  EXPECT_THAT(*models, ElementsAre((root / "0123abcd").string(), (root / "b.onnx").string(),
                                   (root / "node/test_a").string()));
  EXPECT_THAT(*FindModels((root / "node/test_a").string()),
              ElementsAre((root / "node/test_a").string()));
  EXPECT_EQ(FindModels((root / "empty").string()).error().code, ErrorCode::kInvalidInput);
  EXPECT_EQ(FindModels((root / "missing").string()).error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace moire
