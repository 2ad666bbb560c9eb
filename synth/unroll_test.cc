// Loops and Scans written out compute what they computed.
#include "synth/unroll.h"

#include <gtest/gtest.h>

#include "oracles/reference/reference.h"
#include "synth/sketch_testing.h"

namespace moire {
namespace {

using testing::FromText;

std::optional<Unrolled> UnrollFirst(const Sketch& sketch) {
  return Unroll(sketch, Bodies(sketch).front(), ComputeValues(sketch));
}

void ExpectSameResults(const Sketch& before, Sketch after) {
  ASSERT_TRUE(Repair(after));
  const ReferenceResult x = Evaluate(before.model, before.inputs);
  const ReferenceResult y = Evaluate(after.model, after.inputs);
  ASSERT_EQ(x.status, ReferenceStatus::kEvaluated) << x.reason;
  ASSERT_EQ(y.status, ReferenceStatus::kEvaluated) << y.reason;
  ASSERT_EQ(x.outputs.size(), y.outputs.size());
  for (size_t i = 0; i < x.outputs.size(); ++i) {
    EXPECT_EQ(ToTensor(x.outputs[i]), ToTensor(y.outputs[i]))
        << i << ": " << GetFloat(ToTensor(x.outputs[i]), 0) << " "
        << GetFloat(ToTensor(y.outputs[i]), 0);
  }
}

constexpr std::string_view kLoop = R"((float[2] x, float[2] w) => (float[2] y, float[3,2] all)
  <int64 trips = {3}> {
    y, all = Loop(trips, , x) <body = b (int64 i, bool go, float[2] v) => (bool on, float[2] next, float[2] row) {
      on = Identity(go)
      f = Cast<to = 1>(i)
      s = Add(v, f)
      next = Mul(s, w)
      row = Neg(s) }> })";

TEST(Unroll, ALoopWithItsNumberAndItsRows) {
  const Sketch sketch = FromText(kLoop);
  const auto unrolled = UnrollFirst(sketch);
  ASSERT_TRUE(unrolled);
  EXPECT_EQ(unrolled->iterations, 3);
  EXPECT_EQ(unrolled->iteration.size(), unrolled->sketch.model.graph.nodes.size());
  EXPECT_TRUE(Bodies(unrolled->sketch).empty());
  ExpectSameResults(sketch, unrolled->sketch);
}

// Its own condition ends it.
TEST(Unroll, ALoopThatEndsEarlier) {
  const Sketch sketch = FromText(R"((float[1] x) => (float[1] y)
  <int64 trips = {9}, int64 two = {2}, bool yes = {1}> {
    y = Loop(trips, yes, x) <body = b (int64 i, bool go, float[1] v) => (bool on, float[1] next) {
      on = Less(i, two)
      next = Add(v, v) }> })");
  const auto unrolled = UnrollFirst(sketch);
  ASSERT_TRUE(unrolled);
  EXPECT_EQ(unrolled->iterations, 3);
  ExpectSameResults(sketch, unrolled->sketch);
}

TEST(Unroll, AScanOverAnotherAxisBackwards) {
  const Sketch sketch = FromText(R"((float[2] s, float[2,3] x) => (float[2] last, float[2,3] rows) {
    last, rows = Scan<num_scan_inputs = 1, scan_input_axes = [1], scan_input_directions = [1],
                      scan_output_axes = [1],
      body = b (float[2] state, float[2] slice) => (float[2] next, float[2] row) {
        next = Add(state, slice)
        row = Identity(next) }>(s, x) })");
  const auto unrolled = UnrollFirst(sketch);
  ASSERT_TRUE(unrolled);
  EXPECT_EQ(unrolled->iterations, 3);
  ExpectSameResults(sketch, unrolled->sketch);
}

TEST(Unroll, WhatIsNotKnownStays) {
  // More iterations than are written out; none.
  for (const int trips : {17, 0}) {
    const Sketch sketch =
        FromText(fmt::format(R"((float[1] x) => (float[1] y) <int64 trips = {{{}}}> {{
      y = Loop(trips, , x) <body = b (int64 i, bool go, float[1] v) => (bool on, float[1] next) {{
        on = Identity(go)
        next = Add(v, v) }}> }})",
                             trips));
    EXPECT_FALSE(UnrollFirst(sketch)) << trips;
  }
}

// Both faults that need the third iteration: by its own values, and by what came before it.
TEST(Unroll, ACauseInALaterIterationComesOut) {
  const Sketch sketch = FromText(kLoop);
  const auto fails_at = [](const Case& candidate, bool chained) {
    const Result<Model> model = ParseModel(candidate.model);
    if (!model || Evaluate(*model, candidate.inputs).status != ReferenceStatus::kEvaluated) {
      return false;
    }
    // The original, or what was written out of it.
    int loops = 0, products = 0;
    for (const Node& node : model->graph.nodes) {
      loops += node.op == "Loop" ? 1 : 0;
      products += node.op == "Mul" ? 1 : 0;
    }
    return loops > 0 || products >= (chained ? 2 : 1);
  };
  for (const bool chained : {false, true}) {
    ReduceOptions options;
    options.only = {"outputs", "unroll", "nodes", "bypass"};
    const auto result =
        Reduce(ToCase(sketch), [&](const Case& c) { return fails_at(c, chained); }, options);
    ASSERT_TRUE(result);
    const Model model = ParseModel(result->reduced.model).value();
    EXPECT_EQ(CountNodes(model.graph), chained ? 2 : 1);
    EXPECT_EQ(model.graph.nodes.front().op, "Mul");
    EXPECT_LE(result->bytes_after, result->bytes_before);
    // What comes out in one iteration is no proof of unrolling: the pass that takes bodies out can.
    if (!chained) continue;
    options.only.clear();
    options.skip = {"unroll"};
    const auto inside =
        Reduce(ToCase(sketch), [&](const Case& c) { return fails_at(c, chained); }, options);
    ASSERT_TRUE(inside);
    EXPECT_FALSE(Bodies({ParseModel(inside->reduced.model).value(), {}, {}}).empty());
  }
}

}  // namespace
}  // namespace moire
