// Each domain with a planted fault that must light something further, and a clean twin that must
// not.
#include "fuzzers/feedback/waypoints.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "fuzzers/feedback/extra_counters.h"

namespace moire {
namespace {

using testing::HasSubstr;

Tensor Floats(std::vector<float> values) {
  Tensor tensor = MakeTensor(DataType::kFloat, {static_cast<int64_t>(values.size())});
  std::ranges::copy(values, tensor.As<float>().begin());
  return tensor;
}

Tensor Typed(DataType type, std::vector<int64_t> values) {
  Tensor tensor = MakeTensor(type, {static_cast<int64_t>(values.size())});
  for (size_t i = 0; i < values.size(); ++i) SetInt(tensor, static_cast<int64_t>(i), values[i]);
  return tensor;
}

int64_t Lit() {
  const auto counters = WaypointCounters();
  return static_cast<int64_t>(counters.size()) - std::ranges::count(counters, 0);
}

Node MakeNode(std::string op, std::vector<std::string> inputs, std::vector<std::string> outputs) {
  Node node;
  node.op = std::move(op);
  node.inputs = std::move(inputs);
  node.outputs = std::move(outputs);
  return node;
}

Model Chain(std::vector<std::string> ops) {
  Model model;
  std::string value = "x";
  for (size_t i = 0; i < ops.size(); ++i) {
    const std::string next = "v" + std::to_string(i);
    model.graph.nodes.push_back(MakeNode(ops[i], {value}, {next}));
    value = next;
  }
  model.graph.outputs.push_back({value, TensorType(DataType::kFloat, Shape{2})});
  return model;
}

RunFacts Facts(const Model& model, DataType type) {
  RunFacts facts;
  facts.model = &model;
  for (const Node& node : model.graph.nodes) facts.types[node.outputs[0]] = type;
  return facts;
}

int64_t Observe(const std::string& domain, const RunFacts& facts) {
  const std::vector<std::string> names = {domain};
  const auto waypoints = Waypoints::Open(names);
  EXPECT_TRUE(waypoints.has_value());
  waypoints->Observe(facts);
  return Lit();
}

TEST(EffectiveBitGapTest, EqualResultsHaveNoGap) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(EffectiveBitGap(Floats({1, nan, 0}), Floats({1, -nan, -0.0f})), 0u);
  EXPECT_EQ(EffectiveBitGap(Typed(DataType::kInt8, {-3}), Typed(DataType::kInt8, {-3})), 0u);
}

TEST(EffectiveBitGapTest, GrowsWithTheDifference) {
  EXPECT_EQ(EffectiveBitGap(Floats({1}), Floats({std::nextafter(1.0f, 2.0f)})), 1u);
  EXPECT_EQ(EffectiveBitGap(Floats({1}), Floats({1 + 0x1p-13f})), 11u);
  EXPECT_EQ(EffectiveBitGap(Floats({1}), Floats({-1})), 24u);
  EXPECT_EQ(EffectiveBitGap(Floats({3e38f}), Floats({-3e38f})), 24u);
  EXPECT_EQ(EffectiveBitGap(Floats({0}), Floats({1e-45f})), 1u) << "one subnormal step is one bit";
  EXPECT_EQ(EffectiveBitGap(Typed(DataType::kInt32, {7}), Typed(DataType::kInt32, {8})), 1u);
  EXPECT_EQ(EffectiveBitGap(Typed(DataType::kUint64, {0}), Typed(DataType::kUint64, {-1})), 64u);
  const auto low = std::numeric_limits<int64_t>::min();
  const auto high = std::numeric_limits<int64_t>::max();
  EXPECT_EQ(EffectiveBitGap(Typed(DataType::kInt64, {low}), Typed(DataType::kInt64, {high})), 64u);
}

TEST(EffectiveBitGapTest, WhatCannotBeComparedIsFurthest) {
  const float inf = std::numeric_limits<float>::infinity();
  EXPECT_EQ(EffectiveBitGap(Floats({1}), Floats({std::nanf("")})), kIncomparable);
  EXPECT_EQ(EffectiveBitGap(Floats({1}), Floats({inf})), kIncomparable);
  EXPECT_EQ(EffectiveBitGap(Floats({inf}), Floats({-inf})), kIncomparable);
  EXPECT_EQ(EffectiveBitGap(Floats({1}), Floats({1, 1})), kIncomparable);
  EXPECT_EQ(EffectiveBitGap(Floats({1}), Typed(DataType::kInt32, {1})), kIncomparable);
}

TEST(WaypointsTest, EffectiveBitsLightUpToTheGapAndNoFurther) {
  const Model model = Chain({"Exp"});
  RunFacts facts = Facts(model, DataType::kFloat);
  const std::vector<NamedTensor> clean = {{"v0", Floats({1, 2})}};
  const std::vector<NamedTensor> off = {{"v0", Floats({1, 2 + 0x1p-12f})}};
  ClearCounters();
  facts.results = PairResults(model, clean, clean);
  EXPECT_EQ(Observe("effective-bits", facts), 0) << "the clean twin";
  facts.results = PairResults(model, clean, off);
  EXPECT_EQ(facts.results[0].op, "Exp");
  EXPECT_EQ(Observe("effective-bits", facts), 11);
  EXPECT_EQ(Observe("effective-bits", facts), 11) << "the same facts light the same counters";

  const Model other = Chain({"Log"});
  facts.model = &other;
  facts.results = PairResults(other, clean, off);
  EXPECT_EQ(Observe("effective-bits", facts), 22) << "another operator has its own";
}

TEST(WaypointsTest, OperatorPairsTellOrderAndTypeApart) {
  ClearCounters();
  const Model single = Chain({"Exp"});
  EXPECT_EQ(Observe("operator-pairs", Facts(single, DataType::kFloat)), 0) << "no pair";
  const Model pair = Chain({"Exp", "Log"});
  EXPECT_EQ(Observe("operator-pairs", Facts(pair, DataType::kFloat)), 1);
  EXPECT_EQ(Observe("operator-pairs", Facts(pair, DataType::kFloat)), 1);
  EXPECT_EQ(Observe("operator-pairs", Facts(pair, DataType::kDouble)), 2);
  const Model swapped = Chain({"Log", "Exp"});
  EXPECT_EQ(Observe("operator-pairs", Facts(swapped, DataType::kFloat)), 3);
  RunFacts nothing;
  EXPECT_EQ(Observe("operator-pairs", nothing), 3);
}

TEST(WaypointsTest, TransformersLightOnlyWhenOneFired) {
  ClearCounters();
  const Model model = Chain({"Exp", "Log", "Exp"});
  RunFacts facts = Facts(model, DataType::kFloat);
  EXPECT_EQ(Observe("transformers", facts), 0);
  const std::vector<std::string> fired = {"ConstantFolding"};
  facts.optimizers = fired;
  EXPECT_EQ(Observe("transformers", facts), 2);
  const std::vector<std::string> two = {"ConstantFolding", "EliminateIdentity"};
  facts.optimizers = two;
  EXPECT_EQ(Observe("transformers", facts), 4);
}

TEST(WaypointsTest, DomainsKeepTheirCountersWhateverElseIsOn) {
  const Model model = Chain({"Exp", "Log"});
  const RunFacts facts = Facts(model, DataType::kFloat);
  ClearCounters();
  Observe("operator-pairs", facts);
  const auto alone = WaypointCounters();
  const std::vector<uint8_t> before(alone.begin(), alone.end());
  ClearCounters();
  const auto all = Waypoints::Open();
  ASSERT_TRUE(all.has_value());
  all->Observe(facts);
  EXPECT_TRUE(std::ranges::equal(before, WaypointCounters()));
}

TEST(WaypointsTest, UnknownNamesAreTurnedAwayWithThoseThatExist) {
  const std::vector<std::string> names = {"efective-bits"};
  const auto waypoints = Waypoints::Open(names);
  ASSERT_FALSE(waypoints.has_value());
  EXPECT_EQ(waypoints.error().code, ErrorCode::kInvalidInput);
  EXPECT_THAT(waypoints.error().message, HasSubstr("effective-bits, operator-pairs, transformers"));
}

}  // namespace
}  // namespace moire
