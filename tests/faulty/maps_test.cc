// Graph inputs that are maps, on the real runtime: CastMap and DictVectorizer agree with the reference,
// cases survive their bytes and the backend-test layout; a runtime that mixes up the entries is found, and
// what it does is reduced with the map that it takes.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>

#include "fuzzers/generate/generate.h"
#include "fuzzers/mutate/mutate.h"
#include "harness/backends/backend.h"
#include "harness/case/onnx_adapter.h"
#include "harness/execute/execute.h"
#include "synth/corpus.h"
#include "synth/judge.h"
#include "synth/load.h"
#include "synth/reduce.h"

namespace moire {
namespace {

constexpr int kCases = 250;

bool HasMap(const Case& test_case) {
  return std::ranges::any_of(test_case.inputs, &NamedTensor::IsMap);
}

std::vector<GeneratedCase> CasesWithMaps() {
  GeneratorSettings settings = WholeStandard();
  settings.max_nodes = 5;
  settings.malformed_share = 0;
  settings.ml_share = 1;
  settings.only_operators = {"CastMap", "DictVectorizer", "Identity", "Add", "Scaler", "Concat"};
  Random random(7);
  std::vector<GeneratedCase> cases;
  while (cases.size() < kCases) {
    GeneratedCase made = Generate(random, settings, {});
    if (!HasMap(ToCase(made))) continue;
    if (random.Chance(1, 2)) made = Mutate(made, random, settings, {});
    if (HasMap(ToCase(made))) cases.push_back(std::move(made));
  }
  return cases;
}

Configurations Open() {
  Result<Configurations> opened = OpenConfigurations("ort:level=none+all");
  EXPECT_TRUE(opened) << opened.error().message;
  return std::move(*opened);
}

TEST(Maps, TheRuntimeAgreesWithTheReference) {
  const Configurations configurations = Open();
  std::map<std::string, int> judged;
  for (const GeneratedCase& made : CasesWithMaps()) {
    const Case test_case = ToCase(made);
    const Status valid = CheckModel(test_case.model, true);
    EXPECT_TRUE(valid) << valid.error().message << "\n" << *PrintModel(test_case.model);
    const std::vector<Verdict> verdicts = Execute(test_case, configurations).verdicts;
    bool matches = false;
    for (const Verdict& verdict : verdicts) {
      EXPECT_FALSE(IsBug(verdict.kind)) << verdict.reason << "\n" << *PrintModel(test_case.model);
      matches |= verdict.kind == VerdictKind::kMatch;
    }
    for (const Node& node : made.model.graph.nodes) judged[node.op] += matches ? 1 : 0;
  }
  EXPECT_GT(judged["CastMap"], kCases / 4);
  EXPECT_GT(judged["DictVectorizer"], kCases / 4);
}

TEST(Maps, SurviveBytesAndTheBackendTestLayout) {
  const std::string directory = ::testing::TempDir() + "maps_test_case";
  int read = 0;
  for (const GeneratedCase& made : CasesWithMaps()) {
    const Case test_case = ToCase(made);
    const auto parsed = ParseCase(SerializeCase(test_case));
    ASSERT_TRUE(parsed) << parsed.error().message;
    EXPECT_EQ(*parsed, test_case);
    if (++read > 40 || test_case.options != RunOptions()) continue;
    ASSERT_TRUE(WriteBackendTest(directory, test_case));
    const auto loaded = LoadCases(directory);
    ASSERT_TRUE(loaded) << loaded.error().message;
    EXPECT_EQ(loaded->front().test_case, test_case);
    std::filesystem::remove_all(directory);
  }
  Case twice = ToCase(CasesWithMaps().front());
  for (NamedTensor& input : twice.inputs) {
    if (!input.IsMap()) continue;
    for (Tensor* part : {&input.keys, &input.tensor}) {
      Tensor more = MakeTensor(part->type, {2});
      CopyElement(*part, 0, more, 0);
      CopyElement(*part, 0, more, 1);
      *part = more;
    }
  }
  const auto refused = ParseCase(SerializeCase(twice));
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("a key twice"), std::string::npos);
}

// Gives every key the value of the one before.
class MixesUp : public Configuration {
 public:
  explicit MixesUp(std::unique_ptr<Configuration> runtime) : runtime_(std::move(runtime)) {}
  const std::string& name() const override { return runtime_->name(); }
  Observation Run(const Case& test_case) override {
    Case mixed = test_case;
    for (NamedTensor& input : mixed.inputs) {
      const Tensor whole = input.tensor;
      for (int64_t i = 0; input.IsMap() && i < whole.size(); ++i) {
        CopyElement(whole, i, input.tensor, (i + 1) % whole.size());
      }
    }
    return runtime_->Run(mixed);
  }

 private:
  std::unique_ptr<Configuration> runtime_;
};

TEST(Maps, EntriesThatAreMixedUpAreFoundAndReduced) {
  Configurations faulty;
  for (auto& runtime : Open()) faulty.push_back(std::make_unique<MixesUp>(std::move(runtime)));
  int found = 0, reduced_cases = 0;
  for (const GeneratedCase& made : CasesWithMaps()) {
    const Case test_case = ToCase(made);
    const std::vector<Verdict> verdicts = Execute(test_case, faulty).verdicts;
    const Verdict* worst = WorstBug(verdicts);
    if (worst == nullptr) continue;
    ++found;
    if (++reduced_cases > 4) continue;
    const auto interesting = [&](const Case& candidate) {
      const std::vector<Verdict> again = Execute(candidate, faulty).verdicts;
      const Verdict* bug = WorstBug(again);
      return bug != nullptr && bug->kind == worst->kind;
    };
    const auto reduced = Reduce(test_case, interesting, {});
    ASSERT_TRUE(reduced) << reduced.error().message;
    const auto model = ParseModel(reduced->reduced.model);
    EXPECT_EQ(CountNodes(model->graph), 1) << *PrintModel(reduced->reduced.model);
    ASSERT_EQ(reduced->reduced.inputs.size(), 1U) << *PrintModel(reduced->reduced.model);
    EXPECT_TRUE(reduced->reduced.inputs[0].IsMap());
    EXPECT_EQ(reduced->reduced.inputs[0].tensor.size(), 2);  // with one nothing is mixed up
    EXPECT_TRUE(reduced->minimal);
  }
  EXPECT_GT(found, kCases / 4);
}

}  // namespace
}  // namespace moire
