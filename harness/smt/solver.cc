#include "harness/smt/solver.h"

#include <z3++.h>

#include <limits>
#include <unordered_map>

#include "harness/smt/term_data.h"

namespace moire::smt {

struct SolverData {
  // The simple solver: the default one tries tactics first, which costs more than our queries do.
  // Made once: reading its parameters takes Z3 a millisecond.
  explicit SolverData(const Limits& limits) : solver(context, z3::solver::simple()) {
    z3::params params(context);
    params.set("random_seed", limits.seed);
    params.set("timeout", limits.timeout_ms);
    params.set("rlimit", static_cast<unsigned>(std::min<uint64_t>(
                             limits.resources, std::numeric_limits<unsigned>::max())));
    params.set("max_memory", limits.memory_mb);
    solver.set(params);
  }

  z3::context context;
  z3::solver solver;
  std::vector<z3::expr> variables;
  std::vector<z3::expr> required;
  std::vector<z3::expr> preferred;

  // Terms know nothing of a Z3 context: they are translated when the solver takes them, shared
  // parts once.
  z3::expr Translate(const TermData& t) {
    if (t.op == Op::kConstant || t.op == Op::kVariable) return TranslateNew(t);
    const auto known = translated.find(&t);
    if (known != translated.end()) return known->second;
    const z3::expr made = TranslateNew(t);
    translated.emplace(&t, made);
    return made;
  }
  std::unordered_map<const TermData*, z3::expr> translated;  // while the terms are there

  z3::expr TranslateNew(const TermData& t) {
    switch (t.op) {
      case Op::kConstant:
        return context.int_val(t.value);
      case Op::kVariable:
        return variables.at(static_cast<size_t>(t.value));
      case Op::kAdd:
        return Translate(*t.a) + Translate(*t.b);
      case Op::kSub:
        return Translate(*t.a) - Translate(*t.b);
      case Op::kMul:
        return Translate(*t.a) * Translate(*t.b);
      case Op::kDiv:
        return Translate(*t.a) / Translate(*t.b);
      case Op::kMod:
        return z3::mod(Translate(*t.a), Translate(*t.b));
      case Op::kEq:
        return Translate(*t.a) == Translate(*t.b);
      case Op::kNe:
        return Translate(*t.a) != Translate(*t.b);
      case Op::kLe:
        return Translate(*t.a) <= Translate(*t.b);
      case Op::kLt:
        return Translate(*t.a) < Translate(*t.b);
      case Op::kAnd:
        return Translate(*t.a) && Translate(*t.b);
      case Op::kOr:
        return Translate(*t.a) || Translate(*t.b);
      case Op::kNot:
        return !Translate(*t.a);
      case Op::kSelect:
        return z3::ite(Translate(*t.a), Translate(*t.b), Translate(*t.c));
    }
    return context.bool_val(false);
  }

  Solution Read(const z3::model& model) {
    Solution out{Answer::kSat, {}, {}};
    for (const z3::expr& variable : variables) {
      int64_t value = 0;
      model.eval(variable, true).is_numeral_i64(value);
      out.values.push_back(value);
    }
    return out;
  }

  Solution Check() {
    for (const z3::expr& constraint : required) solver.add(constraint);
    const z3::check_result result = solver.check();
    if (result == z3::unsat) return {Answer::kUnsat, {}, {}};
    if (result == z3::unknown) return {Answer::kUnknown, solver.reason_unknown(), {}};
    z3::model model = solver.get_model();
    for (const z3::expr& wish : preferred) {
      // What holds already costs nothing.
      if (model.eval(wish, true).is_true()) {
        solver.add(wish);
        continue;
      }
      solver.push();
      solver.add(wish);
      const z3::check_result granted = solver.check();
      if (granted == z3::sat) {
        model = solver.get_model();
        continue;
      }
      solver.pop();
      // A wish that a limit leaves open is dropped like one that cannot be had, and those behind
      // it: each could take as long.
      if (granted == z3::unknown) break;
    }
    return Read(model);
  }
};

// Z3 reports errors by exceptions; none leaves this file. The query's assertions go afterwards.
template <typename F>
Solution Guarded(z3::solver& solver, F query) {
  try {
    solver.push();
    const unsigned depth = Z3_solver_get_num_scopes(solver.ctx(), solver);
    Solution out = query();
    const unsigned now = Z3_solver_get_num_scopes(solver.ctx(), solver);
    solver.pop(now - depth + 1);
    return out;
  } catch (const z3::exception& error) {
    return {Answer::kUnknown, error.msg(), {}};
  }
}

Solver::Solver(const Limits& limits) : data_(std::make_unique<SolverData>(limits)) {}
Solver::~Solver() = default;

void Solver::Clear() {
  data_->variables.clear();
  data_->required.clear();
  data_->preferred.clear();
}

Term Solver::Variable(int64_t low, int64_t high) {
  const auto number = static_cast<int64_t>(data_->variables.size());
  const std::string name = "v" + std::to_string(number);
  const z3::expr variable = data_->context.int_const(name.c_str());
  data_->variables.push_back(variable);
  data_->required.push_back(variable >= data_->context.int_val(low));
  data_->required.push_back(variable <= data_->context.int_val(high));
  return Term(
      std::make_shared<TermData>(TermData{Op::kVariable, number, nullptr, nullptr, nullptr, true}));
}

void Solver::Add(const Problem& problem) {
  for (const Problem::Bounds& bounds : problem.variables()) Variable(bounds.low, bounds.high);
  for (const Constraint& each : problem.required()) {
    data_->required.push_back(data_->Translate(each.data()));
  }
  for (const Constraint& each : problem.preferred()) {
    data_->preferred.push_back(data_->Translate(each.data()));
  }
  data_->translated.clear();
  if (problem.Contradicts()) data_->required.push_back(data_->context.bool_val(false));
}

void Solver::Require(const Constraint& constraint) {
  data_->required.push_back(data_->Translate(constraint.data()));
  data_->translated.clear();
}

void Solver::Prefer(const Constraint& constraint) {
  data_->preferred.push_back(data_->Translate(constraint.data()));
  data_->translated.clear();
}

Solution Solver::Solve() {
  return Guarded(data_->solver, [&] { return data_->Check(); });
}

Solution Solver::Minimize(const Term& cost, int64_t lowest) {
  return Guarded(data_->solver, [&]() -> Solution {
    z3::solver& solver = data_->solver;
    for (const z3::expr& constraint : data_->required) solver.add(constraint);
    const z3::expr target = data_->Translate(cost.data());
    data_->translated.clear();
    solver.push();
    solver.add(target <= data_->context.int_val(lowest));
    if (solver.check() == z3::sat) return data_->Read(solver.get_model());
    solver.pop();
    Solution best;
    for (;;) {
      const z3::check_result result = solver.check();
      if (result == z3::unsat) {
        if (best.answer != Answer::kSat) best.answer = Answer::kUnsat;
        return best;
      }
      if (result == z3::unknown) {
        best.reason = solver.reason_unknown();
        return best;
      }
      int64_t value = 0;
      solver.get_model().eval(target, true).is_numeral_i64(value);
      best = data_->Read(solver.get_model());
      solver.add(target < data_->context.int_val(value));
    }
  });
}

}  // namespace moire::smt
