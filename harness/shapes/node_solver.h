// Makes one node fit: given a node whose attributes, sizes or dims break its operator's rule, the
// nearest that satisfy it. Answers are a function of the question alone: limits are of resources,
// never of time, each question that reaches Z3 gets a solver of its own, and what is remembered is
// what would be found again. One thread.
#ifndef MOIRE_HARNESS_SHAPES_NODE_SOLVER_H_
#define MOIRE_HARNESS_SHAPES_NODE_SOLVER_H_

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "harness/case/model.h"
#include "harness/smt/solver.h"

namespace moire::shapes {

struct NodeInput {
  enum class Dims {
    kFixed,
    kLast,  // may change where nothing else helps
    kFree,
  };
  bool given = false;
  Shape shape = {};
  Dims dims = Dims::kFixed;
  std::optional<Ints> elements = {};  // as NodeTerms::elements
  bool elements_free = false;
};

struct NodeQuestion {
  Node node;
  int64_t opset = 0;
  std::vector<NodeInput> inputs = {};
  std::vector<Shape> wanted = {};  // of outputs, as they were: kept where possible; may be empty
  std::string kept = {};           // an attribute that was changed on purpose, and stays
};

struct NodeAnswer {
  std::vector<std::pair<std::string, Ints>> attributes;  // those that changed
  std::vector<Shape> shapes;                             // of every input
  std::vector<std::optional<Ints>> elements;             // of every input that has them
};

// Time in which a question was answered, in microseconds: slot k holds [2^(k/4), 2^((k+1)/4)).
inline constexpr size_t kTimeSlots = 4 * 24;
double MedianOfSlots(const std::array<uint64_t, kTimeSlots>& slots);

struct SolverCounts {
  uint64_t near = 0;                                 // answered by a short search around the node
  uint64_t solves = 0;                               // put to Z3
  uint64_t cached = 0;                               // asked before
  uint64_t unsat = 0;                                // proved that nothing fits, by Z3 or at sight
  uint64_t timeouts = 0;                             // of solves: ended by a limit
  std::array<uint64_t, kTimeSlots> times = {};       // of solves
  std::array<uint64_t, kTimeSlots> near_times = {};  // of near ones

  void Add(const SolverCounts& other);
};

class NodeSolver {
 public:
  // `remembered`: questions kept; all are forgotten when there are more.
  explicit NodeSolver(const smt::Limits& limits = {.resources = 30'000},
                      size_t remembered = 1 << 14);
  // Whether there is a rule for this operator: others are not worth a question.
  static bool Knows(const Node& node);
  // nullopt where nothing fits, a limit was reached, or the rule does not apply.
  std::optional<NodeAnswer> Solve(const NodeQuestion& question);
  const SolverCounts& counts() const { return counts_; }
  // What was counted since the last call.
  SolverCounts TakeCounts();

 private:
  using Values = std::optional<std::vector<int64_t>>;
  Values Find(const smt::Problem& problem, const std::vector<smt::Constraint>& wanted,
              const std::vector<int64_t>& start, const std::vector<bool>& last);

  smt::Limits limits_;
  size_t remembered_;
  std::unordered_map<std::string, Values> known_;
  SolverCounts counts_;
};

}  // namespace moire::shapes

#endif  // MOIRE_HARNESS_SHAPES_NODE_SOLVER_H_
