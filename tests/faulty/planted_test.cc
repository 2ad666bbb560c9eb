// The clean twin gives no finding, the planted faults are found, the judge sees twice the bound: small
// counts. moire_planted measures with the full ones.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <nlohmann/json.hpp>

#include "tests/faulty/faulty_backend.h"
#include "tests/faulty/planted.h"

namespace moire::faulty {
namespace {

TEST(Planted, CleanTwinRaisesNoAlarm) {
  const TwinReport report = RunTwin({.cases = 2000, .save = {}});
  for (const std::string& alarm : report.alarms) ADD_FAILURE() << alarm;
  const auto matches = report.verdicts.find("match");
  ASSERT_NE(matches, report.verdicts.end());
  EXPECT_GT(matches->second, report.cases / 2);
}

TEST(Planted, TwiceTheBoundIsReported) {
  const PowerReport report = RunPower({.cases = 500, .seed = 1, .nodes = 10});
  EXPECT_GT(report.faults, 400);
  EXPECT_EQ(report.reported, report.faults) << (report.missed.empty() ? "" : report.missed[0]);
}

// All but the hang, which takes half a minute to prove, again and again.
TEST(Planted, FaultsAreFoundReducedReplayedAndToldApart) {
  std::vector<FaultEntry> faults;
  std::ranges::copy_if(PlantedFaults(), std::back_inserter(faults),
                       [](const FaultEntry& fault) { return fault.kind != FaultKind::kHang; });
  const FaultOptions options{.seeds = 2,
                             .cases = 5000,
                             .findings = 2,
                             .bundles = ::testing::TempDir() + "planted_test_bundles"};
  std::map<std::string, std::string> owners;  // cause -> fault
  size_t grouped = 0, causes = 0;
  const auto check = [&](const nlohmann::json& figures) {
    const auto name = figures["fault"].get<std::string>();
    SCOPED_TRACE(figures.dump());
    EXPECT_GE(figures["found_in"], 1);
    EXPECT_EQ(figures["misjudged"], 0);
    EXPECT_LE(figures["most_nodes"], 3);
    const int confirmed = figures["standings"].value("confirmed", 0);
    EXPECT_EQ(figures["replayed"], confirmed);
    grouped += confirmed > 0 ? 1 : 0;
    for (const auto& [cause, count] : figures["causes"].items()) {
      ++causes;
      const auto owner = owners.emplace(cause, name);
      EXPECT_TRUE(owner.second) << "shared with " << owner.first->second;
    }
  };
  EXPECT_TRUE(RunFaults(faults, options, 2, check));
  EXPECT_GE(grouped, 25U);
  EXPECT_LE(static_cast<double>(causes), 1.5 * static_cast<double>(grouped));
  std::filesystem::remove_all(options.bundles);
}

TEST(Planted, TableHasTheKindsAndTypes) {
  std::set<FaultKind> kinds;
  for (const FaultEntry& fault : PlantedFaults()) kinds.insert(fault.kind);
  EXPECT_GE(kinds.size(), 15U);
  EXPECT_GE(SupportedOperators().size(), 45U);
}

}  // namespace
}  // namespace moire::faulty
