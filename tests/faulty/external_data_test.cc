// Cases whose initializers lie in a file beside the model: the released runtime computes the same
// with and without; a runtime that is wrong only then is found, and what is reduced keeps its file;
// one that is always wrong loses it. Files of a process that dies go all the same.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <set>

#include "fuzzers/generate/generate.h"
#include "harness/case/model_files.h"
#include "harness/case/onnx_adapter.h"
#include "harness/case/onnx_external.h"
#include "harness/case/temporary_directory.h"
#include "harness/execute/execute.h"
#include "oracles/same_observation.h"
#include "synth/bundle.h"
#include "synth/edit.h"
#include "synth/finding.h"
#include "synth/judge.h"
#include "synth/load.h"
#include "synth/reduce.h"
#include "tests/faulty/faulty_backend.h"

namespace moire::faulty {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::Not;

std::vector<Case> CasesWithExternalData(size_t count, GeneratorSettings settings) {
  settings.external_share = 1;
  settings.malformed_share = 0;
  Random random(3);
  std::vector<Case> cases;
  while (cases.size() < count) {
    Case made = ToCase(Generate(random, settings, {}));
    if (made.options.external_data_bytes > 0) cases.push_back(std::move(made));
  }
  return cases;
}

bool HasBody(const Case& test_case) {
  const auto model = ParseModel(test_case.model);
  return std::ranges::any_of(model->graph.nodes, [](const Node& node) {
    return std::ranges::any_of(node.attributes, [](const Attribute& attribute) {
      return std::holds_alternative<GraphPtr>(attribute.value);
    });
  });
}

TEST(ExternalData, AFewCasesHaveIt) {
  const GeneratorSettings settings;
  Random random(4);
  int with = 0;
  for (int i = 0; i < 4000; ++i) {
    const GeneratedCase made = Generate(random, settings, {});
    with += made.options.external_data_bytes > 0 ? 1 : 0;
  }
  EXPECT_GT(with, 15);
  EXPECT_LT(with, 100);
}

TEST(ExternalData, TheRuntimeComputesTheSame) {
  GeneratorSettings settings;
  settings.max_opset = 22;  // what 1.23.2 takes
  settings.max_nodes = 4;   // nothing was learned of what it implements
  for (const char* spec : {"ort@1.32.0:level=none+all", "ort@1.23.2:level=none,resaved=1"}) {
    const auto opened = OpenConfigurations(spec);
    ASSERT_TRUE(opened) << opened.error().message;
    size_t ran = 0, moved = 0;
    for (const Case& outside : CasesWithExternalData(120, settings)) {
      if (HasBody(outside)) continue;  // ONNX Runtime looks for their data in the wrong place
      Case inside = outside;
      inside.options.external_data_bytes = 0;
      moved += MoveOut(outside.model, 1, "x").data.empty() ? 0 : 1;
      for (const auto& configuration : *opened) {
        const Observation with = configuration->Run(outside);
        EXPECT_EQ(DifferenceOf(with, configuration->Run(inside)), "")
            << configuration->name() << "\n"
            << *PrintModel(outside.model);
        EXPECT_THAT(with.reason, Not(HasSubstr("moire-")));
        ran += with.outcome == Outcome::kOutputs ? 1 : 0;
      }
    }
    EXPECT_GT(ran, 80U);
    EXPECT_GT(moved, 80U);
  }
}

TEST(ExternalData, FilesOfAProcessThatDiesGo) {
  const std::string model = CasesWithExternalData(1, {}).front().model;
  const ChildResult end = RunInChild(
      [&](SharedState&, const std::function<void(std::string_view)>& send) -> int {
        const auto files = ModelFiles::Write(model, 1);
        if (files && fs::exists(files->path())) send(files->directory());
        std::abort();
      },
      {});
  EXPECT_EQ(end.end, ChildEnd::kSignalled);
  EXPECT_THAT(end.output, HasSubstr("moire-model-"));
  EXPECT_FALSE(fs::exists(end.output));
}

// Wrong where an initializer that a node reads lies outside: reduction drops what nothing reads.
class WrongOutside : public Configuration {
 public:
  explicit WrongOutside(FaultySettings faulty) : faulty_(faulty), clean_({}) {}
  const std::string& name() const override { return clean_.name(); }
  Observation Run(const Case& test_case) override {
    const int64_t least = test_case.options.external_data_bytes;
    const auto model = ParseModel(test_case.model);
    std::set<std::string> read;
    for (const Node& node : model->graph.nodes) read.merge(Reads(node));
    Model used = *model;
    std::erase_if(used.graph.initializers,
                  [&](const NamedTensor& tensor) { return !read.contains(tensor.name); });
    const bool outside = least > 0 && !MoveOut(SerializeModel(used), least, "x").data.empty();
    return outside ? faulty_.Run(test_case) : clean_.Run(test_case);
  }

 private:
  FaultyConfiguration faulty_;
  FaultyConfiguration clean_;
};

std::vector<Verdict> JudgeOn(const Case& test_case, bool only_outside) {
  FaultySettings settings;
  settings.fault = *FindFault("tail");
  Configurations configurations;
  if (only_outside) {
    configurations.push_back(std::make_unique<WrongOutside>(settings));
  } else {
    configurations.push_back(std::make_unique<FaultyConfiguration>(settings));
  }
  return Execute(test_case, configurations).verdicts;
}

TEST(ExternalData, ReductionKeepsItWhereTheFailureNeedsItAndDropsItElsewhere) {
  GeneratorSettings settings;
  settings.max_nodes = 6;
  settings.only_operators = SupportedOperators();
  int found[2] = {0, 0};
  for (Case& test_case : CasesWithExternalData(1500, settings)) {
    test_case.options.external_data_bytes = 3;
    for (const bool only_outside : {false, true}) {
      const std::vector<Verdict> verdicts = JudgeOn(test_case, only_outside);
      const Verdict* worst = WorstBug(verdicts);
      if (worst == nullptr || ++found[only_outside] > 3) continue;
      const auto interesting = [&](const Case& candidate) {
        const std::vector<Verdict> again = JudgeOn(candidate, only_outside);
        const Verdict* bug = WorstBug(again);
        return bug != nullptr && SymptomKey(*bug) == SymptomKey(*worst);
      };
      const auto reduced = Reduce(test_case, interesting, {});
      ASSERT_TRUE(reduced) << reduced.error().message;
      EXPECT_EQ(reduced->reduced.options.external_data_bytes, only_outside ? 1 : 0)
          << *PrintModel(reduced->reduced.model);
      if (!only_outside) continue;

      Finding finding;
      finding.test_case = reduced->reduced;
      const std::vector<Verdict> last = JudgeOn(reduced->reduced, true);
      finding.verdict = *WorstBug(last);
      const TemporaryDirectory directory;
      ASSERT_TRUE(WriteBundle(directory.path(), finding));
      EXPECT_TRUE(fs::exists(directory.path() + "/model.onnx.data"));
      const auto read = ReadBundle(directory.path());
      ASSERT_TRUE(read) << read.error().message;
      EXPECT_EQ(read->test_case, reduced->reduced);
      EXPECT_TRUE(interesting(read->test_case));
      // Without what only Moire reads: as any model with external data.
      fs::remove(directory.path() + "/case.pb");
      const auto loaded = LoadCases(directory.path());
      ASSERT_TRUE(loaded) << loaded.error().message;
      EXPECT_GT(loaded->front().test_case.options.external_data_bytes, 0);
      EXPECT_TRUE(interesting(loaded->front().test_case));
      // Nor does a bundle keep a file that its case does not have.
      finding.test_case.options.external_data_bytes = 0;
      ASSERT_TRUE(WriteBundle(directory.path(), finding));
      EXPECT_FALSE(fs::exists(directory.path() + "/model.onnx.data"));
    }
  }
  EXPECT_GT(found[0], 10);
  EXPECT_GT(found[1], 10);
}

// A part's key says whether the part needs its file.
TEST(ExternalData, TellsCausesApart) {
  const Case test_case = CasesWithExternalData(1, {}).front();
  const Model model = *ParseModel(test_case.model);
  EXPECT_NE(CauseKey({}, model, test_case.inputs, test_case.options, ""),
            CauseKey({}, model, test_case.inputs, {}, ""));
}

}  // namespace
}  // namespace moire::faulty
