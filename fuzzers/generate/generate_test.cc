#include "fuzzers/generate/generate.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "fuzzers/generate/coverage_table.h"
#include "fuzzers/generate/distribution.h"
#include "fuzzers/generate/functions.h"
#include "fuzzers/generate/generate_testing.h"
#include "fuzzers/generate/graph_builder.h"
#include "harness/case/onnx_adapter.h"

namespace moire {
namespace {

using testing::TenNodes;

TEST(Generate, ModelsPassTheCheckerWithFullInference) {
  Random random(1);
  int bad = 0;
  std::string first;
  for (int i = 0; i < 500; ++i) {
    GeneratorSettings settings = TenNodes();
    settings.min_nodes = 1;
    settings.max_nodes = 30;
    const Case made = ToCase(Generate(random, settings, {}));
    const Status status = CheckModel(made.model, true);
    if (status) continue;
    if (bad++ == 0) first = status.error().message + "\n" + PrintModel(made.model).value_or("");
  }
  // ONNX's own inference disagrees with itself about a handful of windows.
  EXPECT_LE(bad, 3) << first;
}

TEST(Generate, IsAFunctionOfSeedSettingsAndLearned) {
  const auto stream = [](uint64_t seed, const Learned& learned) {
    Random random(seed);
    std::string out;
    for (int i = 0; i < 50; ++i)
      out += SerializeCase(ToCase(Generate(random, TenNodes(), learned)));
    return out;
  };
  Learned some;
  ASSERT_TRUE(some.ReadRow("Relu(14): float"));
  EXPECT_EQ(stream(7, {}), stream(7, {}));
  EXPECT_EQ(stream(7, some), stream(7, some));
  EXPECT_NE(stream(7, {}), stream(8, {}));
  EXPECT_NE(stream(7, {}), stream(7, some));
}

TEST(Generate, KeepsItsDistribution) {
  Random random(3);
  Distribution distribution;
  for (int i = 0; i < 3000; ++i) distribution.Add(Generate(random, TenNodes(), {}));
  const Distribution::Figures figures = distribution.Compute();
  EXPECT_GE(figures.mean_nodes, 8);
  EXPECT_GE(figures.operators, 110u);
  EXPECT_GE(figures.element_types, 9u);
  EXPECT_GE(figures.from_nodes, 0.58);
  EXPECT_LE(figures.largest_share, 0.05) << figures.largest_operator;
  EXPECT_LE(figures.plain_share, 0.12);
  EXPECT_GE(figures.triples, 2500u);
  EXPECT_GE(figures.deep_share, 1.0 / 3);
  EXPECT_LE(figures.median_elements, 4096);
}

// Every node wherever it stands, and what kinds of cases there are.
struct Seen {
  std::set<std::pair<std::string, std::string>> operators;
  int bodies = 0;
  int nested = 0;
  int captures = 0;
  void AddGraph(const Graph& graph, int depth, std::set<std::string> names) {
    for (const ValueInfo& input : graph.inputs) names.insert(input.name);
    for (const NamedTensor& initializer : graph.initializers) names.insert(initializer.name);
    for (const Node& node : graph.nodes) {
      operators.emplace(node.domain, node.op);
      for (const std::string& input : node.inputs) {
        captures += depth > 0 && !input.empty() && !names.contains(input) ? 1 : 0;
      }
      names.insert(node.outputs.begin(), node.outputs.end());
      for (const Attribute& attribute : node.attributes) {
        if (const auto* body = std::get_if<GraphPtr>(&attribute.value)) {
          ++bodies;
          nested += depth > 0 ? 1 : 0;
          AddGraph(**body, depth + 1, {});
        }
      }
    }
  }
};

TEST(Generate, CoversTheStandard) {
  Random random(6);
  Seen seen;
  CoverageTable table;
  int functions = 0;
  int symbolic = 0;
  for (int i = 0; i < 15000; ++i) {
    const GeneratedCase made = Generate(random, TenNodes(), {});
    seen.AddGraph(made.model.graph, 0, {});
    table.Add(made, true, false);
    functions += made.model.Opset(kFunctionDomain) > 0 ? 1 : 0;
    symbolic += std::ranges::any_of(made.model.graph.inputs, [](const ValueInfo& input) {
      return !StaticShape(input.type).has_value();
    });
  }
  std::string missing;
  for (const auto& [domain, op] : AllOperators()) {
    if (!seen.operators.contains({domain, op})) missing += " " + op;
  }
  const CoverageTable::Figures figures = table.Compute();
  EXPECT_GE(figures.operators, 200u) << missing;
  EXPECT_GE(figures.ml_operators, 17u) << missing;
  EXPECT_GE(figures.element_types, 24u);
  EXPECT_GT(functions, 100);
  EXPECT_GT(symbolic, 100);
  EXPECT_GT(seen.bodies, 700);
  EXPECT_GT(seen.nested, 10);
  EXPECT_GT(seen.captures, 300);
}

// A captured value that changes its shape makes the node that holds the body a misfit.
TEST(Generate, RepairLooksIntoBodies) {
  GeneratorSettings settings = TenNodes();
  settings.only_operators = {"If", "Relu", "Neg", "Add", "Abs"};
  settings.pattern_share = 0;
  const Learned learned;
  Random random(8);
  int whole = 0;
  int broken = 0;
  for (int i = 0; i < 400 && broken < 5; ++i) {
    GeneratedCase made = Generate(random, settings, {});
    if (made.model.Opset("") < 13) continue;
    GraphBuilder first(random, settings, learned, made.model.Opset(""));
    const GraphBuilder::OldTypes nothing;
    ASSERT_TRUE(first.Repair(made, nothing));
    if (first.misfits() > 0) continue;
    ++whole;
    for (NamedTensor& input : made.inputs) {
      if (input.tensor.type == DataType::kFloat)
        input.tensor = MakeTensor(DataType::kFloat, {3, 11});
    }
    const bool captured = std::ranges::any_of(made.model.graph.nodes, [&](const Node& node) {
      Seen inside;
      Graph graph;
      graph.nodes = {node};
      inside.AddGraph(graph, 0, {});
      return inside.captures > 0;
    });
    GraphBuilder second(random, settings, learned, made.model.Opset(""));
    ASSERT_TRUE(second.Repair(made, nothing));
    broken += captured && second.misfits() > 0 ? 1 : 0;
  }
  EXPECT_GT(whole, 20);
  EXPECT_EQ(broken, 5);
}

TEST(Generate, AvoidsWhatIsLearned) {
  Learned learned;
  for (const int since : {6, 13}) {
    for (const std::string_view type : {"float", "double", "float16", "bfloat16"}) {
      ASSERT_TRUE(learned.ReadRow(fmt::format("Tanh({}): {}", since, type)));
    }
  }
  Random random(5);
  GeneratorSettings settings = TenNodes();
  settings.refused_share = 0;
  for (int i = 0; i < 500; ++i) {
    const GeneratedCase made = Generate(random, settings, learned);
    for (const Node& node : made.model.graph.nodes) EXPECT_NE(node.op, "Tanh");
  }
}

TEST(Generate, PlacesOnlyTheOperatorsAskedFor) {
  GeneratorSettings settings = TenNodes();
  settings.pattern_share = 0;
  settings.only_operators = {"Add", "Relu", "MatMul", "Reshape", "Transpose"};
  // Operands are also made by a few helpers, which constants and these are.
  const std::set<std::string> helpers = {"Constant", "Expand", "ReduceMax", "ReduceMin",
                                         "ReduceMean"};
  Random random(2);
  for (int i = 0; i < 200; ++i) {
    for (const Node& node : Generate(random, settings, {}).model.graph.nodes) {
      EXPECT_TRUE(std::ranges::find(settings.only_operators, node.op) !=
                      settings.only_operators.end() ||
                  helpers.contains(node.op))
          << node.op;
    }
  }
}

TEST(Generate, ACaseSurvivesItsBytes) {
  Random random(11);
  for (int i = 0; i < 100; ++i) {
    const GeneratedCase made = Generate(random, TenNodes(), {});
    const Case written = ToCase(made);
    const auto read = ParseCase(SerializeCase(written));
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(*read, written);
    const auto again = FromCase(*read);
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_EQ(ToCase(*again), written);
  }
}

TEST(Generate, ProbingNotesWhatIsRefused) {
  Learned learned;
  const size_t asked = ProbeImplemented(
      TenNodes(),
      [](const GeneratedCase& probe) {
        EXPECT_EQ(probe.model.graph.nodes.size(), 1u);
        return probe.model.graph.nodes[0].op != "Sin";
      },
      learned);
  EXPECT_GT(asked, 1000u);
  EXPECT_GT(learned.size(), 0u);
  for (const std::string& row : learned.Rows()) EXPECT_TRUE(row.starts_with("Sin(")) << row;
}

}  // namespace
}  // namespace moire
