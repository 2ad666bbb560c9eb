#include "harness/smt/descent.h"

#include <gtest/gtest.h>

#include "harness/smt/solver.h"

namespace moire::smt {
namespace {

using Values = std::vector<int64_t>;

TEST(Descent, ChangesWhatIsWrongAndNothingElse) {
  Problem problem;
  const Term a = problem.Variable(1, 64);
  const Term b = problem.Variable(1, 64);
  const Term c = problem.Variable(1, 64);
  problem.Require(a == b);
  problem.Require(c % 3 == 0);
  problem.Prefer(a == 7);
  problem.Prefer(b == 5);
  EXPECT_EQ(Descend(problem, Values{7, 5, 6}), (Values{7, 7, 6}));
  EXPECT_EQ(Descend(problem, Values{7, 7, 6}), (Values{7, 7, 6}));
}

TEST(Descent, ClosesAProduct) {
  Problem problem;
  const Term a = problem.Variable(1, 64);
  const Term b = problem.Variable(1, 64);
  problem.Require(a * b == 24);
  problem.Prefer(a == 4);
  EXPECT_EQ(Descend(problem, Values{4, 5}), (Values{4, 6}));
}

// What it finds is what Z3 accepts, and it says nothing where Z3 proves that there is nothing.
TEST(Descent, AgreesWithTheSolver) {
  int found = 0;
  for (int64_t target = 1; target <= 30; ++target) {
    Problem problem;
    const Term a = problem.Variable(1, 9);
    const Term b = problem.Variable(0, 9);
    problem.Require(Select(b > 2, a * 3, a) + b == target);
    problem.Require(a % 2 == 1);
    const auto values = Descend(problem, Values{4, 4});
    Solver solver;
    solver.Add(problem);
    if (values) {
      ++found;
      for (const Constraint& constraint : problem.required()) {
        EXPECT_NE(Evaluate(constraint.data(), *values), 0);
      }
      EXPECT_EQ(solver.Solve().answer, Answer::kSat);
    } else if (solver.Solve().answer == Answer::kUnsat) {
      EXPECT_FALSE(values);
    }
  }
  EXPECT_GE(found, 10);
}

TEST(Terms, FoldAndEvaluate) {
  EXPECT_EQ((Term(7) / 2 * 4 - 1).Constant(), 11);
  EXPECT_EQ((Term(-7) / 2).Constant(), -4);
  EXPECT_EQ((Term(-7) % 2).Constant(), 1);
  EXPECT_EQ(Select(Term(2) < 1, 5, 6).Constant(), 6);
  EXPECT_EQ((Term(5) / 0).Constant(), 0);
  Problem problem;
  const Term x = problem.Variable(0, 3);
  EXPECT_FALSE((x + 1).Constant());
  EXPECT_EQ(Evaluate(Max(x, 2).data(), Values{1}), 2);
  problem.Require(Term(1) == 2);
  EXPECT_TRUE(problem.Contradicts());
  Solver solver;
  solver.Add(problem);
  EXPECT_EQ(solver.Solve().answer, Answer::kUnsat);
}

// Z3 and our own evaluation mean the same by every operation.
TEST(Terms, MeanTheSameToTheSolver) {
  for (int64_t value = -9; value <= 9; ++value) {
    Problem problem;
    const Term x = problem.Variable(value, value);
    const std::vector<Term> terms = {x / 3,     x % 4,      x * x - 2,
                                     Max(x, 1), Min(x, -1), Select(x < 0 || x == 5, x + 1, x - 1)};
    for (const Term& term : terms) {
      problem.Require(term == Evaluate(term.data(), Values{value}));
    }
    problem.Require(!(x != value) && x >= value && x <= value);
    Solver solver;
    solver.Add(problem);
    EXPECT_EQ(solver.Solve().answer, Answer::kSat) << value;
  }
}

}  // namespace
}  // namespace moire::smt
