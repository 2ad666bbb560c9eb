// Planted trouble that the search must get rid of, hopeless graphs that it must leave alone, and a
// stream of generated graphs.
#include "fuzzers/values/value_search.h"

#include <gtest/gtest.h>

#include <cmath>

#include "fuzzers/mutate/mutate.h"
#include "fuzzers/values/structure_hash.h"
#include "fuzzers/values/values_testing.h"

namespace moire {
namespace {

using testing::CaseOf;

Assessment Judge(const GeneratedCase& made) { return Assess(Evaluate(made.model, made.inputs)); }

struct Planted {
  const char* name;
  const char* graph;
  Range range;  // of the inputs, so that the graph is in trouble
};

constexpr Planted kPlanted[] = {
    {"a function's domain", "g (float[8] x) => (float[8] y) { y = Acos (x) }", {-2, 2}},
    {"a domain behind a chain",
     R"(g (float[2, 4] x) => (float[4, 2] y, float[4, 2] z) <float three = {3}> {
       a = Mul (x, three)
       b = Transpose (a)
       c = Cosh (b)
       y = Acosh (c)
       z = Log (b) })",
     {-1, 0}},
    {"a sum that overflows a power",
     "g (float16[8] x) => (float16[8] y) { a = Add (x, x)\n y = Exp (a) }",
     {-9, 9}},
    {"a norm of 0",
     R"(g (double[4] x) => (double[4] y) {
       norm = ReduceL2 (x)
       y = Div (x, norm) })",
     {0, 0}},
    {"a step on rounded values",
     R"(g (float[6] x) => (float[6] y) {
       a = Exp (x)
       y = Floor (a) })",
     {0, 0}},
    {"ties",
     "g (float[2, 8] x) => (int64[2, 1] y, float z) { a = Tanh (x)\n y = ArgMax <axis = 1> (a)\n z "
     "= ReduceMax (x) }",
     {1, 1}},
    {"a whole divisor", "g (int32[6] x, int32[6] d) => (int32[6] y) { y = Div (x, d) }", {0, 2}},
    {"a conversion out of range",
     "g (float[6] x) => (int8[6] y) { a = Exp (x)\n y = Cast <to = 3> (a) }",
     {6, 9}},
    {"a variance of 0",
     R"(g (float[2, 3, 4] x) => (float[2, 3, 4] y) <float[3] s = {1, 1, 1}, float[3] b = {0, 0, 0}> {
       a = Sin (x)
       y = InstanceNormalization <epsilon = 1e-12> (a, s, b) })",
     {1, 1}},
};

// A Sigmoid never exceeds 1.
constexpr const char* kHopeless = R"(g (float[8] x) => (float[8] y) {
  a = Sigmoid (x)
  y = Acosh (a) })";

TEST(ValueSearch, RemovesPlantedTroubleAndNothingElse) {
  for (const Planted& planted : kPlanted) {
    SCOPED_TRACE(planted.name);
    GeneratedCase made = CaseOf(planted.graph, planted.range);
    const uint64_t structure = StructureHash(made);
    ASSERT_TRUE(Judge(made).evaluated);
    ASSERT_FALSE(Judge(made).Good());
    ValueSearch search;
    Random random(1);
    EXPECT_TRUE(search.Improve(made, random).good);
    EXPECT_TRUE(Judge(made).Good());
    EXPECT_EQ(StructureHash(made), structure);
  }
}

TEST(ValueSearch, LeavesAHopelessGraphAsItWasAndRemembersIt) {
  const GeneratedCase given = CaseOf(kHopeless, {-2, 2});
  GeneratedCase made = given;
  ValueSearch search;
  Random random(1);
  EXPECT_FALSE(search.Improve(made, random).good);
  EXPECT_EQ(ToCase(made), ToCase(given));
  const uint64_t evaluations = search.counts().evaluations;
  EXPECT_GT(evaluations, 4u);
  // The same graph with other data: not searched again.
  SetFloat(made.inputs[0].tensor, 0, 0.5);
  EXPECT_FALSE(search.Improve(made, random).good);
  EXPECT_EQ(search.counts().given_up, 1u);
  EXPECT_EQ(search.counts().evaluations, evaluations);
}

TEST(ValueSearch, WhatHelpedAGraphHelpsItsMutants) {
  ValueSearch search;
  Random random(1);
  GeneratedCase made = CaseOf(kPlanted[0].graph, kPlanted[0].range);
  ASSERT_TRUE(search.Improve(made, random).good);
  GeneratedCase mutant = CaseOf(kPlanted[0].graph, {-3, 3});
  EXPECT_TRUE(search.Improve(mutant, random).good);
  EXPECT_EQ(search.counts().from_cache, 1u);
}

TEST(ValueSearch, KeepsOffSpecialValuesAndMalformedCases) {
  GeneratedCase made = CaseOf(kPlanted[0].graph, {-2, 2});
  EXPECT_TRUE(ValueSearch::Applies(made));
  made.malformed = true;
  EXPECT_FALSE(ValueSearch::Applies(made));
  made.malformed = false;
  for (const double special : {std::nan(""), HUGE_VAL, -3e38}) {
    SetFloat(made.inputs[0].tensor, 3, special);
    EXPECT_FALSE(ValueSearch::Applies(made)) << special;
  }
}

TEST(ValueSearch, DoesNotChangeWhatDecidesShapes) {
  GeneratedCase made = CaseOf(R"(g (float[1, 1, 4, 4] x) => (float[1, 1, n, m] y)
    <float[4] scales = {1, 1, 2, 2}> {
    a = Log (x)
    y = Resize <mode = "nearest"> (a, , scales) })",
                              {-1, 1});
  const Tensor scales = made.model.graph.initializers[0].tensor;
  ValueSearch search;
  Random random(1);
  EXPECT_TRUE(search.Improve(made, random).good);
  EXPECT_EQ(made.model.graph.initializers[0].tensor, scales);
}

TEST(ValueSearch, GeneratedGraphsAndMutants) {
  GeneratorSettings settings;
  settings.min_nodes = settings.max_nodes = 10;
  const Learned learned;
  Random random(11);
  ValueSearch search;
  ValueSearch twin;
  GeneratedCase made;
  int graphs = 0;
  int good = 0;
  for (int i = 0; i < 800; ++i) {
    made =
        i % 4 == 0 ? Generate(random, settings, learned) : Mutate(made, random, settings, learned);
    const Assessment first = Judge(made);
    if (!first.evaluated || !ValueSearch::Applies(made)) continue;
    ++graphs;
    if (!first.Good()) {
      // The same case and random source, the same memory: the same values.
      GeneratedCase again = made;
      Random one(static_cast<uint64_t>(i));
      Random other(static_cast<uint64_t>(i));
      search.Improve(made, one);
      twin.Improve(again, other);
      ASSERT_EQ(ToCase(made), ToCase(again));
    }
    good += Judge(made).Good() ? 1 : 0;
  }
  EXPECT_GT(graphs, 600);
  EXPECT_GE(good, 96 * graphs / 100);
  EXPECT_GT(search.counts().found, search.counts().searched / 4);
}

}  // namespace
}  // namespace moire
