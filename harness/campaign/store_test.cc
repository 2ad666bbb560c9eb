#include "harness/campaign/store.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace moire {
namespace {

class StoreTest : public ::testing::Test {
 protected:
  void SetUp() override {
    directory_ = ::testing::TempDir() + "store_" +
                 ::testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::remove_all(directory_);
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }
  std::string directory_;
};

StoredFinding Example(std::string cause) {
  StoredFinding out;
  out.cause = std::move(cause);
  out.symptom = "mismatch/ort/value";
  out.verdict = "mismatch";
  out.times_seen = 1;
  return out;
}

TEST_F(StoreTest, SameCauseCountsInsteadOfRepeating) {
  auto store = Store::Open(directory_);
  ASSERT_TRUE(store) << store.error().message;
  ASSERT_TRUE(store->Record(Example("a/1")));
  ASSERT_TRUE(store->Record(Example("a/1")));
  ASSERT_TRUE(store->AddSightings("a/1", 5));
  const auto findings = store->Findings();
  ASSERT_EQ(findings->size(), 1u);
  EXPECT_EQ(findings->front().times_seen, 7);
  EXPECT_EQ(findings->front().state, FindingState::kNew);
}

TEST_F(StoreTest, MarkMergeAndFindByPrefix) {
  auto store = Store::Open(directory_);
  ASSERT_TRUE(store->Record(Example("alpha/1")));
  ASSERT_TRUE(store->Record(Example("beta/2")));
  ASSERT_TRUE(store->Mark("alph", FindingState::kKnown, "reported", "2030-01-01"));
  EXPECT_EQ(store->Find("alpha/1")->state, FindingState::kKnown);
  EXPECT_EQ(store->Find("alpha/1")->expires, "2030-01-01");
  ASSERT_TRUE(store->Merge("beta", "alpha"));
  EXPECT_EQ(store->Find("beta/2")->merged_into, "alpha/1");
  EXPECT_EQ(store->Find("alpha/1")->times_seen, 2);
  EXPECT_FALSE(store->Merge("alpha", "alpha"));
  EXPECT_EQ(store->Find("gamma").error().code, ErrorCode::kNotFound);
}

TEST_F(StoreTest, SightingsCountForWhatACauseWasMergedInto) {
  auto store = Store::Open(directory_);
  for (const char* cause : {"a/1", "b/2", "c/3"}) ASSERT_TRUE(store->Record(Example(cause)));
  ASSERT_TRUE(store->MergeEnds("b/2", "a/1"));
  ASSERT_TRUE(store->MergeEnds("b/2", "a/1"));  // nothing more to do
  ASSERT_TRUE(store->MergeEnds("a/1", "b/2"));
  EXPECT_EQ(store->Find("a/1")->times_seen, 2);
  ASSERT_TRUE(store->Record(Example("b/2")));
  ASSERT_TRUE(store->AddSightings("b/2", 3));
  EXPECT_EQ(store->Find("b/2")->times_seen, 5);
  EXPECT_EQ(store->Find("a/1")->times_seen, 6);
  // Two that were apart: the whole of one goes into the other.
  ASSERT_TRUE(store->MergeEnds("b/2", "c/3"));
  EXPECT_EQ(store->Find("a/1")->merged_into, "c/3");
  EXPECT_EQ(store->Find("b/2")->merged_into, "c/3");
  EXPECT_EQ(store->Find("c/3")->times_seen, 7);
}

TEST_F(StoreTest, TwoHandlesWriteTheSameFile) {
  auto first = Store::Open(directory_);
  auto second = Store::Open(directory_);
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(first->Record(Example("x")));
    ASSERT_TRUE(second->Record(Example("x")));
  }
  EXPECT_EQ(second->Find("x")->times_seen, 100);
}

TEST_F(StoreTest, WhatIsNotAStoreIsRefused) {
  EXPECT_EQ(Store::OpenExisting(directory_).error().code, ErrorCode::kNotFound);
  std::filesystem::create_directories(directory_);
  std::ofstream(directory_ + "/moire.db") << "this is not a database, it is a text file, really";
  EXPECT_EQ(Store::Open(directory_).error().code, ErrorCode::kInvalidInput);
  EXPECT_EQ(Store::Open("/proc/no/such").error().code, ErrorCode::kEnvironment);
}

}  // namespace
}  // namespace moire
