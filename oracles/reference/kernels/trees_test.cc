// ai.onnx.ml's trees, classifiers and maps, the optimisers, random operators.
#include <gtest/gtest.h>

#include <cmath>

#include "oracles/reference/kernels/kernel_testing.h"

namespace moire {
namespace {

using testing::Floats;
using testing::Integers;
using testing::IsLegal;
using testing::NodeSpec;
using testing::Ranged;
using testing::RunNode;
using testing::RunNodeAll;
using testing::Texts;
using FloatList = moire::Floats;

NodeSpec Ml(std::string op, std::vector<Attribute> attributes, size_t outputs = 1,
            int64_t opset = 3) {
  return {std::move(op), std::move(attributes), opset, outputs, "ai.onnx.ml"};
}

// x <= 1 ? 10 : (x <= 2 ? 20 : 30), and a tree that is the leaf 0.5.
std::vector<Attribute> TwoTrees() {
  return {{"nodes_treeids", Ints{0, 0, 0, 0, 0, 1}, {}},
          {"nodes_nodeids", Ints{0, 1, 2, 3, 4, 0}, {}},
          {"nodes_featureids", Ints{0, 0, 0, 0, 0, 0}, {}},
          {"nodes_values", FloatList{1, 0, 2, 0, 0, 0}, {}},
          {"nodes_modes", Strings{"BRANCH_LEQ", "LEAF", "BRANCH_LEQ", "LEAF", "LEAF", "LEAF"}, {}},
          {"nodes_truenodeids", Ints{1, 0, 3, 0, 0, 0}, {}},
          {"nodes_falsenodeids", Ints{2, 0, 4, 0, 0, 0}, {}},
          {"target_treeids", Ints{0, 0, 0, 1}, {}},
          {"target_nodeids", Ints{1, 3, 4, 0}, {}},
          {"target_ids", Ints{0, 0, 0, 0}, {}},
          {"target_weights", FloatList{10, 20, 30, 0.5f}, {}}};
}

TEST(Trees, FollowTheirBranches) {
  const auto out =
      RunNode(Ml("TreeEnsembleRegressor", TwoTrees()), {testing::Floats({1, 1.5, 9, NAN}, {4, 1})});
  ASSERT_TRUE(out) << out.error().message;
  EXPECT_EQ(out->value, (std::vector<double>{10.5, 20.5, 30.5, 30.5}));
  EXPECT_FALSE(IsLegal(*out, 0, 20.5));
  auto average = TwoTrees();
  average.push_back({"aggregate_function", std::string("AVERAGE"), {}});
  EXPECT_EQ(RunNode(Ml("TreeEnsembleRegressor", average), {testing::Floats({0}, {1, 1})})->value[0],
            5.25);
}

TEST(Trees, AnOpenComparisonIsUndecidable) {
  RangeTensor x = Ranged(DataType::kFloat, 0.9, 0.95, 1.1);
  x.shape = {1, 1};
  EXPECT_EQ(RunNode(Ml("TreeEnsembleRegressor", TwoTrees()), {x})->MarkAt(0), kUndecidable);
  auto least = TwoTrees();
  least.push_back({"aggregate_function", std::string("MIN"), {}});
  least.push_back({"n_targets", int64_t{2}, {}});  // nothing votes for the second
  const auto out = RunNode(Ml("TreeEnsembleRegressor", least), {testing::Floats({0}, {1, 1})});
  EXPECT_EQ(out->value[0], 0.5);
  EXPECT_EQ(out->MarkAt(1), kUnspecified);
}

TEST(Trees, LoopsAndStrangersAreRejected) {
  auto loop = TwoTrees();
  loop[6].value = Ints{0, 0, 4, 0, 0, 0};  // the root's false branch is the root
  EXPECT_FALSE(RunNode(Ml("TreeEnsembleRegressor", loop), {testing::Floats({5}, {1, 1})}));
  auto stranger = TwoTrees();
  stranger[6].value = Ints{7, 0, 4, 0, 0, 0};
  EXPECT_FALSE(RunNode(Ml("TreeEnsembleRegressor", stranger), {testing::Floats({5}, {1, 1})}));
  auto feature = TwoTrees();
  feature[2].value = Ints{3, 0, 0, 0, 0, 0};
  EXPECT_FALSE(RunNode(Ml("TreeEnsembleRegressor", feature), {testing::Floats({5}, {1, 1})}));
}

std::vector<Attribute> ThreeClasses() {
  return {{"coefficients", FloatList{1, 0, 0, 1, 1, 1}, {}},
          {"intercepts", FloatList{0, 0, -1}, {}},
          {"classlabels_strings", Strings{"a", "b", "c"}, {}}};
}

TEST(Classifiers, TakeTheLargestScore) {
  const auto out = RunNodeAll(Ml("LinearClassifier", ThreeClasses(), 2),
                              {testing::Floats({2, 1, 3, 4}, {2, 2})});
  ASSERT_TRUE(out) << out.error().message;
  EXPECT_EQ((*out)[0].strings, (std::vector<std::string>{"a", "c"}));
  EXPECT_EQ((*out)[0].MarkAt(0), kUndecidable);  // 2, 1, 2
  EXPECT_EQ((*out)[0].MarkAt(1), kDecided);
  EXPECT_TRUE(IsLegal((*out)[1], 5, 6));
  EXPECT_FALSE(IsLegal((*out)[1], 5, 7));
  auto soft = ThreeClasses();
  soft.push_back({"post_transform", std::string("SOFTMAX"), {}});
  const auto shares =
      RunNodeAll(Ml("LinearClassifier", soft, 2), {testing::Floats({3, 4}, {1, 2})});
  EXPECT_NEAR((*shares)[1].value[2], 0.8437947, 1e-6);
  auto probit = ThreeClasses();
  probit.push_back({"post_transform", std::string("PROBIT"), {}});
  EXPECT_EQ(
      RunNodeAll(Ml("LinearClassifier", probit, 2), {testing::Floats({3, 4}, {1, 2})}).error().code,
      ErrorCode::kUnsupported);
}

TEST(Classifiers, SupportVectors) {
  const std::vector<Attribute> rbf = {{"kernel_type", std::string("RBF"), {}},
                                      {"kernel_params", FloatList{0.5f, 0, 0}, {}},
                                      {"support_vectors", FloatList{1, 2}, {}},
                                      {"coefficients", FloatList{3}, {}},
                                      {"rho", FloatList{1}, {}},
                                      {"n_supports", int64_t{1}, {}}};
  const auto out = RunNode(Ml("SVMRegressor", rbf), {testing::Floats({2, 2}, {1, 2})});
  ASSERT_TRUE(out) << out.error().message;
  EXPECT_TRUE(IsLegal(*out, 0, 1 + 3 * std::exp(-0.5)));
  EXPECT_FALSE(IsLegal(*out, 0, 1 + 3 * std::exp(-0.51)));
  auto one_class = rbf;
  one_class.push_back({"one_class", int64_t{1}, {}});
  EXPECT_EQ(RunNode(Ml("SVMRegressor", one_class), {testing::Floats({2, 2}, {1, 2})})->value[0], 1);
  const auto votes = RunNodeAll(
      Ml("SVMClassifier",
         {{"vectors_per_class", Ints{1, 1}, {}}, {"classlabels_ints", Ints{0, 1}, {}}}, 2),
      {testing::Floats({2, 2}, {1, 2})});
  EXPECT_EQ(votes.error().code, ErrorCode::kUndecidable);
}

TEST(Categories, MapBothWays) {
  const std::vector<Attribute> lists = {{"cats_strings", Strings{"x", "y"}, {}},
                                        {"cats_int64s", Ints{5, 6}, {}}};
  EXPECT_EQ(RunNode(Ml("CategoryMapper", lists), {Texts({"y", "z"})})->ints,
            (std::vector<int64_t>{6, -1}));
  EXPECT_EQ(RunNode(Ml("CategoryMapper", lists), {Integers(DataType::kInt64, {5, 7})})->strings,
            (std::vector<std::string>{"x", "_Unused"}));
  const std::vector<Attribute> twice = {{"cats_strings", Strings{"x", "x"}, {}},
                                        {"cats_int64s", Ints{5, 6}, {}}};
  EXPECT_EQ(RunNode(Ml("CategoryMapper", twice), {Texts({"x"})}).error().code,
            ErrorCode::kUndecidable);
}

TEST(Categories, ACategoryListedTwiceIsOpen) {
  for (const Ints& categories : {Ints{5, 6}, Ints{5, 5}}) {
    const auto out = RunNode(Ml("OneHotEncoder", {{"cats_int64s", categories, {}}}),
                             {Integers(DataType::kInt64, {5, 7})});
    ASSERT_TRUE(out) << out.error().message;
    EXPECT_EQ(out->MarkAt(1), categories[1] == 6 ? kDecided : kUnspecified);
    EXPECT_EQ(out->value[0], 1);
    EXPECT_EQ(out->MarkAt(2), kDecided);  // of 7, which is no category
  }
}

TEST(Categories, MapsAreMadeAndVectorised) {
  const auto maps = RunNode(Ml("ZipMap", {{"classlabels_int64s", Ints{4, 2}, {}}}),
                            {testing::Floats({1, 2, 3, 4}, {2, 2})});
  ASSERT_TRUE(maps) << maps.error().message;
  ASSERT_EQ(maps->parts.size(), 2u);
  const RangeTensor& second = maps->parts[1];
  EXPECT_EQ(RunNode(Ml("CastMap", {}), {second})->value, (std::vector<double>{4, 3}));
  EXPECT_EQ(
      RunNode(Ml("DictVectorizer", {{"int64_vocabulary", Ints{1, 2, 4}, {}}}), {second})->value,
      (std::vector<double>{0, 4, 3}));
  EXPECT_EQ(
      RunNode(Ml("DictVectorizer", {{"int64_vocabulary", Ints{1, 2}, {}}}), {second}).error().code,
      ErrorCode::kUndecidable);
}

TEST(Categories, MapsAreCastAsFarAsThatIsSaid) {
  RangeTensor keys = *RunNode({"Identity"}, {Integers(DataType::kInt64, {3, 0})});
  RangeTensor values = *RunNode({"Identity"}, {testing::Floats({1.5, -2}, {2})});
  const RangeTensor map = MakeParts(OnnxKind::kMap, {keys, values});
  const auto cast = [&](std::string to, int64_t size) {
    return RunNode(Ml("CastMap", {{"cast_to", std::move(to), {}},
                                  {"map_form", std::string("SPARSE"), {}},
                                  {"max_map", size, {}}}),
                   {map});
  };
  EXPECT_EQ(cast("TO_FLOAT", 4)->value, (std::vector<double>{-2, 0, 0, 1.5}));
  const auto whole = cast("TO_INT64", 4);
  EXPECT_EQ(whole->ints[0], -2);
  EXPECT_EQ(whole->MarkAt(0), kDecided);
  EXPECT_EQ(whole->MarkAt(3), kUnspecified);                             // 1.5
  EXPECT_EQ(cast("TO_FLOAT", 3).error().code, ErrorCode::kUndecidable);  // key 3
  EXPECT_EQ(cast("TO_STRING", 4).error().code, ErrorCode::kUnsupported);
}

TEST(Training, OneStepOfEachOptimiser) {
  const NodeSpec momentum = {"Momentum",
                             {{"alpha", 0.5f, {}},
                              {"beta", 2.0f, {}},
                              {"norm_coefficient", 0.0f, {}},
                              {"mode", std::string("standard"), {}}},
                             1,
                             2,
                             "ai.onnx.preview.training"};
  const auto out =
      RunNodeAll(momentum, {testing::Floats({0.25}, {}), Integers(DataType::kInt64, {1}, {}),
                            testing::Floats({8}), testing::Floats({3}), testing::Floats({4})});
  ASSERT_TRUE(out) << out.error().message;
  EXPECT_TRUE(IsLegal((*out)[0], 0, 6));  // v = 2 + 6, x = 8 - 0.25 * 8
  EXPECT_TRUE(IsLegal((*out)[1], 0, 8));
  EXPECT_FALSE(IsLegal((*out)[0], 0, 6.01));
  EXPECT_FALSE(IsLegal((*out)[1], 0, 5));  // beta is 1 at the first update only
}

TEST(Random, OnlyShapesAreKnown) {
  const auto out = RunNode({"RandomNormal", {{"shape", Ints{2, 3}, {}}}, 22}, {});
  ASSERT_TRUE(out) << out.error().message;
  EXPECT_EQ(out->shape, (Shape{2, 3}));
  for (size_t i = 0; i < 6; ++i) EXPECT_EQ(out->MarkAt(i), kUnspecified);
  EXPECT_FALSE(RunNode({"RandomUniformLike", {}, 22}, {Integers(DataType::kInt32, {1})}));
}

}  // namespace
}  // namespace moire
