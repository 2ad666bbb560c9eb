#include "harness/campaign/case_counter.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "harness/campaign/summary.h"
#include "harness/case/onnx_adapter.h"
#include "oracles/reference/reference.h"

namespace moire {
namespace {

// Row of an array by its name.
nlohmann::json Row(const nlohmann::json& rows, std::string_view name) {
  const auto found =
      std::ranges::find_if(rows, [&](const auto& row) { return row["name"] == name; });
  return found == rows.end() ? nlohmann::json() : *found;
}

struct Campaign {
  std::unique_ptr<WorkerStats> stats = std::make_unique<WorkerStats>();
  CaseCounter counter;

  void Take(const GeneratedCase& made, bool valid, bool executed) {
    counter.Begin();
    ReferenceOptions options;
    options.on_node = [&](const Node& node, std::span<const RangeTensor> outputs) {
      counter.AddNode(node, outputs);
    };
    Evaluate(made.model, made.inputs, options);
    counter.Finish(made, valid, executed, *stats);
  }
  nlohmann::json Json() const {
    CampaignSummary summary;
    summary.totals.Add(*stats);
    return nlohmann::json::parse(SummaryJson(summary));
  }
};

// Floor of a rounded sum whose range holds a whole number: one of its two elements is undecidable.
GeneratedCase Steps() {
  const Model model = *ParseModel(*ParseModelText(R"(<ir_version: 10, opset_import: ["" : 21]>
g (float[2] x) => (float[2] y, int32[2] z)
<float[2] third = {0.33333334, 0.1}, float[2] three = {3.0, 3.0}, bool go = {1}> {
  product = Mul (third, three)
  sum = Add (product, x)
  y = Floor (sum)
  z = If (go) <
    then_branch = a () => (int32[2] p) { p = Cast <to = 6> (x) },
    else_branch = b () => (int32[2] q) { q = Cast <to = 6> (three) }>
})"));
  GeneratedCase out;
  out.model = model;
  Tensor x = MakeTensor(DataType::kFloat, {2});
  SetFloat(x, 1, 0.25);
  out.inputs = {{"x", x}};
  return out;
}

TEST(CaseCounter, CountsNodesInBodiesAndTypesOnce) {
  Campaign campaign;
  campaign.Take(Steps(), /*valid=*/true, /*executed=*/true);
  campaign.Take(Steps(), /*valid=*/true, /*executed=*/false);
  // What is not valid is not counted as executed, whatever a runtime makes of it.
  campaign.Take(Steps(), /*valid=*/false, /*executed=*/true);
  const nlohmann::json json = campaign.Json();
  const nlohmann::json cast = Row(json["operators"], "Cast");
  EXPECT_EQ(cast["generated"], 6);
  EXPECT_EQ(cast["valid"], 4);
  EXPECT_EQ(cast["executed"], 2);
  EXPECT_EQ(cast["domain"], "");
  EXPECT_EQ(Row(json["operators"], "If")["generated"], 3);
  EXPECT_TRUE(Row(json["operators"], "Sub").is_null());
  const nlohmann::json floats = Row(json["types"], "float");
  EXPECT_EQ(floats["generated"], 3);
  EXPECT_EQ(floats["executed"], 1);
  EXPECT_EQ(Row(json["types"], "int32")["valid"], 2);
  EXPECT_EQ(Row(json["types"], "bool")["valid"], 2);
  EXPECT_TRUE(Row(json["types"], "double").is_null());
}

TEST(CaseCounter, UndecidableElementsByOperator) {
  Campaign campaign;
  campaign.Take(Steps(), true, true);
  const nlohmann::json json = campaign.Json();
  EXPECT_EQ(Row(json["operators"], "Mul")["undecidable_share"], 0);
  EXPECT_EQ(Row(json["operators"], "Floor")["undecidable_share"], 0.5);
}

TEST(CaseCounter, EveryOperatorHasItsPlace) {
  EXPECT_LT(CountedOperators().size(), kMaxOperators);
  EXPECT_GT(CountedOperators().size(), 220u);
}

}  // namespace
}  // namespace moire
