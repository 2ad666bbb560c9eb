// Planted deaths in a configuration, and their clean twin.
#include "harness/execute/child.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <cstring>

#include "harness/case/onnx_adapter.h"

namespace moire {
namespace {

using ::testing::HasSubstr;

Case AddCase() {
  Case test_case;
  const auto model = ParseModelText(R"(<ir_version: 8, opset_import: ["" : 17]>
    g (float[2] x) => (float[2] y) { y = Add(x, x) })");
  EXPECT_TRUE(model) << model.error().message;
  test_case.model = *model;
  Tensor x = MakeTensor(DataType::kFloat, {2});
  x.As<float>()[0] = 1;
  x.As<float>()[1] = 3;
  test_case.inputs = {{"x", x}};
  return test_case;
}

// Returns the right outputs, after having done `first`.
class Fake : public Configuration {
 public:
  Fake(std::string name, std::function<void(Observation&)> first)
      : name_(std::move(name)), first_(std::move(first)) {}
  const std::string& name() const override { return name_; }
  Observation Run(const Case& test_case) override {
    Observation seen;
    Tensor y = test_case.inputs.at(0).tensor;
    for (float& v : y.As<float>()) v += v;
    seen.outputs = {{"y", y}};
    if (first_) first_(seen);
    return seen;
  }

 private:
  std::string name_;
  std::function<void(Observation&)> first_;
};

OpenAll Open(std::function<void(Observation&)> second) {
  return [second]() -> Result<Configurations> {
    Configurations all;
    all.push_back(std::make_unique<Fake>("fake:level=none", nullptr));
    all.push_back(std::make_unique<Fake>("fake:level=all", second));
    return all;
  };
}

ChildExecution RunWith(std::function<void(Observation&)> second, ChildOptions options = {}) {
  auto result = ExecuteInChild(AddCase(), Open(std::move(second)), options);
  EXPECT_TRUE(result) << result.error().message;
  return result ? std::move(*result) : ChildExecution{};
}

const Verdict* Bug(const ChildExecution& run) {
  for (const Verdict& verdict : run.execution.verdicts) {
    if (IsBug(verdict.kind)) return &verdict;
  }
  return nullptr;
}

// Not inlined, so that the frames have somewhere to be.
[[gnu::noinline]] void DivideByZero() {
  volatile int zero = 0;
  volatile int seven = 7;
  volatile int result = seven / zero;
  (void)result;
}

TEST(ExecuteInChild, CleanTwin) {
  const ChildExecution run = RunWith(nullptr);
  EXPECT_TRUE(run.parsed);
  EXPECT_EQ(run.configurations.size(), 2u);
  EXPECT_EQ(Bug(run), nullptr);
  ASSERT_EQ(run.execution.verdicts.size(), 2u);
  EXPECT_EQ(run.execution.verdicts[0].kind, VerdictKind::kMatch);
}

TEST(ExecuteInChild, Crash) {
  const ChildExecution run = RunWith([](Observation&) { DivideByZero(); });
  const Verdict* bug = Bug(run);
  ASSERT_NE(bug, nullptr);
  EXPECT_EQ(bug->kind, VerdictKind::kCrash);
  EXPECT_EQ(bug->configuration, "fake:level=all");
  EXPECT_EQ(bug->error_class, "SIGFPE");  // of frames only those of a runtime
  // The other one is still judged.
  EXPECT_EQ(run.execution.verdicts.back().kind, VerdictKind::kMatch);
}

TEST(ExecuteInChild, CrashIsStable) {
  const auto crash = [](Observation&) { DivideByZero(); };
  EXPECT_EQ(Bug(RunWith(crash))->error_class, Bug(RunWith(crash))->error_class);
}

TEST(ExecuteInChild, Abort) {
  const ChildExecution run = RunWith([](Observation&) { std::abort(); });
  ASSERT_NE(Bug(run), nullptr);
  EXPECT_THAT(Bug(run)->error_class, HasSubstr("SIGABRT"));
}

TEST(ExecuteInChild, SegmentationFaultOfAJumpToNowhere) {
  const ChildExecution run = RunWith([](Observation&) {
    volatile uintptr_t nowhere = 16;
    reinterpret_cast<void (*)()>(nowhere)();
  });
  ASSERT_NE(Bug(run), nullptr);
  EXPECT_THAT(Bug(run)->error_class, HasSubstr("SIGSEGV"));
}

TEST(ExecuteInChild, ExitIsACrash) {
  const ChildExecution run = RunWith([](Observation&) { _exit(0); });
  ASSERT_NE(Bug(run), nullptr);
  EXPECT_EQ(Bug(run)->kind, VerdictKind::kCrash);
}

TEST(ExecuteInChild, Hang) {
  ChildOptions options;
  options.limits.cpu_seconds = 5.2;
  const ChildExecution run = RunWith(
      [](Observation&) {
        volatile bool forever = true;
        while (forever) {
        }
      },
      options);
  ASSERT_NE(Bug(run), nullptr);
  EXPECT_EQ(Bug(run)->kind, VerdictKind::kHang);
}

TEST(ExecuteInChild, StandingStill) {
  ChildOptions options;
  options.limits.idle_seconds = 1;
  const ChildExecution run = RunWith([](Observation&) { pause(); }, options);
  ASSERT_NE(Bug(run), nullptr);
  EXPECT_EQ(Bug(run)->kind, VerdictKind::kHang);
}

// Takes memory and touches it; the compiler may not see that nobody reads it.
std::vector<char> Take(size_t bytes) {
  std::vector<char> block(bytes, 'x');
  asm volatile("" : : "r"(block.data()) : "memory");
  return block;
}

TEST(ExecuteInChild, Memory) {
  ChildOptions options;
  options.limits.memory_bytes = uint64_t{600} << 20;
  const ChildExecution run = RunWith(
      [](Observation&) {
        std::vector<std::vector<char>> kept;
        for (size_t i = 0; i < 2000; ++i) kept.push_back(Take(size_t{1} << 20));
      },
      options);
  ASSERT_NE(Bug(run), nullptr);
  EXPECT_EQ(Bug(run)->kind, VerdictKind::kMemory);
}

TEST(ExecuteInChild, PeakThatEnds) {
  const ChildExecution run = RunWith([](Observation&) { Take(size_t{400} << 20); });
  ASSERT_NE(Bug(run), nullptr);
  EXPECT_EQ(Bug(run)->kind, VerdictKind::kMemory);
}

TEST(ExecuteInChild, MemoryThatIsKept) {
  ChildOptions options;
  options.check_growth = true;
  const auto leak = [](Observation&) {
    static auto* kept = new std::vector<std::vector<char>>;
    kept->push_back(Take(4000));
  };
  const ChildExecution run = RunWith(leak, options);
  ASSERT_NE(Bug(run), nullptr);
  EXPECT_EQ(Bug(run)->kind, VerdictKind::kMemory);
  EXPECT_THAT(Bug(run)->reason, HasSubstr("keeps memory"));
  EXPECT_EQ(Bug(RunWith(nullptr, options)), nullptr);
}

TEST(ExecuteInChild, WrongValue) {
  const ChildExecution run =
      RunWith([](Observation& seen) { seen.outputs[0].tensor.As<float>()[1] += 1; });
  ASSERT_NE(Bug(run), nullptr);
  EXPECT_EQ(Bug(run)->kind, VerdictKind::kMismatch);
  EXPECT_EQ(Bug(run)->element, 1);
}

TEST(ExecuteInChild, NothingOpens) {
  const auto result = ExecuteInChild(AddCase(), []() -> Result<Configurations> {
    return Fail(ErrorCode::kNotFound, "no such thing");
  });
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kNotFound);
}

TEST(ExecuteInChild, CasesThatAreNoModels) {
  Case broken = AddCase();
  broken.model = "this is not a model";
  const auto result = ExecuteInChild(broken, Open(nullptr));
  ASSERT_TRUE(result);
  EXPECT_FALSE(result->parsed);
  EXPECT_EQ(Bug(*result), nullptr);
}

// What a runtime forgets to write is not 0 by luck: freed memory of the kernel's would be.
TEST(ExecuteInChild, MemoryThatWasNotWrittenShows) {
  const auto read_unwritten = [](Observation& seen) {
    // Volatile, or the compiler knows that nothing was written there.
    char* volatile fresh = static_cast<char*>(std::malloc(size_t{1} << 16));
    std::memcpy(seen.outputs[0].tensor.As<float>().data(), fresh + 4000, 2 * sizeof(float));
    std::free(fresh);
  };
  const ChildExecution run = RunWith(read_unwritten);
  ASSERT_EQ(run.execution.verdicts.size(), 2u);
  EXPECT_EQ(run.execution.verdicts[0].kind, VerdictKind::kMatch);
  EXPECT_EQ(run.execution.verdicts[1].kind, VerdictKind::kMismatch);
}

}  // namespace
}  // namespace moire
