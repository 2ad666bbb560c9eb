// Integer expressions and conditions over variables, and problems made of them: trees of our own,
// which know nothing of any solver. solver.h hands them to Z3, descent.h searches near a start.
#ifndef MOIRE_HARNESS_SMT_TERM_H_
#define MOIRE_HARNESS_SMT_TERM_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace moire::smt {

struct TermData;

// An integer expression. Division and remainder are floored for positive divisors. What holds no
// variable is folded to a constant at once.
class Term {
 public:
  Term(int64_t constant);  // NOLINT(google-explicit-constructor): constants read like constants
  explicit Term(std::shared_ptr<const TermData> data) : data_(std::move(data)) {}
  const TermData& data() const { return *data_; }
  const std::shared_ptr<const TermData>& shared() const { return data_; }
  // Where it holds no variable.
  std::optional<int64_t> Constant() const;
  // A constant or a variable: cheap to repeat.
  bool Atom() const;

 private:
  std::shared_ptr<const TermData> data_;
};
Term operator+(const Term& a, const Term& b);
Term operator-(const Term& a, const Term& b);
Term operator*(const Term& a, const Term& b);
Term operator/(const Term& a, const Term& b);
Term operator%(const Term& a, const Term& b);

// A condition over terms.
class Constraint {
 public:
  explicit Constraint(std::shared_ptr<const TermData> data) : data_(std::move(data)) {}
  const TermData& data() const { return *data_; }
  const std::shared_ptr<const TermData>& shared() const { return data_; }
  // Where it holds no variable.
  std::optional<bool> Constant() const;

 private:
  std::shared_ptr<const TermData> data_;
};
Constraint operator==(const Term& a, const Term& b);
Constraint operator!=(const Term& a, const Term& b);
Constraint operator<=(const Term& a, const Term& b);
Constraint operator<(const Term& a, const Term& b);
Constraint operator>=(const Term& a, const Term& b);
Constraint operator>(const Term& a, const Term& b);
Constraint operator&&(const Constraint& a, const Constraint& b);
Constraint operator||(const Constraint& a, const Constraint& b);
Constraint operator!(const Constraint& a);

// `a` where the condition holds, else `b`.
Term Select(const Constraint& condition, const Term& a, const Term& b);
Term Min(const Term& a, const Term& b);
Term Max(const Term& a, const Term& b);

// The variables' values by number. A division by 0 gives 0; sums and products wrap.
int64_t Evaluate(const TermData& term, std::span<const int64_t> values);

// Variables, what must hold of them, and what is wished for: earlier wishes before later ones.
class Problem {
 public:
  struct Bounds {
    int64_t low, high;
  };

  // An integer in [low, high].
  Term Variable(int64_t low, int64_t high);
  void Require(const Constraint& constraint);
  void Prefer(const Constraint& constraint);

  const std::vector<Bounds>& variables() const { return variables_; }
  const std::vector<Constraint>& required() const { return required_; }
  const std::vector<Constraint>& preferred() const { return preferred_; }
  // Whether something that holds no variable is required and false: no solver has to be asked.
  bool Contradicts() const { return contradicts_; }

 private:
  std::vector<Bounds> variables_;
  std::vector<Constraint> required_;
  std::vector<Constraint> preferred_;
  bool contradicts_ = false;
};

}  // namespace moire::smt

#endif  // MOIRE_HARNESS_SMT_TERM_H_
