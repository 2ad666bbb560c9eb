// What holds in every order of edits: the journal, interruption, processes that judge ahead, and
// what is learned.
#include "synth/search.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "harness/case/onnx_adapter.h"
#include "harness/case/temporary_directory.h"
#include "oracles/reference/reference.h"
#include "synth/experience.h"
#include "synth/load.h"

namespace moire {
namespace {

// 30 nodes, of which a Tanh and an Exp below it have to stay.
Case Chain() {
  std::string text = R"(<ir_version: 8, opset_import: ["" : 17]>
    agraph (float[3,4] v0, float[3,4] w) => (float[3,4] v30) {)";
  for (int i = 0; i < 30; ++i) {
    const std::string_view op = i == 9 ? "Tanh" : i == 20 ? "Exp" : i % 3 == 0 ? "Abs" : "Neg";
    text += i % 7 == 5 ? fmt::format("v{} = Add(v{}, w)\n", i + 1, i)
                       : fmt::format("v{} = {}(v{})\n", i + 1, op, i);
  }
  Case test_case;
  test_case.model = ParseModelText(text + "}").value();
  test_case.inputs = GenerateInputs(ParseModel(test_case.model).value(), {}).value();
  return test_case;
}

bool TanhBeforeExp(const Case& candidate) {
  const Result<Model> model = ParseModel(candidate.model);
  if (!model || Evaluate(*model, candidate.inputs).status != ReferenceStatus::kEvaluated) {
    return false;
  }
  std::set<std::string> below;
  for (const Node& node : model->graph.nodes) {
    const bool reached = std::ranges::any_of(
        node.inputs, [&](const std::string& input) { return below.contains(input); });
    if (node.op == "Exp" && reached) return true;
    if (node.op == "Tanh" || reached) below.insert(node.outputs[0]);
  }
  return false;
}

ReduceResult Reduced(const ReduceOptions& options, const Interesting& check = TanhBeforeExp) {
  Result<ReduceResult> result = Reduce(Chain(), check, options);
  EXPECT_TRUE(result) << result.error().message;
  return *result;
}

TEST(Journal, OutlivesWhatIsTorn) {
  const TemporaryDirectory directory;
  const std::string path = directory.path() + "/journal.bin";
  {
    Journal journal;
    ASSERT_TRUE(journal.Open(path));
    journal.Add(1, Journal::Answer::kFails);
    journal.Add(2, Journal::Answer::kPasses);
    journal.Add(3, Journal::Answer::kDied);
  }
  std::filesystem::resize_file(path, 3 * 16 - 5);  // killed while it wrote
  {
    Journal journal;
    ASSERT_TRUE(journal.Open(path));
    EXPECT_EQ(journal.read(), 2u);
    EXPECT_EQ(journal.Find(1), Journal::Answer::kFails);
    EXPECT_EQ(journal.Find(2), Journal::Answer::kPasses);
    EXPECT_EQ(journal.Find(3), std::nullopt);
    journal.Add(4, Journal::Answer::kFails);
  }
  std::fstream(path, std::ios::in | std::ios::out | std::ios::binary).seekp(16).put('x');
  Journal journal;
  ASSERT_TRUE(journal.Open(path));
  EXPECT_EQ(journal.read(), 1u);  // nothing behind a broken record is believed
  EXPECT_EQ(journal.Find(4), std::nullopt);
}

TEST(Journal, AnotherQuestionIsAnotherKey) {
  Journal journal;
  const uint64_t key = journal.Key("case");
  journal.set_question("mismatch");
  EXPECT_NE(journal.Key("case"), key);
  journal.set_question("");
  EXPECT_EQ(journal.Key("other") == key, false);
}

// Stopped anywhere and taken up again, any number of times, it ends at the same result, and nothing
// is judged twice.
TEST(Search, InterruptedAndResumedEndsAtTheSameResult) {
  for (const SearchOrder order : {SearchOrder::kFixed, SearchOrder::kLearned}) {
    ReduceOptions options;
    options.search = order;
    const ReduceResult whole = Reduced(options);
    EXPECT_EQ(whole.nodes_after, 2);
    EXPECT_TRUE(whole.minimal);
    EXPECT_TRUE(whole.finished);
    for (const int step : {1, 7, 40}) {
      Journal journal;
      options.journal = &journal;
      int judged = 0;
      int until = 0;
      options.stopped = [&] { return judged >= until; };
      ReduceResult last;
      for (int round = 0; round < 400 && !last.finished; ++round) {
        until = judged + step + 1;  // the answer of the last one does not count
        last = Reduced(options, [&](const Case& candidate) {
          ++judged;
          return TanhBeforeExp(candidate);
        });
        EXPECT_LE(last.bytes_after, last.bytes_before);
      }
      EXPECT_EQ(last.reduced, whole.reduced) << step;
      EXPECT_EQ(last.checks, whole.checks) << step;
      EXPECT_TRUE(last.minimal);
    }
  }
}

// An answer that was given while it was being stopped is worth nothing.
TEST(Search, TheLastAnswerBeforeTheStopDoesNotCount) {
  Journal journal;
  ReduceOptions options;
  options.journal = &journal;
  bool stop = false;
  options.stopped = [&] { return stop; };
  int judged = 0;
  const ReduceResult result = Reduced(options, [&](const Case& candidate) {
    stop = ++judged == 10;
    return TanhBeforeExp(candidate) || stop;
  });
  EXPECT_EQ(journal.size(), 9u);
  EXPECT_FALSE(result.finished);
  EXPECT_FALSE(result.minimal);
}

TEST(Search, ShowsWhereItIs) {
  ReduceOptions options;
  std::vector<ReduceProgress> seen;
  options.on_check = [&](const ReduceProgress& progress) { seen.push_back(progress); };
  const ReduceResult result = Reduced(options);
  ASSERT_EQ(seen.size(), static_cast<size_t>(result.checks));
  EXPECT_EQ(seen.front().nodes, 30);
  EXPECT_EQ(seen.back().nodes, 2);
  EXPECT_EQ(seen.back().bytes, result.bytes_after);
  for (size_t i = 1; i < seen.size(); ++i) {
    EXPECT_LE(seen[i].nodes, seen[i - 1].nodes);
    EXPECT_LE(seen[i].bytes, seen[0].bytes);
  }
}

// The result does not depend on the number of processes, and neither does the count of checks.
TEST(Search, ProcessesThatJudgeAheadChangeNothing) {
  const pid_t self = getpid();
  for (const SearchOrder order : {SearchOrder::kFixed, SearchOrder::kLearned}) {
    ReduceOptions options;
    options.search = order;
    const ReduceResult alone = Reduced(options);
    for (const int jobs : {2, 3}) {
      options.jobs = jobs;
      int own = 0;
      bool forked = false;
      options.on_fork = [&](const std::function<bool()>&) { forked = true; };
      const ReduceResult together = Reduced(options, [&](const Case& candidate) {
        ++own;
        usleep(4000);
        return TanhBeforeExp(candidate);
      });
      EXPECT_EQ(getpid(), self);  // nobody who walked ahead got here
      EXPECT_FALSE(forked);
      EXPECT_EQ(together.reduced, alone.reduced);
      EXPECT_EQ(together.checks, alone.checks);
      // Others did their share.
      EXPECT_LT(own, alone.checks) << jobs;
    }
  }
}

// Whoever dies of a candidate that it judges ahead costs nothing but itself.
TEST(Search, AProcessThatJudgesAheadMayDie) {
  const pid_t self = getpid();
  ReduceOptions options;
  const ReduceResult alone = Reduced(options);
  options.jobs = 2;
  const ReduceResult together = Reduced(options, [&](const Case& candidate) {
    usleep(1500);
    if (getpid() != self && candidate.inputs.size() > 1) _exit(1);
    return TanhBeforeExp(candidate);
  });
  EXPECT_EQ(together.reduced, alone.reduced);
  EXPECT_EQ(together.checks, alone.checks);
}

TEST(Search, OrdersHaveNames) {
  EXPECT_EQ(ParseSearchOrder("learned").value(), SearchOrder::kLearned);
  EXPECT_EQ(ParseSearchOrder("cut").value(), SearchOrder::kCut);
  EXPECT_EQ(ParseSearchOrder("best").error().code, ErrorCode::kInvalidInput);
}

TEST(Learned, TheSameFileAndSeedGiveTheSameReduction) {
  const TemporaryDirectory directory;
  const std::string path = directory.path() + "/experience.txt";
  ReduceOptions options;
  options.search = SearchOrder::kLearned;
  options.experience = path;
  const ReduceResult first = Reduced(options);
  const Experience learned = Experience::Read(path);
  EXPECT_FALSE(learned == Experience());
  const ReduceResult second = Reduced(options);
  // It knows now which nodes have to stay.
  EXPECT_LT(second.checks, first.checks);
  EXPECT_EQ(second.nodes_after, 2);
  ASSERT_TRUE(learned.Write(path));
  EXPECT_EQ(Reduced(options).checks, second.checks);
}

TEST(Experience, LearnsWhatStays) {
  Experience experience;
  const std::vector<Features> nodes = {{"op:Abs"}, {"op:Tanh"}, {"op:Abs"}, {"op:Neg"}};
  for (int i = 0; i < 5; ++i) experience.Learn(nodes, {false, true, false, false});
  EXPECT_GT(experience.Score({"op:Tanh"}), 2 * experience.Score({"op:Abs"}));
  EXPECT_DOUBLE_EQ(experience.Score({"op:Unseen"}), 1);
  // Nothing stayed: nothing is learned.
  const Experience before = experience;
  experience.Learn(nodes, {false, false, false, false});
  EXPECT_EQ(experience, before);
}

TEST(Experience, RulesThatWorkAreDrawnHigher) {
  Experience experience;
  experience.Count("good", 20, 2);
  experience.Count("bad", 1, 30);
  Random random(7);
  int higher = 0;
  for (int i = 0; i < 200; ++i) {
    higher += experience.Sample("good", random) > experience.Sample("bad", random) ? 1 : 0;
  }
  EXPECT_GT(higher, 195);
  // What nothing is known of is tried before what is known to be bad, most times, and not always.
  int unknown = 0;
  for (int i = 0; i < 200; ++i) {
    unknown += experience.Sample("unknown", random) > experience.Sample("bad", random) ? 1 : 0;
  }
  EXPECT_GT(unknown, 150);
  EXPECT_LT(unknown, 200);
}

TEST(Experience, FilesThatAreNoneAreNone) {
  const TemporaryDirectory directory;
  const std::string path = directory.path() + "/experience.txt";
  const auto read = [&](std::string_view text) {
    EXPECT_TRUE(WriteFile(path, text));
    return Experience::Read(path);
  };
  EXPECT_EQ(Experience::Read(directory.path() + "/nowhere"), Experience());
  EXPECT_EQ(read("garbage\nrule a 1 2\n"), Experience());
  EXPECT_EQ(read("moire-experience 1\nrule a nan 2\nweight\nrule b\nnonsense c 1\n"), Experience());
  Experience one;
  one.Count("a", 1, 2);
  EXPECT_EQ(read("moire-experience 1\nrule a 1 2\n"), one);
}

}  // namespace
}  // namespace moire
