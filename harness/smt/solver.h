// Integer constraints and their solutions. Z3 stays behind these opaque types: nothing outside this
// directory sees it. For constraints that couple (window geometry, reshapes, slices) and for the
// smallest shapes in reduction; what can be built directly is built directly.
//
// Deterministic: the limit that normally ends a query is Z3's resource count, which does not depend
// on the clock; `timeout_ms` is a safety net far above it. A Solver and its terms belong to one
// thread.
#ifndef MOIRE_HARNESS_SMT_SOLVER_H_
#define MOIRE_HARNESS_SMT_SOLVER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "harness/smt/term.h"

namespace moire::smt {

enum class Answer {
  kSat,      // a solution is there
  kUnsat,    // proved: there is none
  kUnknown,  // a limit was reached or the theory is incomplete; never a failure
};

struct Limits {
  uint64_t resources = 400'000;  // Z3's rlimit: some milliseconds
  unsigned timeout_ms = 1000;
  unsigned memory_mb = 256;
  unsigned seed = 0;
};

struct SolverData;

struct Solution {
  Answer answer = Answer::kUnknown;
  std::string reason;           // kUnknown: why
  std::vector<int64_t> values;  // kSat: of the variables in order of Variable()
};

class Solver {
 public:
  explicit Solver(const Limits& limits = {});
  ~Solver();
  Solver(const Solver&) = delete;
  Solver& operator=(const Solver&) = delete;

  // Forgets variables and constraints; earlier terms are no longer valid. A new Solver costs some
  // milliseconds, this nothing.
  void Clear();
  // An integer in [low, high].
  Term Variable(int64_t low, int64_t high);
  void Require(const Constraint& constraint);
  // The variables and constraints of a problem, after Clear() or to a new solver: terms of the
  // problem and of the solver name the same variables.
  void Add(const Problem& problem);
  // Held where possible, dropped in order of adding otherwise: gives variety and small answers.
  void Prefer(const Constraint& constraint);
  Solution Solve();
  // The solution with the smallest value of `cost` that the limits allow to find: kSat with the
  // best one found; `reason` is empty only when it is proved the smallest. `lowest` is a bound that
  // the cost cannot go below: tried first, as it is often reached.
  Solution Minimize(const Term& cost, int64_t lowest);

 private:
  std::unique_ptr<SolverData> data_;
};

}  // namespace moire::smt

#endif  // MOIRE_HARNESS_SMT_SOLVER_H_
