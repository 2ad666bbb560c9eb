#include "harness/campaign/known.h"

#include <gtest/gtest.h>

#include "harness/case/case.h"

namespace moire {
namespace {

class KnownTest : public ::testing::Test {
 protected:
  KnownFindings Read(const std::string& text) {
    const std::string path = ::testing::TempDir() + "known.txt";
    EXPECT_TRUE(WriteFile(path, text));
    auto known = KnownFindings::Read({path});
    EXPECT_TRUE(known) << known.error().message;
    return known ? *known : KnownFindings();
  }
};

TEST_F(KnownTest, CausesWithReasonsAndDays) {
  const KnownFindings known = Read(
      "# of release 9\n\n"
      "crash/Gather/float/01 # reported\n"
      "mismatch/Add/float/02 until 2026-06-30 # mended soon\n");
  ASSERT_NE(known.Find("crash/Gather/float/01", "2030-01-01"), nullptr);
  EXPECT_EQ(known.Find("crash/Gather/float/01", "2030-01-01")->reason, "reported");
  EXPECT_NE(known.Find("mismatch/Add/float/02", "2026-06-30"), nullptr);
  EXPECT_EQ(known.Find("mismatch/Add/float/02", "2026-07-01"), nullptr);
  EXPECT_EQ(known.Find("mismatch/Add/float/03", "2026-01-01"), nullptr);
}

TEST_F(KnownTest, AStarStandsForAnything) {
  const KnownFindings known = Read("mismatch/Cast-*/float/* # dropped casts\n");
  EXPECT_NE(known.Find("mismatch/Cast-Selu/float/0a", "2026-01-01"), nullptr);
  EXPECT_EQ(known.Find("mismatch/Cast-Selu/double/0a", "2026-01-01"), nullptr);
  EXPECT_EQ(known.Find("crash/Cast-Selu/float/0a", "2026-01-01"), nullptr);
}

TEST_F(KnownTest, ALineThatIsNoEntryIsAnError) {
  const std::string path = ::testing::TempDir() + "broken.txt";
  ASSERT_TRUE(WriteFile(path, "crash/Gather/float/01 tomorrow\n"));
  const auto known = KnownFindings::Read({path});
  ASSERT_FALSE(known);
  EXPECT_NE(known.error().message.find("broken.txt:1: expected CAUSE"), std::string::npos);
}

}  // namespace
}  // namespace moire
