// The minimality list: which edits it has, and which dims it ties together. Repeats of flaky
// failures.
#include "synth/minimality.h"

#include <gtest/gtest.h>

#include <map>

#include "harness/case/onnx_adapter.h"
#include "harness/case/random.h"
#include "synth/load.h"
#include "synth/repeats.h"

namespace moire {
namespace {

Sketch FromText(std::string_view text) {
  const Model model = *ParseModel(*ParseModelText(text));
  return {model, *GenerateInputs(model, {.seed = 1}), {}};
}

TEST(DimVariables, TiesWhatHasToChangeTogether) {
  const Sketch sketch = FromText(R"(<ir_version: 8, opset_import: ["" : 17]>
    g (float[3,5] a, float[5,3] b) => (float[3,3] y) { y = MatMul(a, b) })");
  // a.0 and b.1 are free of each other, the inner dims are one.
  std::map<int64_t, std::vector<size_t>> sites;
  for (const DimVariable& variable : FindDimVariables(sketch)) {
    sites[variable.size].push_back(variable.sites.size());
  }
  EXPECT_EQ(sites[5], (std::vector<size_t>{2}));
  EXPECT_EQ(sites[3], (std::vector<size_t>{1, 1}));
}

TEST(DimVariables, ShapeTensorsChangeWithTheDims) {
  const Sketch sketch = FromText(R"(<ir_version: 8, opset_import: ["" : 17]>
    g (float[4,6] x) => (float[6,4] y) <int64[2] shape = {6, 4}> { y = Reshape(x, shape) })");
  for (const DimVariable& variable : FindDimVariables(sketch)) {
    if (variable.size != 6) continue;
    EXPECT_EQ(variable.sites.size(), 2U);
    Sketch edited = sketch;
    ASSERT_TRUE(SetDimVariable(edited, variable, 3));
    EXPECT_EQ(edited.inputs[0].tensor.shape, (Shape{4, 3}));
    EXPECT_EQ(GetInt(edited.model.graph.initializers[0].tensor, 0), 3);
  }
}

TEST(SingleEdits, CoverTheList) {
  const Sketch sketch = FromText(R"(<ir_version: 8, opset_import: ["" : 17]>
    g (float[3,4] x, bool c) => (float[3,4] y, float[3,4] z) {
      a = Softmax<axis = 0>(x)
      y = Relu(a)
      z = If(c) < then_branch = t () => (float[3,4] u) { v = Neg(a) u = Abs(v) },
                  else_branch = e () => (float[3,4] w) { w = Exp(a) } >
    })");
  std::map<std::string, int> seen;
  ForEachSingleEdit(sketch, [&](const std::string& what, Sketch) {
    ++seen[what.substr(0, what.find(' ')) +
           (what.find("body") == std::string::npos ? "" : " body")];
    return true;
  });
  EXPECT_GE(seen["delete"], 3 + 2);  // nodes and outputs
  EXPECT_GE(seen["bypass"], 2);
  EXPECT_GE(seen["delete body"], 3);
  EXPECT_GE(seen["bypass body"], 2);
  EXPECT_GE(seen["remove"], 1);
  EXPECT_GE(seen["set"], 4);
}

TEST(Repeats, SteadyFailuresNeedOneRun) {
  const FailureRate rate = EstimateRate([] { return true; });
  EXPECT_EQ(rate.runs, 5);
  EXPECT_FALSE(rate.flaky());
  EXPECT_EQ(RepeatsFor(rate).runs, 1);
}

TEST(Repeats, FlakyFailuresAreFoundAtTheStatedConfidence) {
  Random random(3);
  const auto flaky = [&] { return random.Chance(3, 10); };
  const FailureRate rate = EstimateRate(flaky);
  EXPECT_EQ(rate.runs, 40);
  EXPECT_NEAR(rate.rate(), 0.3, 0.2);
  const Repeats repeats = RepeatsFor(rate);
  int found = 0;
  for (int i = 0; i < 500; ++i) found += FailsOften(flaky, repeats) ? 1 : 0;
  EXPECT_GE(found, 490);
  int wrong = 0;
  for (int i = 0; i < 500; ++i) wrong += FailsOften([] { return false; }, repeats) ? 1 : 0;
  EXPECT_EQ(wrong, 0);
}

TEST(Repeats, OneThatNeverFailsIsLookedAtLongEnough) {
  const FailureRate rate = EstimateRate([] { return false; });
  EXPECT_EQ(rate.runs, 40);
  EXPECT_FALSE(rate.fails());
}

}  // namespace
}  // namespace moire
