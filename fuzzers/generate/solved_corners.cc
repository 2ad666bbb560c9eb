#include "fuzzers/generate/solved_corners.h"

#include <algorithm>
#include <map>
#include <vector>

#include "harness/shapes/rules.h"
#include "harness/smt/descent.h"
#include "harness/smt/solver.h"

namespace moire {
namespace {

using shapes::NodeTerms;
using shapes::TermList;
using smt::Problem;
using smt::Term;

constexpr int64_t kLargestDim = 9;
constexpr int64_t kReach = 12;  // beyond either end of the dim

// What must hold beyond the operator's rule, one condition at a time so that a short search has
// steps to take: of the two numbers that may be chosen, the dim and what it becomes. Steps are
// given: constants there keep the rule linear, and Z3 at about a millisecond.
struct Corner {
  int64_t step;
  void (*require)(Problem& p, const TermList& chosen, int64_t dim, const Term& out);
  std::pair<int64_t, int64_t> start = {0, 0};  // the search begins here
};

// Both ends lie outside and are clamped.
void Clamped(Problem& p, const TermList& c, int64_t dim, const Term&) {
  p.Require(c[0] <= -dim - 1);
  p.Require(c[1] >= dim + 1);
}

constexpr Corner kSliceCorners[] = {
    {2, Clamped},
    {3, Clamped},
    // Backwards from beyond the end to before the front; both counted from the end.
    {-1,
     [](Problem& p, const TermList& c, int64_t dim, const Term&) {
       p.Require(c[0] >= dim + 1);
       p.Require(c[1] <= -dim - 1);
     }},
    {-2,
     [](Problem& p, const TermList& c, int64_t dim, const Term& out) {
       p.Require(c[0] <= -1);
       p.Require(c[0] >= -dim);
       p.Require(c[1] <= c[0] - 1);
       p.Require(out >= 1);
     }},
    // One element, though the step is as long as what is left.
    {3,
     [](Problem& p, const TermList& c, int64_t, const Term& out) {
       p.Require(out == 1);
       p.Require(c[0] >= 0);
       p.Require(c[1] - c[0] >= 2);
     }},
    // All of it, reversed.
    {-1,
     [](Problem& p, const TermList& c, int64_t dim, const Term& out) {
       p.Require(c[0] == -1);
       p.Require(out == dim);
     }},
};

constexpr Corner kPadCorners[] = {
    // As much as the mode allows at both ends.
    {0,
     [](Problem& p, const TermList& c, int64_t dim, const Term&) {
       p.Require(c[0] >= dim - 1);
       p.Require(c[1] >= dim - 1);
       p.Require(c[0] + c[1] >= 1);
     }},
    // Cut at one end and padded at the other: the dim stays.
    {0,
     [](Problem& p, const TermList& c, int64_t dim, const Term& out) {
       p.Require(c[0] <= -1);
       p.Require(out == dim);
     },
     {-1, 1}},
    {0,
     [](Problem& p, const TermList& c, int64_t dim, const Term& out) {
       p.Require(c[1] <= -1);
       p.Require(out == dim);
     },
     {1, -1}},
    // One element is left.
    {0,
     [](Problem& p, const TermList& c, int64_t dim, const Term& out) {
       p.Require(Term(dim) >= 2);
       p.Require(c[0] <= 0);
       p.Require(c[1] <= 0);
       p.Require(out == 1);
     }},
};

// The rule of a node on one dim, where the elements of two inputs (or the two elements of one) may
// be chosen; what each corner that can be had chooses, and its step.
std::vector<Ints> Solve(const Node& node, int64_t dim, const std::pair<size_t, size_t>& input_of,
                        std::span<const Corner> corners) {
  std::vector<Ints> found;
  for (const Corner& corner : corners) {
    Problem problem;
    NodeTerms terms{node, 21, problem};
    terms.in.resize(node.inputs.size());
    terms.elements.resize(node.inputs.size());
    terms.in[0] = TermList{dim};
    if (corner.step != 0) terms.elements[4] = TermList{corner.step};
    TermList chosen;
    for (const size_t input : {input_of.first, input_of.second}) {
      chosen.push_back(problem.Variable(-dim - kReach, dim + kReach));
      if (!terms.elements[input]) terms.elements[input].emplace();
      terms.elements[input]->push_back(chosen.back());
    }
    if (!shapes::FindRule(node.op)->rule(terms)) continue;
    corner.require(problem, chosen, dim, terms.out[0][0]);
    if (problem.Contradicts()) continue;
    auto values = smt::Descend(problem, Ints{corner.start.first, corner.start.second});
    if (!values) {
      smt::Solver solver;
      solver.Add(problem);
      const smt::Solution solution = solver.Solve();
      if (solution.answer == smt::Answer::kSat) values = solution.values;
    }
    if (values) found.push_back({(*values)[0], (*values)[1], corner.step});
  }
  return found;
}

template <typename T>
const T* Pick(const std::vector<T>& corners, uint64_t draw) {
  return corners.empty() ? nullptr : &corners[draw % corners.size()];
}

}  // namespace

const SolvedSlice* FindSolvedSlice(int64_t dim, uint64_t draw) {
  if (dim < 1 || dim > kLargestDim) return nullptr;
  thread_local std::map<int64_t, std::vector<SolvedSlice>> table;
  const auto [found, fresh] = table.try_emplace(dim);
  if (fresh) {
    Node node;
    node.op = "Slice";
    node.inputs = {"x", "starts", "ends", "", "steps"};
    for (const Ints& v : Solve(node, dim, {1, 2}, kSliceCorners)) {
      found->second.push_back({v[0], v[1], v[2]});
    }
  }
  return Pick(found->second, draw);
}

const SolvedPad* FindSolvedPad(int64_t dim, std::string_view mode, uint64_t draw) {
  static constexpr std::string_view kModes[] = {"constant", "reflect", "edge", "wrap"};
  const auto known = std::ranges::find(kModes, mode);
  if (dim < 1 || dim > kLargestDim || known == std::end(kModes)) return nullptr;
  thread_local std::map<std::pair<int64_t, int64_t>, std::vector<SolvedPad>> table;
  const auto [found, fresh] = table.try_emplace({known - std::begin(kModes), dim});
  if (fresh) {
    Node node;
    node.op = "Pad";
    node.inputs = {"x", "pads"};
    node.Set("mode", std::string(mode));
    // Of the other modes the page does not say what cutting does.
    const size_t corners = mode == "constant" ? std::size(kPadCorners) : 1;
    for (const Ints& v : Solve(node, dim, {1, 1}, std::span(kPadCorners).first(corners))) {
      found->second.push_back({v[0], v[1]});
    }
  }
  return Pick(found->second, draw);
}

}  // namespace moire
