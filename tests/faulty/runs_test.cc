// A runtime that makes a buffer for the first run of a session and never writes beyond it: found on cases
// that are run at several shapes, reduced with the runs it needs, replayed from its bundle; the clean
// twin raises no alarm.
#include <gtest/gtest.h>

#include <filesystem>

#include "fuzzers/generate/generate.h"
#include "fuzzers/generate/runs.h"
#include "harness/case/onnx_adapter.h"
#include "harness/execute/execute.h"
#include "synth/bundle.h"
#include "synth/finding.h"
#include "synth/judge.h"
#include "synth/reduce.h"
#include "tests/faulty/faulty_backend.h"

namespace moire::faulty {
namespace {

constexpr int kCases = 1500;
const FaultEntry kPlanted = {"first_shape", FaultKind::kFirstShape, "Add", 0, "", {}};

std::vector<Verdict> JudgeOn(const Case& test_case, FaultySettings settings) {
  Configurations configurations;
  configurations.push_back(std::make_unique<FaultyConfiguration>(std::move(settings)));
  return Execute(test_case, configurations).verdicts;
}

std::vector<Case> CasesOfSeveralRuns() {
  GeneratorSettings settings;
  settings.max_nodes = 6;
  settings.runs_share = 1;
  settings.malformed_share = 0;
  settings.only_operators = SupportedOperators();
  Random random(5);
  std::vector<Case> cases;
  for (int i = 0; i < kCases; ++i) {
    const Case made = ToCase(Generate(random, settings, {}));
    if (!made.options.more_runs.empty()) cases.push_back(made);
  }
  return cases;
}

TEST(Runs, MostGraphsHaveAnotherShapeAndTheCleanTwinIsSilent) {
  const std::vector<Case> cases = CasesOfSeveralRuns();
  EXPECT_GT(cases.size(), kCases / 3U);
  size_t other_shapes = 0;
  size_t judged = 0;
  for (const Case& test_case : cases) {
    EXPECT_EQ(test_case.options.more_runs.back(), test_case.inputs);
    for (size_t i = 0; i < test_case.inputs.size(); ++i) {
      other_shapes += test_case.options.more_runs[0][i].tensor.shape !=
                      test_case.inputs[i].tensor.shape;
    }
    for (const Verdict& verdict : JudgeOn(test_case, {})) {
      EXPECT_FALSE(IsBug(verdict.kind)) << verdict.reason << "\n" << *PrintModel(test_case.model);
      judged += verdict.kind == VerdictKind::kMatch;
    }
  }
  EXPECT_GE(other_shapes, cases.size());
  EXPECT_GT(judged, cases.size() / 2);
}

TEST(Runs, WhatTheFirstRunLeavesBehindIsFoundReducedAndReplayed) {
  FaultySettings faulty;
  faulty.fault = kPlanted;
  size_t found = 0;
  for (const Case& test_case : CasesOfSeveralRuns()) {
    const std::vector<Verdict> verdicts = JudgeOn(test_case, faulty);
    const Verdict* worst = WorstBug(verdicts);
    if (worst == nullptr) continue;
    ++found;
    EXPECT_GT(worst->run, 0) << worst->reason;
    EXPECT_NE(worst->error_class.find("only after another run"), std::string::npos)
        << worst->error_class;
    if (found > 3) continue;
    const auto interesting = [&](const Case& candidate) {
      const std::vector<Verdict> again = JudgeOn(candidate, faulty);
      const Verdict* bug = WorstBug(again);
      return bug != nullptr && SymptomKey(*bug) == SymptomKey(*worst);
    };
    const auto reduced = Reduce(test_case, interesting, {});
    ASSERT_TRUE(reduced) << reduced.error().message;
    EXPECT_EQ(reduced->reduced.options.more_runs.size(), 1U);
    // A second node where the class of the error needs it (1/0 behind the sum).
    EXPECT_LE(CountNodes(ParseModel(reduced->reduced.model)->graph), 2)
        << *PrintModel(reduced->reduced.model);

    Finding finding;
    finding.test_case = reduced->reduced;
    const std::vector<Verdict> last = JudgeOn(reduced->reduced, faulty);
    finding.verdict = *WorstBug(last);
    const std::string directory = ::testing::TempDir() + "runs_test_bundle";
    ASSERT_TRUE(WriteBundle(directory, finding));
    EXPECT_TRUE(std::filesystem::exists(directory + "/test_data_set_1/input_0.pb"));
    EXPECT_TRUE(std::filesystem::exists(directory + "/test_data_set_1/output_0.pb"));
    const auto read = ReadBundle(directory);
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(read->test_case, reduced->reduced);
    EXPECT_EQ(read->verdict.run, finding.verdict.run);
    std::filesystem::remove_all(directory);
  }
  EXPECT_GT(found, 20U);
}

// A fault of each run by itself is told apart: one run is left of it.
TEST(Runs, AFaultOfEveryRunKeepsOneRun) {
  FaultySettings faulty;
  faulty.fault = *FindFault("tail");
  int reduced_cases = 0;
  for (const Case& test_case : CasesOfSeveralRuns()) {
    const std::vector<Verdict> verdicts = JudgeOn(test_case, faulty);
    const Verdict* worst = WorstBug(verdicts);
    if (worst == nullptr || reduced_cases == 2) continue;
    ++reduced_cases;
    EXPECT_EQ(worst->error_class.find("only after"), std::string::npos) << worst->error_class;
    const auto interesting = [&](const Case& candidate) {
      const std::vector<Verdict> again = JudgeOn(candidate, faulty);
      return WorstBug(again) != nullptr;
    };
    const auto reduced = Reduce(test_case, interesting, {});
    ASSERT_TRUE(reduced);
    EXPECT_TRUE(reduced->reduced.options.more_runs.empty());
  }
  EXPECT_GT(reduced_cases, 0);
}

}  // namespace
}  // namespace moire::faulty
