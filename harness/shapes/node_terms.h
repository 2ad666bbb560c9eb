// One node as a rule sees it: dims, contents and attributes as terms, of which some are variables.
//
// The rules (rules.h) say once what an operator ties together. Who asks decides what may move: the
// repair of mutants lets attributes, sizes named by inputs and dims of one node move
// (node_solver.h), reduction lets the dims of a whole graph's sources move (synth), the generator
// lets it all move and asks for corners.
#ifndef MOIRE_HARNESS_SHAPES_NODE_TERMS_H_
#define MOIRE_HARNESS_SHAPES_NODE_TERMS_H_

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "harness/case/model.h"
#include "harness/smt/term.h"

namespace moire::shapes {

using smt::Term;
using TermList = std::vector<Term>;

struct NodeTerms {
  const Node& node;
  int64_t opset;  // of the node's domain
  smt::Problem& problem;
  // By input: dims, and what a small integer input holds (Resize's scales: in units of 1/1024).
  // nullopt where it is left out or not known.
  std::vector<std::optional<TermList>> in = {};
  std::vector<std::optional<TermList>> elements = {};
  // Attributes that may change; the others are what the node has.
  std::map<std::string, TermList, std::less<>> attributes = {};
  std::vector<TermList> out = {};  // by output, as far as the rule says

  const TermList* In(size_t k) const;
  const TermList* Elements(size_t k) const;
  bool Given(size_t k) const { return k < node.inputs.size() && !node.inputs[k].empty(); }

  // An attribute, or what it is by default.
  Term Number(std::string_view name, int64_t otherwise) const;
  // nullopt where the node has it in another length.
  std::optional<TermList> List(std::string_view name, size_t count, int64_t otherwise) const;
  // A list that is an attribute, or from some opset on an input; null where it is not known.
  std::optional<TermList> ListOrInput(std::string_view name, size_t input) const;
  // The same where all of it is constant; empty where there is none.
  std::optional<Ints> Fixed(std::string_view name, size_t input) const;
  // An axis in [0, rank).
  std::optional<size_t> Axis(std::string_view name, int64_t otherwise, size_t rank) const;

  void Require(const smt::Constraint& constraint) { problem.Require(constraint); }
  void Out(size_t k, TermList dims);
  TermList Broadcast(const TermList& a, const TermList& b);
};

// Axes from the front, in their order; nullopt where one is out of range or listed twice.
std::optional<Ints> FrontAxes(Ints axes, size_t rank);
// The same, sorted.
std::optional<Ints> SortedAxes(Ints axes, size_t rank);

Term Product(const TermList& dims, size_t from, size_t to);

// Factors and divisors are small: saying a condition or a term for each value keeps it linear, and
// Z3 at a millisecond. A variable is held to [1, kLargestFactor]; a constant stays what it is.
inline constexpr int64_t kLargestFactor = 8;
using OfValue = std::function<Term(int64_t)>;
Term OverFactors(NodeTerms& terms, const Term& factor, const OfValue& value);
// value / divisor, floored; and whether it divides.
Term Quotient(NodeTerms& terms, const Term& value, const Term& divisor);
void RequireDivides(NodeTerms& terms, const Term& divisor, const Term& value);
Term Times(NodeTerms& terms, const Term& factor, const Term& value);

}  // namespace moire::shapes

#endif  // MOIRE_HARNESS_SHAPES_NODE_TERMS_H_
