// Features where the ONNX library does not survive: its shape inference never ends on this Einsum
// (known bug 33, onnx 1.23.2), or dies.
#include "synth/explain/child_features.h"

#include <gtest/gtest.h>

namespace moire {
namespace {

Probe EinsumProbe(const std::string& equation) {
  Probe probe;
  Model& model = probe.sketch.model;
  model.ir_version = 8;
  model.opsets = {{"", 13}};
  model.graph.name = "g";
  Node einsum;
  einsum.op = "Einsum";
  einsum.inputs = {"x"};
  einsum.outputs = {"y"};
  einsum.attributes = {{"equation", equation}};
  Node negate;
  negate.op = "Neg";
  negate.inputs = {"y"};
  negate.outputs = {"z"};
  model.graph.nodes = {einsum, negate};
  model.graph.inputs = {{"x", TensorType(DataType::kFloat, Shape{3})}};
  model.graph.outputs = {{"z", {DataType::kFloat, std::nullopt, {}}}};
  probe.sketch.inputs = {{"x", MakeTensor(DataType::kFloat, {3})}};
  return probe;
}

TEST(ChildFeatures, OneThatOnnxDoesNotSurviveKeepsWhatItStates) {
  const std::vector<Probe> probes = {EinsumProbe("i->i"), EinsumProbe("....i->i"),
                                     EinsumProbe("i->i")};
  const ChildFeatures all = FeaturesInChildren(probes, {}, 0.3);
  EXPECT_EQ(all.stated_only, 1);
  ASSERT_EQ(all.features.size(), 3u);
  EXPECT_EQ(all.features[0], FeaturesOf(probes[0]));
  EXPECT_EQ(all.features[1], StatedFeaturesOf(probes[1]));
  EXPECT_EQ(all.features[2], FeaturesOf(probes[2]));
  // What the node makes is known of the others alone; what the case says is known of all.
  EXPECT_TRUE(all.features[0].contains("type of Neg input"));
  EXPECT_FALSE(all.features[1].contains("type of Neg input"));
  EXPECT_TRUE(all.features[1].contains("Einsum.equation"));
  EXPECT_TRUE(all.features[1].contains("type of Einsum input"));
}

TEST(ChildFeatures, AfterSomeDeathsTheRestIsNotTried) {
  const std::vector<Probe> probes(30, EinsumProbe("....i->i"));
  const ChildFeatures all = FeaturesInChildren(probes, {}, 0.2);
  EXPECT_EQ(all.stated_only, 30);
  EXPECT_EQ(all.features.back(), StatedFeaturesOf(probes.back()));
}

}  // namespace
}  // namespace moire
