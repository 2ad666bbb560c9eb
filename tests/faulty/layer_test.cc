// A fault in one layer of a model that is too large for the reference: the part that fails by
// itself is found, and nothing is found without the fault.
#include "tests/faulty/layer.h"

#include <gtest/gtest.h>

#include "harness/case/onnx_adapter.h"
#include "synth/large.h"
#include "tests/faulty/faulty_backend.h"

namespace moire::faulty {
namespace {

// 8 times (Conv of 64 channels, Relu) on an image of 64 x 64: 1.2e9 products.
Case LargeCase() {
  std::string text =
      "<ir_version: 8, opset_import: [\"\" : 18]> g (float[1,64,64,64] v0) => (float[1,64,64,64] "
      "v16) { w_shape = Constant<value_ints = [64, 64, 3, 3]>() "
      "w = ConstantOfShape<value = float[1] {0.02}>(w_shape) ";
  for (int i = 0; i < 8; ++i) {
    text += fmt::format("v{} = Conv<pads = [1, 1, 1, 1]>(v{}, w) v{} = Relu(v{}) ", 2 * i + 1,
                        2 * i, 2 * i + 2, 2 * i + 1);
  }
  const Result<std::string> model = ParseModelText(text + "}");
  EXPECT_TRUE(model.has_value()) << model.error().message;
  Tensor image = MakeTensor(DataType::kFloat, {1, 64, 64, 64});
  return {*model, {{"v0", std::move(image)}}, {}};
}

class Layer : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { RegisterFaultyBackend(); }
  static LargeFinding Find(const Case& test_case, const std::string& settings,
                           std::optional<VerdictKind> wanted = {}) {
    const auto found =
        FindFailingPart(test_case, OpenSpecs({"faulty:on=1.32.0,level=all," + settings}), {},
                        {.max_seconds = 60, .wanted = wanted});
    EXPECT_TRUE(found.has_value()) << found.error().message;
    return found ? *found : LargeFinding{};
  }
};

TEST_F(Layer, ThatIsWrongIsFoundInALargeModel) {
  const LargeFinding found = Find(LargeCase(), "layer=v9,op=Conv,fault=doubled");
  EXPECT_TRUE(found.large);
  ASSERT_TRUE(found.part);
  EXPECT_EQ(found.node, "Conv 'v9'");
  EXPECT_EQ(found.verdict.kind, VerdictKind::kMismatch);
  EXPECT_LE(ParseModel(found.part->model)->graph.nodes.size(), 3U);
}

TEST_F(Layer, ThatDiesIsFoundInALargeModel) {
  const LargeFinding found =
      Find(LargeCase(), "layer=v12,op=Relu,fault=crash", VerdictKind::kCrash);
  ASSERT_TRUE(found.part);
  EXPECT_EQ(found.node, "Relu 'v12'");
  EXPECT_EQ(found.verdict.kind, VerdictKind::kCrash);
}

TEST_F(Layer, ThatIsNotThereIsNotBlamed) {
  // One Conv and one Relu are enough: the others are the same parts.
  const LargeFinding found = Find(LargeCase(), "layer=v99,fault=doubled");
  EXPECT_TRUE(found.large);
  EXPECT_FALSE(found.part);
  EXPECT_GT(found.parts, 4);
}

TEST_F(Layer, OfASmallModelIsLeftAlone) {
  const Result<std::string> model = ParseModelText(
      "<ir_version: 8, opset_import: [\"\" : 18]> g (float[2] v0) => (float[2] v1) "
      "{ v1 = Relu(v0) }");
  ASSERT_TRUE(model.has_value());
  const LargeFinding found =
      Find({*model, {{"v0", MakeTensor(DataType::kFloat, {2})}}, {}}, "layer=v1,fault=doubled");
  EXPECT_FALSE(found.large);
  EXPECT_FALSE(found.part);
}

TEST_F(Layer, SettingsThatAreNoneAreNamed) {
  for (const char* settings :
       {"on=1.32.0,fault=none", "on=1.32.0,colour=red", "on=0.0.1,layer=x"}) {
    EXPECT_FALSE(OpenConfigurations(std::string("faulty:") + settings).has_value()) << settings;
  }
}

}  // namespace
}  // namespace moire::faulty
