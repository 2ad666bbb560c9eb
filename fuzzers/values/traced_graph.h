// TracedGraph: a case's main graph as the value search sees it: which node makes a value, which
// tensors its sources are, and what one evaluation showed of every value.
#ifndef MOIRE_FUZZERS_VALUES_TRACED_GRAPH_H_
#define MOIRE_FUZZERS_VALUES_TRACED_GRAPH_H_

#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "fuzzers/generate/generate.h"
#include "fuzzers/generate/range.h"
#include "fuzzers/values/assessment.h"

namespace moire {

// One value in one evaluation.
struct Seen {
  DataType type = DataType::kUndefined;
  int64_t elements = 0;
  Range hull;        // of the finite usual results; {0, 0} where there is none
  bool any = false;  // the hull is of something
  int64_t undecided = 0;
  int64_t not_finite = 0;
  // Would make an output of the graph unfit.
  bool Bad() const {
    return not_finite > 0 ||
           static_cast<double>(undecided) > (1 - kWantedDecidable) * static_cast<double>(elements);
  }
};

class TracedGraph {
 public:
  // The case must live on; its sources are changed through leaf().
  explicit TracedGraph(GeneratedCase& made);

  // Evaluates the case as it is now, noting what every value looks like. Not evaluated where
  // another number of elements comes out somewhere than the first time: sources may not change
  // shapes.
  Assessment Evaluate();
  // What the last evaluation noted, to go back to.
  std::vector<Seen> Notes() const { return seen_; }
  void SetNotes(std::vector<Seen> notes) { seen_ = std::move(notes); }

  size_t nodes() const { return graph_.nodes.size(); }
  const Node& node(size_t i) const { return graph_.nodes[i]; }
  // -1: omitted, or not a value of the main graph.
  const std::vector<int>& inputs(size_t node) const { return inputs_[node]; }
  const std::vector<int>& outputs(size_t node) const { return outputs_[node]; }
  int producer(int value) const { return producers_[static_cast<size_t>(value)]; }  // -1: a source
  const Seen& seen(int value) const { return seen_[static_cast<size_t>(value)]; }
  size_t values() const { return seen_.size(); }
  // The tensor of a graph input, an initializer or a Constant; null for another value.
  Tensor* leaf(int value) const { return leaves_[static_cast<size_t>(value)]; }

  // Nodes with a bad output whose inputs are all good: where it starts. Where no single value is
  // bad, those that have any undecided element and none in their inputs.
  std::vector<size_t> Culprits() const;
  // The sources of numbers that reach a node.
  std::vector<int> LeavesOf(size_t node) const;

 private:
  int IdOf(std::string_view name);

  GeneratedCase& made_;
  Graph& graph_;
  std::unordered_map<std::string_view, int> ids_;
  std::vector<std::vector<int>> inputs_;
  std::vector<std::vector<int>> outputs_;
  std::vector<int> producers_;
  std::vector<Tensor*> leaves_;
  std::vector<Seen> seen_;
  std::vector<int64_t> elements_;  // of every value, the first time
};

}  // namespace moire

#endif  // MOIRE_FUZZERS_VALUES_TRACED_GRAPH_H_
