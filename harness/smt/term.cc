#include "harness/smt/term.h"

#include "harness/smt/term_data.h"

namespace moire::smt {
namespace {

using Ptr = std::shared_ptr<const TermData>;

Ptr Number(int64_t value) {
  return std::make_shared<TermData>(TermData{Op::kConstant, value, nullptr, nullptr, nullptr});
}

// Conditions are not folded: their value says nothing of their sort.
Ptr MakeCondition(Op op, const Ptr& a, const Ptr& b) {
  return std::make_shared<TermData>(TermData{op, 0, a, b, nullptr, a->open || (b && b->open)});
}

Term Make(Op op, const Term& a, const Term& b) {
  TermData made{op, 0, a.shared(), b.shared(), nullptr, a.data().open || b.data().open};
  if (!made.open) return Term(Evaluate(made, {}));
  return Term(std::make_shared<TermData>(std::move(made)));
}

int64_t FloorDivide(int64_t a, int64_t b) {
  if (b == 0) return 0;
  if (b == -1) return static_cast<int64_t>(0 - static_cast<uint64_t>(a));
  const int64_t quotient = a / b;
  return a % b < 0 ? quotient - (b > 0 ? 1 : -1) : quotient;
}

}  // namespace

Term::Term(int64_t constant) : data_(Number(constant)) {}

std::optional<int64_t> Term::Constant() const {
  if (data_->open) return std::nullopt;
  return Evaluate(*data_, {});
}

bool Term::Atom() const { return data_->op == Op::kConstant || data_->op == Op::kVariable; }

std::optional<bool> Constraint::Constant() const {
  if (data_->open) return std::nullopt;
  return Evaluate(*data_, {}) != 0;
}

Term operator+(const Term& a, const Term& b) { return Make(Op::kAdd, a, b); }
Term operator-(const Term& a, const Term& b) { return Make(Op::kSub, a, b); }
Term operator*(const Term& a, const Term& b) { return Make(Op::kMul, a, b); }
Term operator/(const Term& a, const Term& b) { return Make(Op::kDiv, a, b); }
Term operator%(const Term& a, const Term& b) { return Make(Op::kMod, a, b); }

Constraint operator==(const Term& a, const Term& b) {
  return Constraint(MakeCondition(Op::kEq, a.shared(), b.shared()));
}
Constraint operator!=(const Term& a, const Term& b) {
  return Constraint(MakeCondition(Op::kNe, a.shared(), b.shared()));
}
Constraint operator<=(const Term& a, const Term& b) {
  return Constraint(MakeCondition(Op::kLe, a.shared(), b.shared()));
}
Constraint operator<(const Term& a, const Term& b) {
  return Constraint(MakeCondition(Op::kLt, a.shared(), b.shared()));
}
Constraint operator>=(const Term& a, const Term& b) { return b <= a; }
Constraint operator>(const Term& a, const Term& b) { return b < a; }
Constraint operator&&(const Constraint& a, const Constraint& b) {
  return Constraint(MakeCondition(Op::kAnd, a.shared(), b.shared()));
}
Constraint operator||(const Constraint& a, const Constraint& b) {
  return Constraint(MakeCondition(Op::kOr, a.shared(), b.shared()));
}
Constraint operator!(const Constraint& a) {
  return Constraint(MakeCondition(Op::kNot, a.shared(), nullptr));
}

Term Select(const Constraint& condition, const Term& a, const Term& b) {
  if (const auto known = condition.Constant()) return *known ? a : b;
  return Term(std::make_shared<TermData>(
      TermData{Op::kSelect, 0, condition.shared(), a.shared(), b.shared(), true}));
}
Term Min(const Term& a, const Term& b) { return Select(a <= b, a, b); }
Term Max(const Term& a, const Term& b) { return Select(a <= b, b, a); }

int64_t Apply(Op op, int64_t a, int64_t b, int64_t c) {
  const auto wrapped = [](uint64_t value) { return static_cast<int64_t>(value); };
  const auto x = static_cast<uint64_t>(a);
  const auto y = static_cast<uint64_t>(b);
  switch (op) {
    case Op::kConstant:
    case Op::kVariable:
      return 0;
    case Op::kAdd:
      return wrapped(x + y);
    case Op::kSub:
      return wrapped(x - y);
    case Op::kMul:
      return wrapped(x * y);
    case Op::kDiv:
      return FloorDivide(a, b);
    case Op::kMod:
      return wrapped(x - static_cast<uint64_t>(FloorDivide(a, b)) * y);
    case Op::kEq:
      return a == b ? 1 : 0;
    case Op::kNe:
      return a != b ? 1 : 0;
    case Op::kLe:
      return a <= b ? 1 : 0;
    case Op::kLt:
      return a < b ? 1 : 0;
    case Op::kAnd:
      return a != 0 && b != 0 ? 1 : 0;
    case Op::kOr:
      return a != 0 || b != 0 ? 1 : 0;
    case Op::kNot:
      return a == 0 ? 1 : 0;
    case Op::kSelect:
      return a != 0 ? b : c;
  }
  return 0;
}

int64_t Evaluate(const TermData& t, std::span<const int64_t> values) {
  if (t.op == Op::kConstant) return t.value;
  if (t.op == Op::kVariable) return values[static_cast<size_t>(t.value)];
  const auto part = [&](const Ptr& each) { return each ? Evaluate(*each, values) : 0; };
  return Apply(t.op, part(t.a), part(t.b), part(t.c));
}

Term Problem::Variable(int64_t low, int64_t high) {
  variables_.push_back({low, high});
  const auto number = static_cast<int64_t>(variables_.size()) - 1;
  return Term(
      std::make_shared<TermData>(TermData{Op::kVariable, number, nullptr, nullptr, nullptr, true}));
}

void Problem::Require(const Constraint& constraint) {
  if (const auto known = constraint.Constant()) {
    contradicts_ |= !*known;
  } else {
    required_.push_back(constraint);
  }
}

void Problem::Prefer(const Constraint& constraint) {
  if (!constraint.Constant()) preferred_.push_back(constraint);
}

}  // namespace moire::smt
