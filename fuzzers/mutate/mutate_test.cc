#include "fuzzers/mutate/mutate.h"

#include <gtest/gtest.h>

#include <set>

#include "fuzzers/generate/generate_testing.h"
#include "fuzzers/generate/mend.h"
#include "fuzzers/mutate/edits.h"
#include "harness/case/onnx_adapter.h"

namespace moire {
namespace {

using testing::TenNodes;

TEST(Mutate, MutantsStayValid) {
  Random random(1);
  const GeneratorSettings settings = TenNodes();
  GeneratedCase current = Generate(random, settings, {});
  int well_formed = 0;
  int invalid = 0;
  std::string first;
  for (int i = 0; i < 600; ++i) {
    current = Mutate(current, random, settings, {});
    const Case made = ToCase(current);
    if (current.malformed) {
      current = Generate(random, settings, {});
      continue;
    }
    ++well_formed;
    // Each link of the chain goes through bytes, as in a corpus.
    auto read = FromCase(made);
    ASSERT_TRUE(read) << read.error().message;
    current = std::move(*read);
    const Status status = CheckModel(made.model, true);
    if (status) continue;
    if (invalid++ == 0) first = status.error().message + "\n" + PrintModel(made.model).value_or("");
    current = Generate(random, settings, {});
  }
  EXPECT_GE(well_formed, 500);
  EXPECT_LE(invalid, well_formed * 3 / 100) << first;
}

TEST(Mutate, IsAFunctionOfParentAndSeed) {
  Random random(4);
  const GeneratedCase parent = Generate(random, TenNodes(), {});
  const auto mutate = [&](uint64_t seed) {
    Random source(seed);
    return SerializeCase(ToCase(Mutate(parent, source, TenNodes(), {})));
  };
  std::set<std::string> distinct;
  for (uint64_t seed = 0; seed < 40; ++seed) {
    EXPECT_EQ(mutate(seed), mutate(seed));
    distinct.insert(mutate(seed));
  }
  EXPECT_GE(distinct.size(), 35u);
}

// Where an edit leaves a node whose shapes do not fit, the solver changes what is around it;
// without it the node is cut out. What it makes is as valid.
TEST(Mutate, NodesWhoseShapesBrokeAreMadeToFit) {
  MendCounts counts[2];
  for (const bool mend : {false, true}) {
    GeneratorSettings settings = TenNodes();
    settings.mend = mend;
    settings.malformed_share = 0;
    (void)TakeMendCounts();
    int invalid = 0;
    for (uint64_t seed = 0; seed < 500; ++seed) {
      Random random(seed);
      const GeneratedCase parent = Generate(random, settings, {});
      const uint64_t repaired = TakeMendCounts().repaired;
      EXPECT_EQ(repaired, 0u);
      const GeneratedCase mutant = Mutate(parent, random, settings, {});
      const MendCounts made = TakeMendCounts();
      counts[mend].Add(made);
      if (made.nodes_mended > 0) invalid += CheckModel(ToCase(mutant).model, true) ? 0 : 1;
    }
    EXPECT_LE(invalid, 1);
  }
  EXPECT_EQ(counts[0].nodes_mended + counts[0].solver.near + counts[0].solver.solves, 0u);
  EXPECT_GE(counts[1].repaired, 3u);
  EXPECT_GE(counts[1].nodes_mended, 8u);
  EXPECT_LT(counts[1].nodes_lost, counts[0].nodes_lost);
  EXPECT_EQ(counts[1].solver.timeouts, 0u);
}

TEST(Mutate, EveryEditDoesSomething) {
  Random random(2);
  GeneratorSettings settings = TenNodes();
  settings.vary_run_options = true;
  settings.external_share = 0.5;
  settings.edge_share = 0.5;
  const Learned learned;
  for (const auto table : {ValueEdits(), NodeEdits(), TypeShapeEdits()}) {
    for (const EditEntry& entry : table) {
      int done = 0;
      for (int i = 0; i < 60; ++i) {
        const GeneratedCase parent = Generate(random, settings, learned);
        GraphBuilder graph(random, settings, learned, parent.model.Opset(""));
        ASSERT_TRUE(graph.Load(parent));
        EXPECT_EQ(graph.misfits(), 0u);
        done += entry.edit(graph) != Edited::kNothing ? 1 : 0;
      }
      EXPECT_GT(done, 3) << entry.name;
    }
  }
}

TEST(Mutate, LoadingAndFinishingKeepsTheCase) {
  Random random(6);
  const GeneratorSettings settings = TenNodes();
  const Learned learned;
  for (int i = 0; i < 100; ++i) {
    const GeneratedCase parent = Generate(random, settings, learned);
    GraphBuilder graph(random, settings, learned, parent.model.Opset(""));
    ASSERT_TRUE(graph.Load(parent));
    const GeneratedCase copy = graph.Finish();
    ASSERT_EQ(copy.model.graph.nodes.size(), parent.model.graph.nodes.size());
    for (size_t n = 0; n < copy.model.graph.nodes.size(); ++n) {
      EXPECT_EQ(copy.model.graph.nodes[n].inputs, parent.model.graph.nodes[n].inputs);
      EXPECT_EQ(copy.model.graph.nodes[n].outputs, parent.model.graph.nodes[n].outputs);
    }
    EXPECT_EQ(copy.model.graph.outputs.size(), parent.model.graph.outputs.size());
  }
}

TEST(Crossover, SplicesTwoGraphs) {
  Random random(3);
  const GeneratorSettings settings = TenNodes();
  int spliced = 0;
  int invalid = 0;
  for (int i = 0; i < 200; ++i) {
    const GeneratedCase a = Generate(random, settings, {});
    const GeneratedCase b = Generate(random, settings, {});
    const GeneratedCase child = Crossover(a, b, random, settings, {});
    if (child.malformed) continue;
    bool from_b = false;
    for (const Node& node : child.model.graph.nodes) {
      from_b |= node.name.starts_with("s") && node.name.contains("_n");
    }
    spliced += from_b ? 1 : 0;
    invalid += CheckModel(ToCase(child).model, true) ? 0 : 1;
  }
  EXPECT_GE(spliced, 40);
  EXPECT_LE(invalid, 8);
}

TEST(Malform, BreaksAndFlags) {
  Random random(8);
  int refused = 0;
  for (int i = 0; i < 200; ++i) {
    GeneratedCase victim = Generate(random, TenNodes(), {});
    Malform(victim, random);
    EXPECT_TRUE(victim.malformed);
    // Serialising must work whatever was broken.
    const auto back = ParseModel(ToCase(victim).model);
    ASSERT_TRUE(back);
    const GeneratedCase parent{std::move(*back), victim.inputs, victim.options, false};
    Random source(static_cast<uint64_t>(i));
    refused += Mutate(parent, source, TenNodes(), {}).model.graph.nodes.empty() ? 1 : 0;
  }
  EXPECT_EQ(refused, 0);
}

TEST(Mutate, MendsABrokenParent) {
  Random random(10);
  const GeneratorSettings settings = TenNodes();
  int valid = 0;
  int tried = 0;
  for (int i = 0; i < 200; ++i) {
    GeneratedCase victim = Generate(random, settings, {});
    Malform(victim, random);
    const GeneratedCase child = Mutate(victim, random, settings, {});
    if (child.malformed) continue;
    ++tried;
    valid += CheckModel(ToCase(child).model, true) ? 1 : 0;
  }
  EXPECT_GE(valid, tried * 9 / 10);
}

}  // namespace
}  // namespace moire
