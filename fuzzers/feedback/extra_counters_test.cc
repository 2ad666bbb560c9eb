// The counters as libFuzzer sees them: runs a real libFuzzer binary and reads the number of
// features.
#include "fuzzers/feedback/extra_counters.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <string>

namespace moire {
namespace {

// Features that libFuzzer has counted after `runs` runs; -1: it did not say.
int Features(const std::string& mode, int runs) {
  const std::string command = fmt::format("MOIRE_TEST_LIGHT={} {} -seed=1 -runs={} -max_len=4 2>&1",
                                          mode, MOIRE_COUNTERS_TARGET, runs);
  FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return -1;
  int features = -1;
  for (char line[4096]; std::fgets(line, sizeof line, pipe) != nullptr;) {
    const std::string text = line;
    const size_t at = text.find(" ft: ");
    if (at != std::string::npos) features = std::stoi(text.substr(at + 5));
  }
  pclose(pipe);
  return features;
}

TEST(ExtraCountersTest, BlocksChangeWhatLibFuzzerCounts) {
  EXPECT_EQ(Features("nothing", 3000), 1);
  EXPECT_GT(Features("blocks", 3000), 100);
}

TEST(ExtraCountersTest, EightBlocksOfOneCounterAreEightFeatures) {
  EXPECT_EQ(Features("buckets", 3000), 8);
}

TEST(ExtraCountersTest, ALevelLightsAllBelowIt) { EXPECT_EQ(Features("waypoints", 3000), 16); }

TEST(ExtraCountersTest, EveryBlockUpToTwoToTheTwentyHasItsOwnCounterAndBucket) {
  ClearCounters();
  const auto counters = AllCounters();
  LightBlock(5);
  EXPECT_EQ(counters[5], 1);
  ClearCounters();
  LightBlock(5 + 7 * static_cast<uint32_t>(kBlockCounters));
  EXPECT_EQ(counters[5], 128);
  LightBlock(5 + 2 * static_cast<uint32_t>(kBlockCounters));
  EXPECT_EQ(counters[5], 3) << "the lower block of two stays";
  LightBlock(5 + 6 * static_cast<uint32_t>(kBlockCounters));
  EXPECT_EQ(counters[5], 3);
  ClearCounters();
  EXPECT_EQ(std::ranges::count(counters, 0), static_cast<ptrdiff_t>(counters.size()));
}

TEST(ExtraCountersTest, NoFeatureFoldsOnAnother) {
  constexpr size_t kLibFuzzerFeatures = size_t{1} << 21;
  static_assert((kBlockCounters + kWaypointCounters) * 8 <= kLibFuzzerFeatures);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(AllCounters().data()) % sizeof(uintptr_t), 0u);
}

}  // namespace
}  // namespace moire
