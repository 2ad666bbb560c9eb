#include "fuzzers/values/pull.h"

#include <gtest/gtest.h>

#include "fuzzers/values/values_testing.h"

namespace moire {
namespace {

using testing::CaseOf;

// What x is wanted to be so that y lies in a range.
Range WantedOfX(const char* text, Range range) {
  GeneratedCase made = CaseOf(text, {-2, 2});
  TracedGraph graph(made);
  EXPECT_TRUE(graph.Evaluate().evaluated);
  LeafWants wants;
  Pull(graph, {graph.outputs(graph.nodes() - 1)[0], range}, wants);
  for (const auto& [id, want] : wants) {
    if (graph.leaf(id) == &made.inputs[0].tensor) return want.range;
  }
  return {0, 0};
}

TEST(Pull, GoesThroughMonotoneFunctionsAndMoves) {
  const Range range = WantedOfX(R"(g (float[8] x) => (float[4, 2] y) <int64[2] s = {4, 2}> {
    e = Exp (x)
    r = Reshape (e, s)
    n = Neg (r)
    y = Identity (n) })",
                                {-4, -1});
  EXPECT_NEAR(range.lo, 0, 1e-9);
  EXPECT_NEAR(range.hi, std::log(4), 1e-9);
}

TEST(Pull, ScalesProductsAndShiftsSums) {
  // 3 x lies in [-6, 6].
  const Range scaled = WantedOfX(R"(g (float[8] x) => (float[8] y) <float three = {3.0}> {
    y = Mul (x, three) })",
                                 {-1, 1});
  EXPECT_NEAR(scaled.lo, -1.0 / 3, 1e-6);
  EXPECT_NEAR(scaled.hi, 1.0 / 3, 1e-6);
  const Range shifted = WantedOfX(R"(g (float[8] x) => (float[8] y) <float one = {1.0}> {
    y = Add (x, one) })",
                                  {10, 20});
  EXPECT_GE(shifted.lo, 9);
  EXPECT_LE(shifted.hi, 19);
}

TEST(Pull, KnowsNothingOfOtherOperators) {
  EXPECT_EQ(WantedOfX("g (float[8] x) => (float[8] y) { y = Softmax (x) }", {2, 3}).hi, 0);
}

}  // namespace
}  // namespace moire
