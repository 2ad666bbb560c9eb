// Small counts of what moire_bank measures in full.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "harness/case/onnx_adapter.h"
#include "harness/execute/execute.h"
#include "synth/load.h"
#include "synth/minimality.h"
#include "tests/bank/conditions.h"
#include "tests/bank/graphs.h"
#include "tests/bank/same_bugs.h"

namespace moire::bank {
namespace {

TEST(Bank, PredicatesSeparate) {
  int looked = 0;
  for (const Condition& condition : Conditions()) {
    // One of each kind: attribute, level, shape, type, value.
    const std::string& name = condition.plant.name;
    if (name != "softmax_axis" && name != "reduce_level" && name != "matmul_inner" &&
        name != "mul_double" && name != "abs_nan") {
      continue;
    }
    const ExplainReport report = MeasureExplain(condition, 150);
    EXPECT_EQ(report.error, "") << name;
    EXPECT_GE(report.right, report.fresh * 98 / 100) << name << ": " << report.predicate;
    EXPECT_GT(report.failing, 5) << name;
    EXPECT_GT(report.fresh - report.failing, 5) << name;
    ++looked;
  }
  EXPECT_EQ(looked, 5);
}

TEST(Bank, OneBugIsToldFromTwo) {
  const SameBugsReport report = MeasureSameBugs(3, "gemm");
  EXPECT_GT(report.of_one, 2);
  EXPECT_GT(report.told_same, 0);
  EXPECT_GT(report.of_two, 0);
  EXPECT_EQ(report.mistaken, "");
}

TEST(Bank, HasEveryKindOfGraph) {
  std::map<std::string, int> kinds;
  for (const FailingGraph& graph : Bank()) ++kinds[graph.kind];
  int graphs = 0;
  for (const auto& [kind, count] : kinds) graphs += count;
  EXPECT_GE(graphs, 60);
  EXPECT_GE(kinds.size(), 11U);
}

// The smallest of each kind, and two causes among 300 nodes.
TEST(Bank, GraphsReachTheirSmallestForm) {
  for (const FailingGraph& graph : Bank()) {
    const bool large = graph.name == "branches/300/5" || graph.name == "chain/300/5";
    if (!large && (graph.name.find("/20/") == std::string::npos || graph.kind == "hang")) continue;
    const GraphReport report = MeasureGraph(graph, {});
    EXPECT_EQ(report.error, "") << graph.name;
    EXPECT_LE(report.ours.nodes, graph.smallest) << graph.name;
    EXPECT_TRUE(report.ours.minimal) << graph.name;
    EXPECT_TRUE(report.verified) << graph.name << ": " << report.still_fails;
    EXPECT_LE(report.ours.nodes, std::min(report.chunks.nodes, report.cut.nodes)) << graph.name;
    EXPECT_LE(report.ours.bytes, report.bytes) << graph.name;
  }
}

// A cause inside a function of the model's own, or inside a branch: the node comes out alone, and
// by no other pass than the one that is for it.
TEST(Bank, WhatIsInsideComesOut) {
  constexpr std::string_view kFunction = R"(<ir_version: 8, opset_import: ["" : 17, "own" : 1]>
    agraph (float[2,3] x, float[2,3] w) => (float[2,3] y) {
      a = Relu(x)
      b = own.outer(a, w)
      y = Neg(b)
    }
    <domain: "own", opset_import: ["" : 17, "own" : 1]>
    outer (p, q) => (r) { s = Add(p, q) t = own.inner(s) r = Exp(t) }
    <domain: "own", opset_import: ["" : 17]>
    inner (p) => (r) { s = Abs(p) t = Softsign(s) r = Sqrt(t) })";
  constexpr std::string_view kIf = R"(<ir_version: 8, opset_import: ["" : 17]>
    agraph (float[2,3] x, bool c) => (float[2,3] y) {
      a = Relu(x)
      b = If(c) <then_branch = t () => (float[2,3] u) { p = Abs(a) q = Softsign(p) u = Exp(q) },
                 else_branch = e () => (float[2,3] v) { r = Neg(a) s = Softsign(r) v = Abs(s) }>
      y = Neg(b)
    })";
  Plant plant;
  plant.needs = {[](const Site& site) { return site.node.op == "Softsign"; }};
  for (const auto& [pass, text] : {std::pair("functions", kFunction), std::pair("bodies", kIf)}) {
    Case original;
    original.model = ParseModelText(text).value();
    original.inputs = GenerateInputs(ParseModel(original.model).value(), {}).value();
    for (const bool skipped : {false, true}) {
      ReduceOptions options;
      if (skipped) options.skip = {pass};
      Configurations one = OpenPlantedAt(plant, 3);
      const auto result = Reduce(
          original,
          [&](const Case& candidate) {
            const Execution run = Execute(candidate, one);
            return !run.verdicts.empty() && IsBug(run.verdicts.front().kind);
          },
          options);
      ASSERT_TRUE(result) << pass << ": " << result.error().message;
      const Model reduced = ParseModel(result->reduced.model).value();
      const bool alone = CountNodes(reduced.graph) == 1 &&
                         reduced.graph.nodes[0].op == "Softsign" && reduced.extra.empty();
      EXPECT_EQ(alone, !skipped) << pass << "\n" << PrintModel(result->reduced.model).value();
      EXPECT_TRUE(result->minimal) << pass;
    }
  }
}

// The independent check must see what is left to do.
TEST(Bank, WhatIsNotMinimalIsToldSo) {
  const std::vector<FailingGraph> bank = Bank();
  const FailingGraph& graph = bank.front();
  Configurations one = OpenPlantedAt(graph.plant, 3);
  const Interesting fails = [&](const Case& candidate) {
    const Execution run = Execute(candidate, one);
    return !run.verdicts.empty() && IsBug(run.verdicts.front().kind);
  };
  const MinimalityReport whole = CheckMinimal(graph.test_case, graph.test_case, fails);
  EXPECT_FALSE(whole.minimal);
  EXPECT_NE(whole.still_fails, "");
  // A test that only the case itself passes leaves nothing to do.
  const MinimalityReport none =
      CheckMinimal(graph.test_case, graph.test_case, [](const Case&) { return false; });
  EXPECT_TRUE(none.minimal);
  EXPECT_GT(none.edits, 20);
}

}  // namespace
}  // namespace moire::bank
