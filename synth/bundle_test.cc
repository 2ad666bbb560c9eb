// From a sighting to a bundle and back, with runtimes whose faults are planted; what users may
// point at.
#include "synth/bundle.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "harness/case/onnx_adapter.h"
#include "harness/case/temporary_directory.h"
#include "oracles/reference/reference.h"
#include "synth/corpus.h"
#include "synth/identity.h"
#include "synth/investigate.h"
#include "synth/judge.h"
#include "synth/load.h"
#include "synth/symptom_check.h"

namespace moire {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class BundleTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_FALSE(directory_.empty()); }
  std::string Path(std::string_view name) const { return (directory_ / name).string(); }
  const TemporaryDirectory owned_;
  const fs::path directory_ = owned_.path();
};

constexpr std::string_view kModel = R"(<ir_version: 8, opset_import: ["" : 17]>
  agraph (float[2,3] x, int32[N] n) => (float[2,3] y) {
    a = Abs(x)
    b = Neg(a)
    m = Cast<to = 1>(n)
    c = Tanh(b)
    y = Sub(c, x)
  })";

Case FromText(std::string_view text) {
  Case test_case;
  test_case.model = *ParseModelText(text);
  test_case.inputs = *GenerateInputs(*ParseModel(test_case.model), {});
  return test_case;
}

// A runtime that computes with the reference and then lets `fault` at the outputs, told whether the
// model holds a Tanh.
class Planted : public Configuration {
 public:
  using Fault = std::function<void(Observation&, int run)>;
  Planted(std::string name, Fault fault) : name_(std::move(name)), fault_(std::move(fault)) {}
  const std::string& name() const override { return name_; }
  Observation Run(const Case& test_case) override {
    Observation seen;
    const auto model = ParseModel(test_case.model);
    const ReferenceResult result = Evaluate(*model, test_case.inputs);
    if (result.status != ReferenceStatus::kEvaluated) {
      seen.outcome = Outcome::kRejected;
      seen.reason = result.reason;
      return seen;
    }
    for (size_t i = 0; i < result.outputs.size(); ++i) {
      seen.outputs.push_back({model->graph.outputs[i].name, ToTensor(result.outputs[i])});
    }
    for (const Node& node : model->graph.nodes) {
      if (node.op == "Tanh" && fault_) fault_(seen, runs_++);
    }
    return seen;
  }

 private:
  std::string name_;
  Fault fault_;
  int runs_ = 0;
};

OpenAll Open(Planted::Fault fault) {
  return [fault]() -> Result<Configurations> {
    Configurations all;
    all.push_back(std::make_unique<Planted>("fake:level=none", nullptr));
    all.push_back(std::make_unique<Planted>("fake:level=all", fault));
    return all;
  };
}

void Wrong(Observation& seen, int /*run*/) {
  Tensor& tensor = seen.outputs[0].tensor;
  if (tensor.size() > 0) SetFloat(tensor, 0, GetFloat(tensor, 0) + 100);
}

Verdict Sighting(const Case& test_case, const OpenAll& open) {
  const auto run = ExecuteInChild(test_case, open);
  EXPECT_TRUE(run);
  const Verdict* worst = WorstBug(run->execution.verdicts);
  return worst == nullptr ? Verdict{} : *worst;
}

TEST_F(BundleTest, InvestigateAWrongValue) {
  const Case original = FromText(kModel);
  const OpenAll open = Open(Wrong);
  const auto result =
      Investigate(original, Sighting(original, open), open, {"fake"}, directory_.string());
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->standing, Standing::kConfirmed) << result->reason;
  EXPECT_EQ(result->reduction.nodes_after, 1);
  EXPECT_TRUE(result->reduction.minimal);
  EXPECT_THAT(result->finding.cause, HasSubstr("mismatch/Tanh/float/"));
  EXPECT_EQ(result->finding.configurations, std::vector<std::string>{"fake:level=all"});

  const auto read = ReadBundle(result->bundle);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->test_case, result->finding.test_case);
  EXPECT_EQ(read->symptom, result->finding.symptom);
  EXPECT_EQ(read->cause, result->finding.cause);
  EXPECT_TRUE(SameSymptom(read->verdict, result->finding.verdict));
  for (const char* file : {"model.onnx", "case.pb", "repro.py", "expected.json", "graph.txt",
                           "test_data_set_0/input_0.pb", "test_data_set_0/output_0.pb"}) {
    EXPECT_TRUE(fs::exists(fs::path(result->bundle) / file)) << file;
  }
  EXPECT_THAT(ListBundles({directory_.string()}), ::testing::ElementsAre(result->bundle));
}

TEST_F(BundleTest, InvestigateACrash) {
  const Case original = FromText(kModel);
  const OpenAll open = Open([](Observation&, int) { std::abort(); });
  const auto result =
      Investigate(original, Sighting(original, open), open, {"fake"}, directory_.string());
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->standing, Standing::kConfirmed) << result->reason;
  EXPECT_EQ(result->reduction.nodes_after, 1);
}

TEST_F(BundleTest, InvestigateMemory) {
  const Case original = FromText(kModel);
  const OpenAll open = Open([](Observation&, int) {
    const std::vector<char> block(size_t{400} << 20, 'x');
    asm volatile("" : : "r"(block.data()) : "memory");
  });
  const auto result =
      Investigate(original, Sighting(original, open), open, {"fake"}, directory_.string());
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->standing, Standing::kConfirmed) << result->reason;
  EXPECT_EQ(result->finding.verdict.kind, VerdictKind::kMemory);
  EXPECT_EQ(result->reduction.nodes_after, 1);
}

// A candidate of the reduction that kills the runtime costs a child, not the reduction.
TEST_F(BundleTest, ReductionSurvivesDeadlyCandidates) {
  const Case original = FromText(kModel);
  const OpenAll open = Open([](Observation& seen, int run) {
    if (seen.outputs[0].tensor.size() == 1) raise(SIGSEGV);
    Wrong(seen, run);
  });
  const auto result =
      Investigate(original, Sighting(original, open), open, {"fake"}, directory_.string());
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->standing, Standing::kConfirmed) << result->reason;
  EXPECT_EQ(result->reduction.nodes_after, 1);
}

TEST_F(BundleTest, WhatDoesNotRepeatIsUnconfirmed) {
  const Case original = FromText(kModel);
  const Verdict sighting = Sighting(original, Open(Wrong));
  const auto result = Investigate(original, sighting, Open(nullptr), {"fake"}, directory_.string());
  ASSERT_TRUE(result);
  EXPECT_EQ(result->standing, Standing::kUnconfirmed);
  EXPECT_THAT(ListBundles({directory_.string()}), IsEmpty());
}

TEST_F(BundleTest, ARuntimeThatDiffersFromItselfIsNondeterministic) {
  const Case original = FromText(kModel);
  const OpenAll open =
      Open([](Observation& seen, int run) { SetFloat(seen.outputs[0].tensor, 0, 1000 + run); });
  const auto result =
      Investigate(original, Sighting(original, open), open, {"fake"}, directory_.string());
  ASSERT_TRUE(result);
  EXPECT_EQ(result->standing, Standing::kNondeterministic);
}

// Wrong in two of five runs, whatever process makes them: reduced where that is asked for, and
// given up where it is not.
TEST_F(BundleTest, InvestigateWhatFailsInSomeRuns) {
  void* memory = mmap(nullptr, sizeof(std::atomic<unsigned>), PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  auto* runs = new (memory) std::atomic<unsigned>(0);
  const Case original = FromText(kModel);
  const OpenAll open = Open([runs](Observation& seen, int run) {
    const unsigned number = runs->fetch_add(1) % 5;
    if (number == 1 || number == 3) Wrong(seen, run);
  });
  const Verdict sighting = Sighting(original, Open(Wrong));
  for (const bool flaky : {true, false}) {
    InvestigateOptions options;
    options.flaky = flaky;
    options.blame = false;
    const auto result =
        Investigate(original, sighting, open, {"fake"}, Path(flaky ? "flaky" : "not"), options);
    ASSERT_TRUE(result) << result.error().message;
    if (!flaky) {
      EXPECT_NE(result->standing, Standing::kConfirmed);
      continue;
    }
    EXPECT_EQ(result->standing, Standing::kConfirmed) << result->reason;
    EXPECT_THAT(result->reason, HasSubstr("flaky"));
    EXPECT_NEAR(result->original.rate(), 0.4, 0.1);
    EXPECT_GT(result->repeats.runs, 5);
    EXPECT_EQ(result->reduction.nodes_after, 1);
    EXPECT_TRUE(result->reduction.minimal);
    EXPECT_TRUE(fs::exists(fs::path(result->bundle) / "model.onnx"));
  }
  munmap(memory, sizeof(std::atomic<unsigned>));
}

TEST(Identity, SameAndDifferent) {
  const Case original = FromText(kModel);
  Planted same("fake", Wrong);
  EXPECT_EQ(CheckIdentity(original, same).identity, Identity::kSame);
  Planted drifting("fake",
                   [](Observation& seen, int run) { SetFloat(seen.outputs[0].tensor, 0, run); });
  EXPECT_EQ(CheckIdentity(original, drifting).identity, Identity::kRunsDiffer);
}

TEST_F(BundleTest, CausesAreTheSameForTheSameGraphUnderOtherNames) {
  const Case a = FromText(R"(<ir_version: 8, opset_import: ["" : 17]>
    agraph (float[2] x) => (float[2] y) { t = Abs(x) y = Neg(t) })");
  const Case b = FromText(R"(<ir_version: 8, opset_import: ["" : 17]>
    other (float[5] in) => (float[5] out) { mid = Abs(in) out = Neg(mid) })");
  const Case c = FromText(R"(<ir_version: 8, opset_import: ["" : 17]>
    agraph (double[2] x) => (double[2] y) { t = Abs(x) y = Neg(t) })");
  const Verdict verdict{.kind = VerdictKind::kMismatch,
                        .oracle = {},
                        .configuration = "ort@1:level=all",
                        .against = {},
                        .reason = {},
                        .error_class = "value",
                        .expected = {},
                        .actual = {}};
  const auto cause = [&](const Case& test_case) {
    return CauseKey(verdict, *ParseModel(test_case.model), test_case.inputs, test_case.options, "");
  };
  EXPECT_EQ(cause(a), cause(b));
  EXPECT_NE(cause(a), cause(c));
}

TEST_F(BundleTest, LoadsWhatUsersHave) {
  const Case original = FromText(kModel);
  ASSERT_TRUE(WriteBackendTest(Path("test"), original));
  ASSERT_TRUE(WriteFile(Path("a.onnx"), original.model));
  ASSERT_TRUE(WriteFile(Path("b.case"), SerializeCase(original)));
  for (const char* name : {"test", "a.onnx", "b.case"}) {
    const auto cases = LoadCases(Path(name));
    ASSERT_TRUE(cases) << cases.error().message;
    ASSERT_EQ(cases->size(), 1u);
    EXPECT_EQ(cases->front().test_case, original) << name;
  }
  EXPECT_EQ(LoadCases(directory_.string())->size(), 3u);

  const auto imported = ImportCorpus({directory_.string()}, Path("corpus"));
  ASSERT_TRUE(imported);
  EXPECT_EQ(imported->written, 3);
  const auto exported = ExportCorpus({Path("corpus")}, Path("out"));
  ASSERT_TRUE(exported);
  EXPECT_EQ(exported->written, 1);  // all three are one case
  EXPECT_EQ(LoadCases(Path("out"))->front().test_case, original);
}

TEST_F(BundleTest, WrongInputIsOneClearError) {
  const auto code = [&](std::string_view name, std::string_view bytes) {
    EXPECT_TRUE(WriteFile(Path(name), bytes));
    const auto cases = LoadCases(Path(name));
    EXPECT_FALSE(cases) << name;
    if (cases) return ErrorCode::kInternal;
    EXPECT_THAT(cases.error().message, HasSubstr(std::string(name)));
    EXPECT_THAT(cases.error().message, Not(HasSubstr("\n")));
    return cases.error().code;
  };
  const std::string model = *ParseModelText(kModel);
  EXPECT_EQ(code("text.onnx", "this is a text file\n"), ErrorCode::kInvalidInput);
  EXPECT_EQ(code("cut.onnx", std::string_view(model).substr(0, model.size() / 2)),
            ErrorCode::kInvalidInput);
  EXPECT_EQ(code("empty.onnx", ""), ErrorCode::kInvalidInput);
  EXPECT_EQ(code("cut.case", "\x08\x01\x12\x7f"), ErrorCode::kInvalidInput);
  EXPECT_EQ(LoadCases(Path("missing.onnx")).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(code("huge.onnx", *ParseModelText(R"(<ir_version: 8, opset_import: ["" : 17]>
      g (float[46341,46341] x) => (float[46341,46341] y) { y = Abs(x) })")),
            ErrorCode::kInvalidInput);
}

TEST_F(BundleTest, AMissingPartMakesNoBundle) {
  const Case original = FromText(kModel);
  Finding finding;
  finding.test_case = original;
  ASSERT_TRUE(WriteBundle(Path("b"), finding));
  EXPECT_TRUE(ReadBundle(Path("b")));
  ASSERT_TRUE(WriteFile(Path("b/finding.json"), "{\"format\": 1, \"verdict\": {\"verdict\": 7}}"));
  EXPECT_FALSE(ReadBundle(Path("b")));
  ASSERT_TRUE(WriteFile(Path("b/finding.json"), "{"));
  EXPECT_FALSE(ReadBundle(Path("b")));
  fs::remove(Path("b/finding.json"));
  EXPECT_FALSE(ReadBundle(Path("b")));
}

}  // namespace
}  // namespace moire
