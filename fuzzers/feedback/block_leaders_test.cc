// Blocks of a library that is known to the byte.
#include "fuzzers/feedback/block_leaders.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "fuzzers/feedback/testdata/sample.h"

namespace moire {
namespace {

class BlockLeadersTest : public testing::Test {
 protected:
  BlockLeadersTest() : sample_(MOIRE_SAMPLE_ONE) {
    module_ = FindLoadedModule(sample_.path()).value();
    functions_ = FindFunctions(module_).value();
    const AddressRange code = module_.code.front().range;
    leaders_.emplace(FindBlockLeaders({reinterpret_cast<const uint8_t*>(code.begin), code.size()},
                                      code.begin, functions_));
  }
  bool IsLeader(const char* label) {
    const uintptr_t address = sample_.Address(label);
    EXPECT_NE(address, 0u) << label;
    return leaders_->bits.Test(address - module_.code.front().range.begin);
  }
  // Leaders of one function.
  int Count(const char* name) {
    const uintptr_t entry = sample_.Address(name);
    const auto function = std::ranges::find(functions_, entry, &AddressRange::begin);
    EXPECT_NE(function, functions_.end()) << name;
    int count = 0;
    for (uintptr_t at = function->begin; at < function->end; ++at) {
      count += leaders_->bits.Test(at - module_.code.front().range.begin) ? 1 : 0;
    }
    return count;
  }

  Sample sample_;
  LoadedModule module_;
  std::vector<AddressRange> functions_;
  std::optional<BlockLeaders> leaders_;
};

TEST_F(BlockLeadersTest, EntriesTargetsAndFallThroughs) {
  EXPECT_TRUE(IsLeader("sample_branch"));
  EXPECT_TRUE(IsLeader("block_branch_nonzero"));
  EXPECT_TRUE(IsLeader("block_branch_zero"));
  EXPECT_EQ(Count("sample_branch"), 3) << "padding behind the return is no block";
  EXPECT_TRUE(IsLeader("block_loop_body"));
  EXPECT_TRUE(IsLeader("block_loop_done"));
  EXPECT_EQ(Count("sample_loop"), 3);
}

TEST_F(BlockLeadersTest, JumpTableTargetsAreFoundBehindJumps) {
  EXPECT_TRUE(IsLeader("block_switch_go"));
  EXPECT_TRUE(IsLeader("block_switch_0"));
  EXPECT_TRUE(IsLeader("block_switch_1"));
  EXPECT_TRUE(IsLeader("block_switch_2"));
  EXPECT_EQ(Count("sample_switch"), 5);
}

TEST_F(BlockLeadersTest, DataBetweenInstructionsIsNeverALeader) {
  EXPECT_TRUE(IsLeader("sample_data"));
  EXPECT_FALSE(IsLeader("dead_data"));
  EXPECT_FALSE(IsLeader("dead_after_data"));
  EXPECT_EQ(Count("sample_data"), 1);
  EXPECT_EQ(leaders_->with_data, 1u);
}

TEST_F(BlockLeadersTest, StopsAtWhatCannotBeDecoded) {
  EXPECT_TRUE(IsLeader("block_undecodable_next"));
  EXPECT_FALSE(IsLeader("dead_undecodable"));
  EXPECT_EQ(Count("sample_undecodable"), 2);
  EXPECT_EQ(leaders_->undecodable, 1u);
}

TEST_F(BlockLeadersTest, KeepsTheEntryAloneWhereTheSequenceIsOutOfStep) {
  EXPECT_EQ(Count("sample_desync"), 1);
  EXPECT_TRUE(IsLeader("sample_desync"));
  EXPECT_EQ(leaders_->desynchronised, 1u);
}

TEST_F(BlockLeadersTest, LeavesTheLibrarysOwnBreakpointsAlone) {
  EXPECT_TRUE(IsLeader("block_trap_none"));
  EXPECT_FALSE(IsLeader("dead_trap"));
}

TEST(LoadedModuleTest, SaysWhatIsNotThere) {
  const auto missing = FindLoadedModule("libnothing.so");
  ASSERT_FALSE(missing.has_value());
  EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(missing.error().message, testing::HasSubstr("libnothing.so"));
}

TEST(LoadedModuleTest, RefusesBrokenTables) {
  const Sample sample(MOIRE_SAMPLE_ONE);
  LoadedModule module = FindLoadedModule(sample.path()).value();
  const AddressRange header = module.eh_frame_header;
  module.eh_frame_header = {};
  EXPECT_FALSE(FindFunctions(module).has_value()) << "no table";
  module.eh_frame_header = {header.begin + 1, header.end};
  EXPECT_FALSE(FindFunctions(module).has_value()) << "not a table";
  module.eh_frame_header = header;
  module.segments = {{header.begin, header.begin + 16}};
  EXPECT_FALSE(FindFunctions(module).has_value()) << "descriptions outside the module";
}

}  // namespace
}  // namespace moire
