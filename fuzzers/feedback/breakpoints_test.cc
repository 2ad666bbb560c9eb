// Arming and running a library whose blocks are known: what is reached, by whom, and what is left.
#include "fuzzers/feedback/breakpoints.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <set>
#include <thread>

#include "fuzzers/feedback/loaded_module.h"
#include "fuzzers/feedback/testdata/sample.h"

namespace moire {
namespace {

using testing::IsEmpty;
using testing::UnorderedElementsAre;

class BreakpointsTest : public testing::Test {
 protected:
  BreakpointsTest() : one_(MOIRE_SAMPLE_ONE), two_(MOIRE_SAMPLE_TWO) {}

  static std::unique_ptr<BreakpointCoverage> Armed(const Sample& sample) {
    auto coverage = BreakpointCoverage::Find(sample.path()).value();
    EXPECT_TRUE(coverage->Arm().has_value());
    return coverage;
  }
  static std::vector<uint32_t> Take(BreakpointCoverage& coverage) {
    std::vector<uint32_t> blocks;
    coverage.TakeNew(blocks);
    return blocks;
  }
  // The number of the block at a label.
  static uint32_t Block(const Sample& sample, const BreakpointCoverage& coverage,
                        const char* label) {
    const uint64_t offset = sample.Address(label) - FindLoadedModule(sample.path()).value().base;
    for (uint32_t k = 0; k < coverage.blocks(); ++k) {
      if (coverage.BlockOffset(k) == offset) return k;
    }
    ADD_FAILURE() << "no block at " << label;
    return UINT32_MAX;
  }
  static std::string Code(const Sample& sample) {
    std::string bytes;
    for (const CodeSegment& segment : FindLoadedModule(sample.path()).value().code) {
      bytes.append(reinterpret_cast<const char*>(segment.range.begin), segment.range.size());
    }
    return bytes;
  }
  // Runs `body` in a forked child; its wait status.
  template <typename Body>
  static int InChild(const Body& body) {
    const pid_t child = fork();
    if (child == 0) {
      alarm(20);
      body();
      _exit(0);
    }
    int status = -1;
    waitpid(child, &status, 0);
    return status;
  }

  Sample one_;
  Sample two_;
};

TEST_F(BreakpointsTest, ReportsExactlyTheBlocksThatRan) {
  const auto coverage = Armed(one_);
  EXPECT_EQ(one_.Call("sample_branch", 0), 10);
  EXPECT_THAT(Take(*coverage), testing::ElementsAre(Block(one_, *coverage, "sample_branch"),
                                                    Block(one_, *coverage, "block_branch_zero")));
  EXPECT_EQ(one_.Call("sample_branch", 0), 10);
  EXPECT_THAT(Take(*coverage), IsEmpty());
  EXPECT_EQ(one_.Call("sample_branch", 1), 20);
  EXPECT_THAT(Take(*coverage),
              UnorderedElementsAre(Block(one_, *coverage, "block_branch_nonzero")));
  EXPECT_EQ(one_.Call("sample_loop", 10), 55);
  EXPECT_EQ(Take(*coverage).size(), 3u);
  EXPECT_EQ(one_.Call("sample_switch", 1), 101);
  EXPECT_THAT(Take(*coverage), UnorderedElementsAre(Block(one_, *coverage, "sample_switch"),
                                                    Block(one_, *coverage, "block_switch_go"),
                                                    Block(one_, *coverage, "block_switch_1")));
  EXPECT_EQ(coverage->reached(), 9u);
}

TEST_F(BreakpointsTest, NeverChangesWhatTheCodeComputes) {
  const auto coverage = Armed(one_);
  for (int pass = 0; pass < 3; ++pass) {
    for (int x = 0; x < 4; ++x) {
      EXPECT_EQ(one_.Call("sample_data", x),
                std::vector({0x11111111, 0x22222222, 0x33333333, 0x55555555})[x]);
      EXPECT_EQ(one_.Call("sample_switch", x), 100 + std::min(x, 2));
      EXPECT_EQ(one_.Call("sample_undecodable", x), x == 0 ? 1 : 2);
      EXPECT_EQ(one_.Call("sample_desync", x), x == 0 ? 1 : 2);
    }
    EXPECT_EQ(one_.Call("sample_trap", 0), 5);
    coverage->Rearm();
  }
}

TEST_F(BreakpointsTest, RearmSeesTheSameAgain) {
  const auto coverage = Armed(one_);
  one_.Call("sample_switch", 2);
  const auto first = Take(*coverage);
  EXPECT_EQ(first.size(), 3u);
  coverage->Rearm();
  one_.Call("sample_switch", 2);
  EXPECT_EQ(Take(*coverage), first);
  EXPECT_EQ(coverage->reached(), 3u) << "counted once";
}

TEST_F(BreakpointsTest, DisarmLeavesEveryByteAsItWas) {
  const std::string before = Code(one_);
  auto coverage = Armed(one_);
  EXPECT_NE(Code(one_), before);
  one_.Call("sample_branch", 0);
  coverage->Disarm();
  EXPECT_EQ(Code(one_), before);
  one_.Call("sample_loop", 3);
  EXPECT_EQ(coverage->reached(), 2u) << "nothing is seen while disarmed";
  EXPECT_TRUE(coverage->Arm().has_value());
  Take(*coverage);
  one_.Call("sample_branch", 0);
  EXPECT_THAT(Take(*coverage), IsEmpty()) << "what was reached before stays reached";
  one_.Call("sample_loop", 3);
  EXPECT_EQ(Take(*coverage).size(), 3u);
  coverage.reset();
  EXPECT_EQ(Code(one_), before);
}

TEST_F(BreakpointsTest, DroppedBlocksAreNotSeenAgain) {
  const auto coverage = Armed(one_);
  const auto passes = WarmUp(*coverage, [this] { one_.Call("sample_branch", 0); });
  EXPECT_THAT(passes, testing::ElementsAre(2, 0, 0));
  EXPECT_THAT(Take(*coverage), IsEmpty());
  coverage->Rearm();
  one_.Call("sample_branch", 0);
  one_.Call("sample_branch", 1);
  EXPECT_THAT(Take(*coverage),
              UnorderedElementsAre(Block(one_, *coverage, "block_branch_nonzero")));
  coverage->Undrop();
  coverage->Rearm();
  one_.Call("sample_branch", 1);
  EXPECT_EQ(Take(*coverage).size(), 2u);
}

TEST_F(BreakpointsTest, PutBackBlocksAreSeenAgain) {
  const auto coverage = Armed(one_);
  for (int i = 0; i < 10'000; ++i) {  // more often than the order of arrival has room
    one_.Call("sample_branch", 0);
    const auto blocks = Take(*coverage);
    ASSERT_EQ(blocks.size(), 2u) << i;
    coverage->PutBack(blocks);
    ASSERT_EQ(coverage->reached(), 0u);
  }
}

TEST_F(BreakpointsTest, PuttingBackHasALimitWhereAsked) {
  const auto coverage = Armed(one_);
  for (const size_t expected : {2u, 2u, 2u, 0u}) {
    one_.Call("sample_branch", 0);
    const auto blocks = Take(*coverage);
    EXPECT_EQ(blocks.size(), expected);
    coverage->PutBack(blocks, 2);
  }
  EXPECT_EQ(coverage->reached(), 2u);
}

TEST_F(BreakpointsTest, ThreadsMayHitOneByteTogether) {
  const auto coverage = Armed(one_);
  constexpr int kThreads = 4;
  for (int round = 0; round < 300; ++round) {
    pthread_barrier_t barrier;
    pthread_barrier_init(&barrier, nullptr, kThreads);
    std::vector<std::thread> threads;
    std::atomic<int> wrong{0};
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&] {
        pthread_barrier_wait(&barrier);
        if (one_.Call("sample_loop", 10) != 55) ++wrong;
        if (one_.Call("sample_switch", 0) != 100) ++wrong;
      });
    }
    for (std::thread& thread : threads) thread.join();
    pthread_barrier_destroy(&barrier);
    ASSERT_EQ(wrong.load(), 0);
    ASSERT_EQ(Take(*coverage).size(), 6u) << "each block once";
    coverage->Rearm();
  }
}

TEST_F(BreakpointsTest, TwoLibrariesKeepApart) {
  const auto first = Armed(one_);
  const auto second = Armed(two_);
  EXPECT_EQ(first->blocks(), second->blocks());
  one_.Call("sample_branch", 0);
  EXPECT_EQ(first->reached(), 2u);
  EXPECT_EQ(second->reached(), 0u);
  two_.Call("sample_loop", 5);
  EXPECT_EQ(first->reached(), 2u);
  EXPECT_EQ(second->reached(), 3u);
}

TEST_F(BreakpointsTest, OneLibraryHasOneOwner) {
  auto coverage = Armed(one_);
  EXPECT_FALSE(BreakpointCoverage::Find(one_.path()).has_value());
  one_.Call("sample_branch", 0);
  coverage.reset();
  coverage = Armed(one_);
  EXPECT_EQ(coverage->reached(), 0u) << "begins anew";
  one_.Call("sample_branch", 0);
  EXPECT_EQ(Take(*coverage).size(), 2u);
}

TEST_F(BreakpointsTest, AForeignTrapKillsAsItWouldWithoutUs) {
  const int status = InChild([this] {
    signal(SIGTRAP, SIG_DFL);
    const auto coverage = Armed(one_);
    one_.Call("sample_trap", 1);
  });
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(WTERMSIG(status), SIGTRAP);
}

TEST_F(BreakpointsTest, AForeignTrapReachesTheHandlerThatWasThereBefore) {
  static volatile sig_atomic_t seen;
  const int status = InChild([this] {
    signal(SIGTRAP, [](int) { seen = seen + 1; });
    const auto coverage = Armed(one_);
    one_.Call("sample_branch", 0);
    if (seen != 0) _exit(1);
    if (one_.Call("sample_trap", 1) != 6 || seen != 1) _exit(2);
    raise(SIGTRAP);
    if (seen != 2) _exit(3);
    // A handler installed later is put behind ours by the next Rearm.
    signal(SIGTRAP, [](int) { seen = 100; });
    coverage->Rearm();
    one_.Call("sample_branch", 0);
    if (seen != 2 || coverage->reached() != 4) _exit(4);
    raise(SIGTRAP);
    if (seen != 100) _exit(5);
  });
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST_F(BreakpointsTest, AForkedChildCanDisarm) {
  const std::string before = Code(one_);
  const auto coverage = Armed(one_);
  const int status = InChild([&] {
    coverage->Disarm();
    signal(SIGTRAP, SIG_DFL);
    if (Code(one_) != before) _exit(1);
    if (one_.Call("sample_branch", 0) != 10) _exit(2);
  });
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
  EXPECT_NE(Code(one_), before) << "the parent stays armed";
  one_.Call("sample_branch", 0);
  EXPECT_EQ(coverage->reached(), 2u);
}

TEST_F(BreakpointsTest, ExitDisarms) {
  const std::string before = Code(one_);
  static const std::string* expected;
  static const Sample* sample;
  expected = &before;
  sample = &one_;
  const int status = InChild([this] {
    static const auto at_exit = +[] {
      if (Code(*sample) != *expected) _exit(1);
    };
    std::atexit(at_exit);  // before arming: runs after the disarming
    static const auto coverage = Armed(one_);
    if (Code(one_) == *expected) _exit(2);
    exit(0);
  });
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST_F(BreakpointsTest, SaysWhatIsNotLoaded) {
  const auto coverage = BreakpointCoverage::Find("libnothing.so");
  ASSERT_FALSE(coverage.has_value());
  EXPECT_EQ(coverage.error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace moire
