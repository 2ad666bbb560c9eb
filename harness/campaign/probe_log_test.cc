#include "harness/campaign/probe_log.h"

#include <gtest/gtest.h>

#include <filesystem>

namespace moire {
namespace {

TEST(ProbeLog, LeavesOutWhatKilledAndNothingElse) {
  const std::string path = ::testing::TempDir() + "/probes";
  std::filesystem::remove(path);
  for (const uint64_t deadly : {7, 9}) {
    ProbeLog log(path);
    log.Asking(1);
    log.Answered();
    log.Asking(deadly);  // and the process is gone
  }
  {
    ProbeLog log(path);
    EXPECT_TRUE(log.Deadly(7));
    EXPECT_TRUE(log.Deadly(9));
    EXPECT_FALSE(log.Deadly(1));
    log.Asking(3);
    log.Answered();
  }
  ProbeLog log(path);
  EXPECT_FALSE(log.Deadly(3));
  log.Finish();
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(ProbeLog, KeepsNothingWithoutAPath) {
  ProbeLog log("");
  log.Asking(5);
  EXPECT_FALSE(log.Deadly(5));
}

}  // namespace
}  // namespace moire
