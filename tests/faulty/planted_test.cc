// The clean twin gives no finding, the planted faults are found, the judge sees twice the bound: small
// counts. moire_planted measures with the full ones.
#include <gtest/gtest.h>

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

TEST(Planted, TableHasTheKindsAndTypes) {
  std::set<FaultKind> kinds;
  for (const FaultEntry& fault : PlantedFaults()) kinds.insert(fault.kind);
  EXPECT_GE(kinds.size(), 15U);
  EXPECT_GE(SupportedOperators().size(), 45U);
}

}  // namespace
}  // namespace moire::faulty
