#include "harness/smt/program.h"

namespace moire::smt {

Program::Program(const Problem& problem, std::span<const int64_t> start) {
  for (size_t i = 0; i < problem.variables().size(); ++i) {
    const TermData variable{Op::kVariable, static_cast<int64_t>(i), nullptr, nullptr, nullptr,
                            true};
    variables_.push_back(Compile(variable));
    // It goes away; the terms of the problem stay.
    compiled_.erase(&variable);
    values_[variables_.back()] = start[i];
  }
  for (const Constraint& each : problem.required()) required_.push_back(Compile(each.data()));
  for (const Constraint& each : problem.preferred()) preferred_.push_back(Compile(each.data()));
}

uint32_t Program::Compile(const TermData& term) {
  const auto known = compiled_.find(&term);
  if (known != compiled_.end()) return known->second;
  const auto part = [&](const std::shared_ptr<const TermData>& each) {
    return each ? Compile(*each) : 0;
  };
  Instruction made{term.op, part(term.a), part(term.b), part(term.c), term.value, 0};
  if (term.op == Op::kVariable) {
    made.variables = uint64_t{1} << term.value;
  } else if (term.a) {
    made.variables = code_[made.a].variables | (term.b ? code_[made.b].variables : 0) |
                     (term.c ? code_[made.c].variables : 0);
  }
  const auto fresh = static_cast<uint32_t>(code_.size());
  const auto [found, added] =
      equal_.emplace(std::tuple(made.op, made.a, made.b, made.c, made.value), fresh);
  if (added) {
    code_.push_back(made);
    values_.push_back(0);
    if (term.op != Op::kVariable) Run(fresh);
  }
  compiled_.emplace(&term, found->second);
  return found->second;
}

void Program::Run(uint32_t at) {
  const Instruction& i = code_[at];
  values_[at] =
      i.op == Op::kConstant ? i.value : Apply(i.op, values_[i.a], values_[i.b], values_[i.c]);
}

void Program::Set(size_t variable, int64_t value) {
  const uint32_t at = variables_[variable];
  if (values_[at] == value) return;
  values_[at] = value;
  const uint64_t bit = code_[at].variables;
  for (uint32_t i = at + 1; i < code_.size(); ++i) {
    if ((code_[i].variables & bit) != 0 && code_[i].op != Op::kVariable) Run(i);
  }
}

void Program::AddSides(uint32_t at, std::vector<std::pair<int64_t, int64_t>>& out) const {
  const Instruction& i = code_[at];
  switch (i.op) {
    case Op::kEq:
    case Op::kNe:
    case Op::kLe:
    case Op::kLt:
      out.emplace_back(values_[i.a], values_[i.b]);
      return;
    case Op::kAnd:
    case Op::kOr:
      AddSides(i.b, out);
      [[fallthrough]];
    case Op::kNot:
      AddSides(i.a, out);
      return;
    default:
      return;
  }
}

}  // namespace moire::smt
