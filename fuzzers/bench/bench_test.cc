// The benchmark in small: its figures exist and hang together. Their size is measured by
// `moire bench`, not here: other work on the machine would decide.
#include "fuzzers/bench/bench.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace moire {
namespace {

using testing::HasSubstr;

TEST(BenchTest, MeasuresTheWholeLoopAgainstABareOne) {
  BenchOptions options;
  options.cases = 100;
  options.armed_cases = 150;
  options.stage_cases = 100;
  const auto report = Bench(options);
  ASSERT_TRUE(report.has_value()) << report.error().message;
  EXPECT_THAT(report->library, HasSubstr("ort@"));
  EXPECT_LE(report->cases, 100);
  EXPECT_GE(report->cases + report->deadly, 100);
  EXPECT_GE(report->cases, 90);
  EXPECT_GT(report->accepted, 50);
  EXPECT_GT(report->loop_ratio, 0.05);
  EXPECT_LT(report->loop_ratio, 1.5);
  EXPECT_GT(report->blocks_armed, 500'000u);
  EXPECT_GT(report->arming_seconds, 0);
  EXPECT_GT(report->armed_speed_ratio, 0.1);
  EXPECT_GT(report->median_nodes, 3);
  EXPECT_GT(report->median_elements, 0);
  double sum = 0;
  for (const auto& [name, share] : report->stage_shares) sum += share;
  EXPECT_NEAR(sum, 1, 1e-9);
  EXPECT_THAT(ToJson(*report), HasSubstr("\"armed_speed_ratio\""));
}

TEST(BenchTest, SaysWhatIsNotThere) {
  BenchOptions options;
  options.target = "0.0.1";
  const auto report = Bench(options);
  ASSERT_FALSE(report.has_value());
  EXPECT_EQ(report.error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace moire
