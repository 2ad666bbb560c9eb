// The contributed domain from a list of schemas: what is read, what is refused, and graphs of it. A
// binary of its own, since schemas are made known to a process once.
#include "fuzzers/generate/contributed.h"

#include <gtest/gtest.h>

#include <map>

#include "fuzzers/generate/generate.h"
#include "fuzzers/generate/op_entry.h"
#include "harness/case/onnx_adapter.h"

namespace moire {
namespace {

constexpr std::string_view kList = R"json({"backend": "ort", "version": "1", "schemas": [
  {"domain": "com.microsoft", "op": "FusedMatMul", "since": 1,
   "inputs": [{"name": "A", "type": "T", "types": ["tensor(float)", "tensor(double)"],
               "option": "single", "homogeneous": true
},
              {"name": "B", "type": "T", "types": ["tensor(float)", "tensor(double)"],
               "option": "single", "homogeneous": true}],
   "outputs": [{"name": "Y", "type": "T", "types": ["tensor(float)", "tensor(double)"],
                "option": "single", "homogeneous": true}],
   "attributes": [{"name": "transA", "required": false}, {"name": "transB", "required": false},
                  {"name": "alpha", "required": false}]
},
  {"domain": "com.microsoft", "op": "Gelu", "since": 1,
   "inputs": [{"name": "X", "type": "tensor(float)", "types": ["tensor(float)"],
               "option": "single", "homogeneous": true}],
   "outputs": [{"name": "Y", "type": "tensor(float)", "types": ["tensor(float)"],
                "option": "single", "homogeneous": true}],
   "attributes": []},
  {"domain": "com.other", "op": "Gelu", "since": 1, "inputs": [], "outputs": [],
   "attributes": []}]})json";

TEST(ParseSchemaList, TakesTheDomainAndItsTypeVariables) {
  const auto schemas = ParseSchemaList(kList, kContributedDomain);
  ASSERT_TRUE(schemas) << schemas.error().message;
  ASSERT_EQ(schemas->size(), 2u);
  const SchemaInfo& product = schemas->front();
  EXPECT_EQ(product.inputs[0].variable, 0);
  EXPECT_EQ(product.inputs[1].variable, 0);
  EXPECT_EQ(product.outputs[0].variable, 0);
  EXPECT_EQ(product.inputs[0].types, Bit(DataType::kFloat) | Bit(DataType::kDouble));
  EXPECT_TRUE(product.HasAttribute("alpha"));
  EXPECT_FALSE(product.HasAttribute("transBatchA"));
  EXPECT_EQ(schemas->back().inputs[0].variable, -1);  // a type, no variable
}

TEST(ParseSchemaList, RefusesWhatIsNoList) {
  for (const auto* text : {"", "[]", "{}", R"({"schemas": [{"domain": "com.microsoft"}]})",
                           R"({"schemas": [{"domain": 7}]})", R"({"schemas": []})"}) {
    const auto schemas = ParseSchemaList(text, kContributedDomain);
    ASSERT_FALSE(schemas) << text;
    EXPECT_EQ(schemas.error().code, ErrorCode::kInvalidInput);
  }
}

TEST(Contributed, OnlyWhatIsListedAndAskedForIsGenerated) {
  AddContributedSchemas(*ParseSchemaList(kList, kContributedDomain));
  EXPECT_NE(FindEntry("Gelu", 1, kContributedDomain), nullptr);
  EXPECT_EQ(FindEntry("BiasGelu", 1, kContributedDomain), nullptr);  // a row, but not listed
  GeneratorSettings settings;
  settings.max_nodes = 6;
  for (const double share : {0.0, 1.0}) {
    settings.contributed_share = share;
    Random random(1);
    std::map<std::string, int> seen;
    for (int i = 0; i < 300; ++i) {
      const GeneratedCase made = Generate(random, settings, {});
      int here = 0;
      for (const Node& node : made.model.graph.nodes) {
        if (node.domain != kContributedDomain) continue;
        ++seen[node.op];
        ++here;
      }
      EXPECT_EQ(made.model.Opset(kContributedDomain), here > 0 ? 1 : 0);
      // Taken apart and put together again it is the same.
      const auto again = FromCase(ToCase(made));
      ASSERT_TRUE(again);
      EXPECT_EQ(SerializeModel(again->model), SerializeModel(made.model));
    }
    if (share == 0) {
      EXPECT_TRUE(seen.empty());
    } else {
      EXPECT_GT(seen["FusedMatMul"], 100);
      EXPECT_GT(seen["Gelu"], 20);
    }
  }
}

}  // namespace
}  // namespace moire
