// GraphBuilder: a graph under construction with what is known of each value. Appends nodes whose
// shapes infer, keeps magnitudes and sizes in bounds, undoes what did not work out, and turns into
// a case at the end. The generator, the patterns and the mutator build through it.
#ifndef MOIRE_FUZZERS_GENERATE_GRAPH_BUILDER_H_
#define MOIRE_FUZZERS_GENERATE_GRAPH_BUILDER_H_

#include <array>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "fuzzers/generate/generate.h"
#include "fuzzers/generate/op_entry.h"
#include "fuzzers/generate/value_fill.h"

namespace moire {

class GraphBuilder {
 public:
  GraphBuilder(Random& random, const GeneratorSettings& settings, const Learned& learned,
               int64_t opset);
  // Takes a case apart to go on from it (on a builder that is still empty). Values that inference
  // cannot type have type kUndefined and are not picked; false when a node's inputs are missing.
  bool Load(const GeneratedCase& source);
  // As Load, but the outputs of nodes that break their rules, exceed a limit or are to be avoided
  // become graph inputs of the shapes that they had before an edit.
  using OldTypes = std::unordered_map<std::string, std::pair<DataType, Shape>>;
  bool Repair(const GeneratedCase& source, const OldTypes& old_types);

  Random& random() { return random_; }
  const GeneratorSettings& settings() const { return settings_; }
  const Learned& learned() const { return learned_; }
  int64_t opset() const { return opset_; }
  Profile profile() const { return profile_; }
  int64_t max_elements() const { return max_elements_; }
  void set_max_elements(int64_t elements) { max_elements_ = elements; }
  // Chains follow the newest value, bushes spread.
  void set_chain(bool chain) { chain_ = chain; }
  void set_strict(bool strict) { strict_ = strict; }

  const std::vector<Value>& values() const { return values_; }
  const Value& value(ValueId id) const { return values_[static_cast<size_t>(id)]; }
  size_t nodes() const { return nodes_.size(); }
  const Node& node(size_t i) const { return nodes_[i]; }
  const std::vector<ValueId>& node_inputs(size_t i) const { return node_inputs_[i]; }
  const std::vector<ValueId>& node_outputs(size_t i) const { return node_outputs_[i]; }

  // New sources. Range {0, 0}: the profile's own.
  ValueId AddInput(DataType type, Shape shape, Range range = {});
  ValueId AddInitializer(Tensor tensor);
  // An initializer, now and then a graph input, rarely the output of a Constant node.
  ValueId AddSource(DataType type, Shape shape, Range range = {});
  // Integers that decide structure: always static.
  ValueId AddInts(const Ints& values, DataType type = DataType::kInt64, bool scalar = false);
  Tensor Fill(DataType type, Shape shape, Range range);

  // Appends a node; outputs as many as `outputs`. Empty result: refused (shape, size, magnitude,
  // learned); the graph is as before.
  std::vector<ValueId> Emit(Node node, std::vector<ValueId> inputs, size_t outputs = 1);
  // One-output convenience; kNoValue when refused.
  ValueId Emit1(std::string_view op, std::vector<ValueId> inputs,
                std::vector<Attribute> attributes = {});

  // Runs infer and range of a node on given inputs. False: breaks the rules or unknown operator.
  bool InferNode(const Node& node, std::span<const ValueId> inputs, std::vector<OutValue>& outputs,
                 const OpEntry** entry = nullptr, const SchemaInfo** schema = nullptr) const;

  // Checkpoints: everything made after Mark() goes with Undo(mark).
  struct Mark {
    size_t values, nodes, inputs, initializers, outputs;
  };
  Mark Checkpoint() const;
  void Undo(const Mark& mark);

  // Edits of a loaded graph (graph_edit.cc). Order is restored by Finish; an edit that would make
  // a cycle is refused.
  Node& mutable_node(size_t i) { return nodes_[i]; }
  Tensor* TensorOf(ValueId id);  // of an input or initializer; null for a node's output
  bool DependsOn(ValueId value, ValueId on) const;
  bool ReplaceInput(size_t node, size_t input, ValueId to);
  // Every use of `from` but those of node `except` (-1: none). False when nothing was replaced.
  bool ReplaceUses(ValueId from, ValueId to, int except);
  bool Dead(size_t node) const { return node_outputs_[node].empty(); }
  void RemoveNode(size_t node);
  void KeepAsOutput(ValueId value);
  void DropOutput(ValueId value);
  bool IsOutput(ValueId value) const;
  void SetKind(ValueId value, ValueKind kind);  // input <-> initializer
  void SetOpset(int64_t opset);                 // of the default domain
  RunOptions& options() { return options_; }
  // Keeps one value as the only output and removes every node that it does not need.
  void CutTo(ValueId value);
  // Adds the graph of another case, renamed; its values have ids from the returned one on. -1 when
  // it cannot be loaded.
  ValueId Append(const GeneratedCase& other);
  // Nodes of known operators that inference refused while loading.
  size_t misfits() const { return misfits_; }

  // Picks an existing value by weight: fresh outputs of nodes first. kNoValue when none fits.
  template <typename Fits>
  ValueId PickValue(Fits fits);
  TypeSet AvailableTypes() const { return available_; }

  // A fresh dim or shape of the case's palette.
  int64_t DrawDim();
  Shape DrawShape(int64_t min_rank, int64_t max_rank);

  // Graph outputs: every value that nothing uses, and a few intermediates.
  GeneratedCase Finish();

 private:
  bool LoadGraph(const Graph& graph, std::span<const NamedTensor> inputs, std::string_view prefix);
  void LoadNode(const Node& node, std::vector<ValueId> inputs, std::string_view prefix);
  bool Avoided(const Node& node, const SchemaInfo& schema, std::span<const ValueId> inputs,
               std::span<const OutValue> outputs) const;
  void SortNodes();
  ValueId AddValue(Value value);
  ValueId AddLoaded(Value value, const Tensor& tensor);
  double Weight(const Value& value, ValueId id) const;
  bool Acceptable(const OpEntry& entry, std::span<const ValueId> inputs,
                  std::span<const OutValue> outputs);

  Random& random_;
  const GeneratorSettings& settings_;
  const Learned& learned_;
  int64_t opset_;
  Profile profile_;
  std::array<int64_t, 4> palette_;
  int64_t max_elements_;
  bool chain_ = false;
  bool strict_ = true;
  TypeSet available_ = 0;
  int next_name_ = 0;

  std::vector<Value> values_;
  std::vector<Node> nodes_;
  std::vector<std::vector<ValueId>> node_inputs_;
  std::vector<std::vector<ValueId>> node_outputs_;
  std::vector<std::pair<ValueId, Tensor>> inputs_;
  std::vector<std::pair<ValueId, Tensor>> initializers_;
  std::vector<double> weights_;  // scratch of PickValue
  // What a loaded model carried.
  bool loaded_ = false;
  bool edited_ = false;  // nodes may be out of order or dead
  size_t misfits_ = 0;
  const OldTypes* repairing_ = nullptr;
  std::vector<ValueId> last_loaded_;  // what stands for the outputs of the node loaded last
  Model base_;
  std::vector<ValueInfo> declared_;  // types of values that inference does not know
  RunOptions options_;
  std::vector<std::string> kept_outputs_;
  std::vector<ValueId> default_inputs_;  // initializers that are graph inputs too
};

template <typename Fits>
ValueId GraphBuilder::PickValue(Fits fits) {
  weights_.clear();
  double total = 0;
  for (size_t i = 0; i < values_.size(); ++i) {
    const Value& candidate = values_[i];
    const bool good =
        candidate.type != DataType::kUndefined && !candidate.Dynamic() && fits(candidate);
    total += good ? Weight(candidate, static_cast<ValueId>(i)) : 0;
    weights_.push_back(total);
  }
  if (total <= 0) return kNoValue;
  const double at = random_.Unit() * total;
  for (size_t i = 0; i < weights_.size(); ++i) {
    if (at < weights_[i]) return static_cast<ValueId>(i);
  }
  return kNoValue;
}

}  // namespace moire

#endif  // MOIRE_FUZZERS_GENERATE_GRAPH_BUILDER_H_
