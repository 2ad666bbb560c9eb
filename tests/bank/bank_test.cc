// Small counts of what moire_bank measures in full.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "harness/execute/execute.h"
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
