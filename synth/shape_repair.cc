#include "synth/shape_repair.h"

#include <limits>

#include "harness/smt/solver.h"
#include "synth/shape_constraints.h"

namespace moire {
namespace {

// The sketch with the sizes of the solution; nullopt where they are those that it has.
std::optional<Sketch> WithSizes(const Sketch& sketch, const std::vector<SizeVariable>& variables,
                                const smt::Solution& solution) {
  Sketch edited = sketch;
  bool changed = false;
  // Of all variables of the solver, those of sizes come first; elements before dims, which may take
  // them away.
  for (const bool dims : {false, true}) {
    for (size_t i = 0; i < variables.size(); ++i) {
      const SizeVariable& variable = variables[i];
      const int64_t size = solution.values[i];
      if ((variable.site.kind == SizeSite::Kind::kDim) != dims || size == variable.now) continue;
      if (!SetDimVariable(edited, {variable.now, {variable.site}}, size)) return std::nullopt;
      changed = true;
    }
  }
  return changed ? std::optional(std::move(edited)) : std::nullopt;
}

// Z3 keeps time in a thread of its own, and the search forks, see speculation.h: the limit of
// resources has to do.
smt::Limits WithoutClock() {
  smt::Limits limits;
  limits.timeout_ms = std::numeric_limits<unsigned>::max();
  return limits;
}

// One a thread, made where one is asked: a reduction of a small case asks some questions, and a new
// solver takes as long as some checks of it do.
smt::Solver& EmptySolver() {
  thread_local smt::Solver solver(WithoutClock());
  solver.Clear();
  return solver;
}

}  // namespace

std::optional<Sketch> RepairShapes(const Sketch& edited, const Sketch& before,
                                   const KnownValues& values) {
  ShapeConstraints constraints(edited, before, values);
  if (!constraints.Build()) return std::nullopt;
  smt::Solver& solver = EmptySolver();
  solver.Add(constraints.problem());
  for (const SizeVariable& variable : constraints.variables()) {
    if (variable.set) {
      solver.Require(variable.term == variable.now);
    } else {
      solver.Prefer(variable.term == variable.now);
    }
  }
  // What had the size that the edit changed most likely goes with it.
  for (const SizeVariable& changed : constraints.variables()) {
    for (const SizeVariable& other : constraints.variables()) {
      if (changed.set && !other.set && other.now == changed.old) {
        solver.Prefer(other.term == changed.now);
      }
    }
  }
  const smt::Solution solution = solver.Solve();
  if (solution.answer != smt::Answer::kSat) return std::nullopt;
  return WithSizes(edited, constraints.variables(), solution);
}

std::optional<Sketch> SmallestShapes(const Sketch& sketch, const KnownValues& values) {
  ShapeConstraints constraints(sketch, sketch, values);
  if (!constraints.Build()) return std::nullopt;
  smt::Solver& solver = EmptySolver();
  solver.Add(constraints.problem());
  smt::Term sum = 0;
  for (const SizeVariable& variable : constraints.variables()) {
    solver.Require(variable.term <= variable.now);
    sum = sum + variable.term;
  }
  const smt::Solution solution = solver.Minimize(sum, std::ssize(constraints.variables()));
  if (solution.answer != smt::Answer::kSat) return std::nullopt;
  return WithSizes(sketch, constraints.variables(), solution);
}

}  // namespace moire
