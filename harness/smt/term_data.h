// The nodes of terms. Internal to this directory.
#ifndef MOIRE_HARNESS_SMT_TERM_DATA_H_
#define MOIRE_HARNESS_SMT_TERM_DATA_H_

#include <cstdint>
#include <memory>

namespace moire::smt {

enum class Op {
  kConstant,
  kVariable,
  kAdd,
  kSub,
  kMul,
  kDiv,
  kMod,
  kEq,
  kNe,
  kLe,
  kLt,
  kAnd,
  kOr,
  kNot,
  kSelect,  // a: the condition, b, c
};

struct TermData {
  Op op = Op::kConstant;
  int64_t value = 0;  // the constant, or the variable's number
  std::shared_ptr<const TermData> a, b, c;
  bool open = false;  // holds a variable
};

// What an operation other than a constant or variable gives; conditions are 0 or 1.
int64_t Apply(Op op, int64_t a, int64_t b, int64_t c);

}  // namespace moire::smt

#endif  // MOIRE_HARNESS_SMT_TERM_DATA_H_
