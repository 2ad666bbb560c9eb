// A problem as a list of instructions, equal subterms once: a change of one variable costs only
// what depends on it. Internal to this directory.
#ifndef MOIRE_HARNESS_SMT_PROGRAM_H_
#define MOIRE_HARNESS_SMT_PROGRAM_H_

#include <cstdint>
#include <map>
#include <span>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "harness/smt/term.h"
#include "harness/smt/term_data.h"

namespace moire::smt {

// Of at most 64 variables.
class Program {
 public:
  Program(const Problem& problem, std::span<const int64_t> start);

  int64_t variable(size_t i) const { return values_[variables_[i]]; }
  void Set(size_t variable, int64_t value);
  bool Required(size_t i) const { return values_[required_[i]] != 0; }
  bool Preferred(size_t i) const { return values_[preferred_[i]] != 0; }
  size_t required() const { return required_.size(); }
  size_t preferred() const { return preferred_.size(); }
  // The variables that a required condition depends on, a bit each.
  uint64_t Variables(size_t i) const { return code_[required_[i]].variables; }
  // Both sides of every comparison in it, as they are now.
  void Sides(size_t i, std::vector<std::pair<int64_t, int64_t>>& out) const {
    AddSides(required_[i], out);
  }

 private:
  struct Instruction {
    Op op;
    uint32_t a, b, c;
    int64_t value;
    uint64_t variables;
  };
  uint32_t Compile(const TermData& term);
  void AddSides(uint32_t at, std::vector<std::pair<int64_t, int64_t>>& out) const;
  void Run(uint32_t at);

  std::vector<Instruction> code_;
  std::vector<int64_t> values_;  // of every instruction
  std::vector<uint32_t> variables_, required_, preferred_;
  std::unordered_map<const TermData*, uint32_t> compiled_;
  std::map<std::tuple<Op, uint32_t, uint32_t, uint32_t, int64_t>, uint32_t> equal_;
};

}  // namespace moire::smt

#endif  // MOIRE_HARNESS_SMT_PROGRAM_H_
