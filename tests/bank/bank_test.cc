// Small counts of what moire_bank measures in full.
#include <gtest/gtest.h>

#include "tests/bank/conditions.h"

namespace moire::bank {
namespace {

TEST(Bank, PredicatesSeparate) {
  int looked = 0;
  for (const Condition& condition : Conditions()) {
    // One of each kind: attribute, level, shape, type, value.
    const std::string& name = condition.plant.name;
    if (name != "softmax_axis" && name != "reduce_level" && name != "matmul_inner" &&
        name != "mul_double" && name != "abs_nan") {
      continue;
    }
    const ExplainReport report = MeasureExplain(condition, 150);
    EXPECT_EQ(report.error, "") << name;
    EXPECT_GE(report.right, report.fresh * 98 / 100) << name << ": " << report.predicate;
    EXPECT_GT(report.failing, 5) << name;
    EXPECT_GT(report.fresh - report.failing, 5) << name;
    ++looked;
  }
  EXPECT_EQ(looked, 5);
}

}  // namespace
}  // namespace moire::bank
