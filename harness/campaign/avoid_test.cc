#include "harness/campaign/avoid.h"

#include <gtest/gtest.h>

#include "harness/campaign/worker_stats.h"
#include "harness/case/onnx_adapter.h"

namespace moire {
namespace {

struct Parsed {
  Model model;
  Facts facts;
};

Parsed Parse(const char* text, std::vector<NamedTensor> inputs = {}) {
  Parsed out{*ParseModel(*ParseModelText(text)), {}};
  out.facts = FactsOfInputs(out.model, inputs);
  return out;
}

Tensor Ints32(std::vector<int32_t> values) {
  Tensor out = MakeTensor(DataType::kInt32, {static_cast<int64_t>(values.size())});
  std::copy(values.begin(), values.end(), out.As<int32_t>().begin());
  return out;
}

constexpr const char* kDiv = R"(<ir_version: 10, opset_import: ["" : 21]>
g (int32[1] a, int32[1] b) => (int32[1] y) { y = Div (a, b) })";

TEST(Avoid, RuleNeedsTheSpecialValuesOfItsSighting) {
  const auto bad = Parse(kDiv, {{"a", Ints32({INT32_MIN})}, {"b", Ints32({-1})}});
  const auto good = Parse(kDiv, {{"a", Ints32({6})}, {"b", Ints32({3})}});
  const auto rule = RuleFromCase("cause", "ort:level=none", bad.model, bad.facts);
  ASSERT_TRUE(rule);
  EXPECT_TRUE(Matches(*rule, bad.model, bad.facts));
  EXPECT_FALSE(Matches(*rule, good.model, good.facts));
}

TEST(Avoid, AnotherTypeIsNotAvoided) {
  const auto bad = Parse(kDiv, {{"a", Ints32({1})}, {"b", Ints32({1})}});
  auto other = Parse(R"(<ir_version: 10, opset_import: ["" : 21]>
g (float[1] a, float[1] b) => (float[1] y) { y = Div (a, b) })",
                     {{"a", FloatScalar(1)}, {"b", FloatScalar(1)}});
  const auto rule = RuleFromCase("cause", "c", bad.model, bad.facts);
  EXPECT_FALSE(Matches(*rule, other.model, other.facts));
}

TEST(Avoid, SightingsKeepWhatTheyHaveInCommon) {
  const char* text = R"(<ir_version: 10, opset_import: ["" : 21]>
g (float[2,2] a) => (float[2,2] y) { b = Transpose <perm = [1, 0]> (a)
 y = Softmax <axis = %AXIS%> (b) })";
  const auto with_axis = [&](const std::string& axis) {
    std::string copy(text);
    copy.replace(copy.find("%AXIS%"), 6, axis);
    return Parse(copy.c_str(), {{"a", MakeTensor(DataType::kFloat, {2, 2})}});
  };
  const auto first = with_axis("0");
  const auto second = with_axis("1");
  AvoidRule rule = *RuleFromCase("cause", "c:level=all", first.model, first.facts);
  EXPECT_FALSE(Matches(rule, second.model, second.facts));
  ASSERT_TRUE(Generalise(rule, *RuleFromCase("cause", "c:level=none", second.model, second.facts)));
  EXPECT_TRUE(Matches(rule, second.model, second.facts));
  EXPECT_EQ(rule.configurations.size(), 2u);
  EXPECT_EQ(rule.nodes[0].attributes.count("perm"), 1u);
  // The edge from Transpose to Softmax is part of the rule.
  const auto apart = Parse(R"(<ir_version: 10, opset_import: ["" : 21]>
g (float[2,2] a) => (float[2,2] y, float[2,2] b) { b = Transpose <perm = [1, 0]> (a)
 y = Softmax <axis = 1> (a) })",
                           {{"a", MakeTensor(DataType::kFloat, {2, 2})}});
  EXPECT_FALSE(Matches(rule, apart.model, apart.facts));
}

TEST(Avoid, RulesSurviveJson) {
  const auto bad = Parse(kDiv, {{"a", Ints32({INT32_MIN})}, {"b", Ints32({-1})}});
  const std::vector<AvoidRule> rules = {*RuleFromCase("cause", "c", bad.model, bad.facts)};
  const auto read = RulesFromJson(RulesToJson(rules));
  ASSERT_TRUE(read);
  EXPECT_EQ(RulesToJson(*read), RulesToJson(rules));
  EXPECT_FALSE(RulesFromJson("[{}]"));
}

// The reduced case has plain types: the sighted one tells which of them matter.
TEST(Avoid, WidensToTheSightedCaseAndNoFurther) {
  const char* text = R"(<ir_version: 10, opset_import: ["" : 21]>
g (%DATA%[2,2] a, %INDEX%[1] b) => (%DATA%[2,1] y) { y = Gather <axis = %AXIS%> (a, b) })";
  const auto gather = [&](std::string data, std::string index, std::string axis) {
    std::string copy(text);
    for (const auto& [mark, value] : {std::pair{"%DATA%", data}, {"%INDEX%", index}, {"%AXIS%", axis}}) {
      for (size_t at; (at = copy.find(mark)) != std::string::npos;) {
        copy.replace(at, std::string(mark).size(), value);
      }
    }
    return Parse(copy.c_str(), {{"a", MakeTensor(ParseDataType(data), {2, 2})},
                                {"b", MakeTensor(ParseDataType(index), {1})}});
  };
  const auto reduced = gather("float", "int64", "0");
  const auto sighted = gather("float", "int32", "1");
  AvoidRule rule = *RuleFromCase("cause", "c", reduced.model, reduced.facts);
  EXPECT_FALSE(Matches(rule, sighted.model, sighted.facts));
  ASSERT_TRUE(WidenTo(rule, sighted.model, sighted.facts));
  EXPECT_TRUE(Matches(rule, sighted.model, sighted.facts));
  EXPECT_TRUE(Matches(rule, reduced.model, reduced.facts));
  const auto other = gather("double", "int32", "1");
  EXPECT_FALSE(Matches(rule, other.model, other.facts));
  // A second sighting under the narrower types does not take back what was learned.
  AvoidRule narrow = *RuleFromCase("cause", "c", reduced.model, reduced.facts);
  ASSERT_TRUE(Generalise(narrow, rule));
  EXPECT_TRUE(Matches(narrow, sighted.model, sighted.facts));
  const auto relu = Parse(R"(<ir_version: 10, opset_import: ["" : 21]>
g (float[1] a) => (float[1] y) { y = Relu (a) })");
  EXPECT_FALSE(WidenTo(rule, relu.model, relu.facts));
}

TEST(Avoid, ModelsWithoutTheOperatorsNeedNoFacts) {
  const auto div = Parse(kDiv, {{"a", Ints32({1})}, {"b", Ints32({1})}});
  const auto relu = Parse(R"(<ir_version: 10, opset_import: ["" : 21]>
g (float[1] a) => (float[1] y) { y = Relu (a) })");
  const auto rule = RuleFromCase("cause", "c", div.model, div.facts);
  EXPECT_TRUE(MayMatch(*rule, div.model));
  EXPECT_FALSE(MayMatch(*rule, relu.model));
}

// Matches up to the next probe.
uint64_t MatchesToProbe(RuleCounters& counters) {
  for (uint64_t matches = 1;; ++matches) {
    if (counters.CountMatch()) return matches;
  }
}

TEST(Avoid, ProbesThatFailComeAtGrowingDistances) {
  RuleCounters counters;
  EXPECT_EQ(MatchesToProbe(counters), 64u);
  EXPECT_EQ(MatchesToProbe(counters), 128u);
  EXPECT_EQ(MatchesToProbe(counters), 256u);
  for (int i = 0; i < 5; ++i) MatchesToProbe(counters);
  EXPECT_EQ(MatchesToProbe(counters), 1024u);
  EXPECT_EQ(counters.passes, 0u);
}

TEST(Avoid, ProbesThatPassAreSoonFollowedAndOneThatDiesStartsAgain) {
  RuleCounters counters;
  MatchesToProbe(counters);
  counters.Passed(0);
  EXPECT_EQ(counters.passes, 1u);
  EXPECT_EQ(MatchesToProbe(counters), 8u);
  EXPECT_EQ(counters.passes, 0u);  // the probe under way: it has not come back yet
  counters.Passed(1);
  EXPECT_EQ(counters.passes, 2u);
  EXPECT_EQ(MatchesToProbe(counters), 8u);  // and dies
  EXPECT_EQ(counters.passes, 0u);
  EXPECT_GE(MatchesToProbe(counters), 64u);
}

TEST(Avoid, CountersFollowTheirRules) {
  WorkerStats stats;
  stats.rules[1].matches = 7;
  stats.rules[2].passes = 2;
  stats.DropRule(0);
  EXPECT_EQ(stats.rules[0].matches, 7u);
  EXPECT_EQ(stats.rules[1].passes, 2u);
  EXPECT_EQ(stats.rules[2].passes, 0u);
}

}  // namespace
}  // namespace moire
