#include "harness/case/onnx_convert.h"

#include <gtest/gtest.h>

#include "harness/case/onnx_adapter.h"

namespace moire {
namespace {

TEST(OnnxConvert, KeepsNamesAndSpreadsSlopes) {
  const Result<std::string> old = ParseModelText(
      "<ir_version: 3, opset_import: [\"\" : 6]> g (float[2,3,4,5] x, float[3] slope) => "
      "(float[2,3,4,5] y) { z = Add(x, x) y = PRelu(z, slope) }");
  ASSERT_TRUE(old.has_value()) << old.error().message;
  const Result<std::string> converted = ConvertOpset(*old, 13);
  ASSERT_TRUE(converted.has_value()) << converted.error().message;
  EXPECT_TRUE(CheckModel(*converted, true).has_value());
  const Result<Model> model = ParseModel(*converted);
  ASSERT_TRUE(model.has_value());
  EXPECT_EQ(model->Opset(""), 13);
  const Node& last = model->graph.nodes.back();
  EXPECT_EQ(last.op, "PRelu");
  EXPECT_EQ(last.outputs[0], "y");
  EXPECT_NE(last.inputs[1], "slope");
}

TEST(OnnxConvert, SaysWhatItCannot) {
  EXPECT_FALSE(ConvertOpset("no model", 13).has_value());
  const Result<std::string> model = ParseModelText(
      "<ir_version: 3, opset_import: [\"\" : 6]> g (float[2] x) => (float[2] y) { y = Abs(x) }");
  ASSERT_TRUE(model.has_value());
  EXPECT_FALSE(ConvertOpset(*model, 100000).has_value());
}

}  // namespace
}  // namespace moire
