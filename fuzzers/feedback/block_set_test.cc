#include "fuzzers/feedback/block_set.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

namespace moire {
namespace {

TEST(BlockSetTest, CountsEachBlockOnce) {
  auto set = BlockSet::Open("", 1000).value();
  set.Add(std::vector<uint32_t>{0, 63, 64, 999, 1000, 4'000'000});
  set.Add(std::vector<uint32_t>{63, 64});
  EXPECT_EQ(set.count(), 4u);
}

TEST(BlockSetTest, OutlivesTheProcessThatAdded) {
  const std::string path = testing::TempDir() + "/block_set";
  std::filesystem::remove(path);
  const pid_t child = fork();
  if (child == 0) {
    auto set = BlockSet::Open(path, 1000);
    if (set) set->Add(std::vector<uint32_t>{1, 2});
    _exit(set ? 0 : 1);
  }
  int status = -1;
  waitpid(child, &status, 0);
  ASSERT_EQ(status, 0);
  auto set = BlockSet::Open(path, 1000).value();
  EXPECT_EQ(set.count(), 2u);
  set.Add(std::vector<uint32_t>{2, 3});
  EXPECT_EQ(set.count(), 3u);
  EXPECT_EQ(BlockSet::Open(path, 1001).value().count(), 0u) << "another library's";
}

TEST(BlockSetTest, SaysWhereItCannotWrite) {
  const auto set = BlockSet::Open("/nowhere/blocks", 10);
  ASSERT_FALSE(set.has_value());
  EXPECT_EQ(set.error().code, ErrorCode::kEnvironment);
}

}  // namespace
}  // namespace moire
