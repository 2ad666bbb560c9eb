#include "harness/smt/solver.h"

#include <gtest/gtest.h>

namespace moire::smt {
namespace {

TEST(Solver, FindsAWindowThatFits) {
  Solver solver;
  const Term kernel = solver.Variable(1, 7);
  const Term stride = solver.Variable(1, 4);
  const Term out = solver.Variable(1, 100);
  solver.Require((Term(10) - kernel) / stride + 1 == out);
  solver.Require(out == 4);
  solver.Require(kernel > 1);
  const Solution solution = solver.Solve();
  ASSERT_EQ(solution.answer, Answer::kSat);
  const int64_t k = solution.values[0];
  const int64_t s = solution.values[1];
  EXPECT_EQ((10 - k) / s + 1, 4);
}

TEST(Solver, ProvesThatThereIsNone) {
  Solver solver;
  const Term x = solver.Variable(0, 10);
  solver.Require(x % 2 == 1);
  solver.Require(x % 2 == 0);
  EXPECT_EQ(solver.Solve().answer, Answer::kUnsat);
}

TEST(Solver, DropsWishesThatCannotBeHad) {
  Solver solver;
  const Term x = solver.Variable(0, 10);
  solver.Prefer(x > 20);
  solver.Prefer(x == 7);
  const Solution solution = solver.Solve();
  ASSERT_EQ(solution.answer, Answer::kSat);
  EXPECT_EQ(solution.values[0], 7);
}

TEST(Solver, FindsTheSmallest) {
  Solver solver;
  const Term x = solver.Variable(1, 50);
  const Term y = solver.Variable(1, 50);
  solver.Require(x * 3 == y * 2);
  const Solution solution = solver.Minimize(x + y, 2);
  ASSERT_EQ(solution.answer, Answer::kSat);
  EXPECT_TRUE(solution.reason.empty()) << solution.reason;
  EXPECT_EQ(solution.values[0] + solution.values[1], 5);
}

TEST(Solver, AnUnfinishedQueryIsUnknownNotAFailure) {
  Limits limits;
  limits.resources = 1;
  Solver solver(limits);
  const Term x = solver.Variable(2, 100000);
  const Term y = solver.Variable(2, 100000);
  solver.Require(x * y == 99400891);  // two primes below 10 000
  const Solution solution = solver.Solve();
  EXPECT_EQ(solution.answer, Answer::kUnknown);
  EXPECT_FALSE(solution.reason.empty());
}

TEST(Solver, IsAFunctionOfItsSeed) {
  const auto solve = [](unsigned seed) {
    Limits limits;
    limits.seed = seed;
    Solver solver(limits);
    const Term x = solver.Variable(1, 1000);
    const Term y = solver.Variable(1, 1000);
    solver.Require(x * 7 + y * 3 == 1000);
    return solver.Solve().values;
  };
  EXPECT_EQ(solve(3), solve(3));
}

}  // namespace
}  // namespace moire::smt
