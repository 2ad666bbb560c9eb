// Features where what computes them does not survive: it dies, or never ends.
#include "synth/explain/child_features.h"

#include <gtest/gtest.h>

#include <csignal>

#include "synth/edit.h"

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

// What the ONNX library does of some malformed models: dies of the equation "dies", never ends with
// "hangs".
Features FeaturesWithFaults(const Probe& probe) {
  const std::string equation =
      std::get<std::string>(probe.sketch.model.graph.nodes[0].attributes[0].value);
  if (equation == "dies") raise(SIGSEGV);
  const volatile bool goes_on = equation == "hangs";
  while (goes_on) continue;
  return FeaturesOf(probe);
}

TEST(ChildFeatures, OneThatDiesOrHangsKeepsWhatItStates) {
  for (const std::string fault : {"dies", "hangs"}) {
    SCOPED_TRACE(fault);
    const std::vector<Probe> probes = {EinsumProbe("i->i"), EinsumProbe(fault),
                                       EinsumProbe("i->i")};
    const ChildFeatures all = FeaturesInChildren(probes, {}, 0.3, FeaturesWithFaults);
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
}

TEST(ChildFeatures, AfterSomeDeathsTheRestIsNotTried) {
  const std::vector<Probe> probes(30, EinsumProbe("dies"));
  const ChildFeatures all = FeaturesInChildren(probes, {}, 0.2, FeaturesWithFaults);
  EXPECT_EQ(all.stated_only, 30);
  EXPECT_EQ(all.features.back(), StatedFeaturesOf(probes.back()));
}

// Shape inference of onnx 1.23.2 reads outside its memory here (known bug 33): it never ends, dies,
// or refuses the model, as that memory has it.
TEST(ChildFeatures, AnEinsumThatOnnxMayNotSurviveLeavesTheOthersAlone) {
  const std::vector<Probe> probes = {EinsumProbe("i->i"), EinsumProbe("....i->i"),
                                     EinsumProbe("i->i")};
  const ChildFeatures all = FeaturesInChildren(probes, {}, 0.3);
  ASSERT_EQ(all.features.size(), 3u);
  EXPECT_EQ(all.features[0], FeaturesOf(probes[0]));
  EXPECT_EQ(all.features[2], FeaturesOf(probes[2]));
  EXPECT_LE(all.stated_only, 1);
  for (const auto& [name, feature] : StatedFeaturesOf(probes[1])) {
    ASSERT_TRUE(all.features[1].contains(name)) << name;
    EXPECT_EQ(all.features[1].at(name), feature) << name;
  }
}

// The reduction asks the same of ONNX, and a search must outlive it: what it does not say is
// guessed.
TEST(ComputeValues, OutlivesAnEinsumThatOnnxMayNotSurvive) {
  const KnownValues values = ComputeValues(EinsumProbe("....i->i").sketch);
  ASSERT_TRUE(values.contains("z"));
  EXPECT_EQ(values.at("z").type, DataType::kFloat);
}

}  // namespace
}  // namespace moire
