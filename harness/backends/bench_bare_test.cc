#include "harness/backends/bench_bare.h"

#include <gtest/gtest.h>

#include "harness/backends/testing/sample_cases.h"

namespace moire {
namespace {

TEST(BareLoopTest, CountsRunsAndFailures) {
  std::vector<Case> cases = {testing::FusableCase(), testing::ChainCase(1, 10),
                             testing::FusableCase(), testing::FusableCase()};
  cases[2].model = "not a model";
  cases[3].options.disabled_optimizers = {"MatMulAddFusion"};
  auto loop = BareLoop::Prepare("1.23.2", "level=none+all", cases);
  ASSERT_TRUE(loop) << loop.error().message;
  for (int repeat = 0; repeat < 2; ++repeat) {
    const BareLoop::Pass pass = loop->Run();
    EXPECT_EQ(pass.runs, 8u);
    EXPECT_EQ(pass.failed, 2u);
    EXPECT_GT(pass.seconds, 0);
  }
  EXPECT_EQ(loop->Run(1).runs, 2u);
  EXPECT_EQ(loop->Run(1).failed, 0u);
}

TEST(BareLoopTest, MistakesAreErrors) {
  EXPECT_FALSE(BareLoop::Prepare("0.0.1", "level=all", {}));
  EXPECT_FALSE(BareLoop::Prepare("1.23.2", "level=most", {}));
}

}  // namespace
}  // namespace moire
