// The campaign's parts on planted faults: which part of a case fails, and probes that kill.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/campaign/parts.h"
#include "harness/campaign/probe.h"
#include "harness/case/onnx_adapter.h"
#include "tests/faulty/faulty_backend.h"

namespace moire::faulty {
namespace {

using ::testing::Not;
using ::testing::StartsWith;

Case Chain() {
  Case test_case;
  const auto model = ParseModelText(R"(<ir_version: 8, opset_import: ["" : 17]>
    g (float[3] x, float[3] y) => (float[3] z) {
      a = Add(x, y)
      b = Sub(a, y)
      c = Mul(b, b)
      d = Exp(c)
      z = Sub(d, x)
    })");
  EXPECT_TRUE(model) << model.error().message;
  test_case.model = *model;
  for (const char* name : {"x", "y"}) {
    Tensor tensor = MakeTensor(DataType::kFloat, {3});
    for (size_t i = 0; i < 3; ++i)
      tensor.As<float>()[i] = static_cast<float>(i + 1 + (*name == 'y'));
    test_case.inputs.push_back({name, tensor});
  }
  return test_case;
}

OpenAll OpenWith(const char* settings) { return OpenFaulty(*ParseFaulty(settings)); }

std::vector<FailingPart> PartsWith(const Case& test_case, const char* settings) {
  const OpenAll open = OpenWith(settings);
  const auto run = ExecuteInChild(test_case, open);
  EXPECT_TRUE(run);
  for (const Verdict& verdict : run->execution.verdicts) {
    if (IsBug(verdict.kind)) return FailingParts(test_case, verdict, open, {});
  }
  ADD_FAILURE() << settings << ": no bug shows";
  return {};
}

TEST(Parts, TheFailingNodesStandAloneAndShareAKey) {
  const auto parts = PartsWith(Chain(), "fault=swapped");
  ASSERT_EQ(parts.size(), 2u);  // both Subs
  for (const FailingPart& part : parts) {
    const auto model = ParseModel(part.test_case.model);
    ASSERT_TRUE(model);
    ASSERT_EQ(model->graph.nodes.size(), 1u);
    EXPECT_EQ(model->graph.nodes[0].op, "Sub");
    EXPECT_EQ(part.verdict.kind, VerdictKind::kMismatch);
    EXPECT_EQ(part.key, parts[0].key);
  }
}

TEST(Parts, AnotherOperatorHasAnotherKey) {
  const auto sub = PartsWith(Chain(), "fault=swapped");
  const auto exp = PartsWith(Chain(), "fault=tail");
  ASSERT_FALSE(sub.empty() || exp.empty());
  EXPECT_NE(sub[0].key, exp[0].key);
}

TEST(Parts, ACleanCaseHasNone) {
  Verdict wanted{.kind = VerdictKind::kMismatch,
                 .oracle = "differential",
                 .configuration = "faulty",
                 .against = "reference",
                 .reason = {},
                 .error_class = "value",
                 .expected = {},
                 .actual = {}};
  EXPECT_TRUE(FailingParts(Chain(), wanted, OpenWith(""), {}).empty());
}

TEST(Probe, WhatDiesCountsAsImplementedAndCostsNothingElse) {
  GeneratorSettings settings;
  settings.only_operators = {"Gather", "Relu", "STFT"};
  Learned clean, deadly;
  FaultyConfiguration twin(*ParseFaulty(""));
  FaultyConfiguration faulty(*ParseFaulty("fault=crash,op=Gather,type=float"));
  ProbeInChildren(settings, twin, clean);
  ProbeInChildren(settings, faulty, deadly);
  EXPECT_EQ(clean.Rows(), deadly.Rows());
  EXPECT_FALSE(clean.Rows().empty());
  for (const std::string& row : deadly.Rows()) EXPECT_THAT(row, Not(StartsWith("Gather(")));
}

}  // namespace
}  // namespace moire::faulty
