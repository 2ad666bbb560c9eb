// GraphBuilder: a graph under construction with what is known of each value. Appends nodes whose
// shapes infer, keeps magnitudes and sizes in bounds, undoes what did not work out, and turns into
// a case at the end. The generator, the patterns and the mutator build through it.
#ifndef MOIRE_FUZZERS_GENERATE_GRAPH_BUILDER_H_
#define MOIRE_FUZZERS_GENERATE_GRAPH_BUILDER_H_

#include <array>
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
  // A builder for a graph in an attribute of a node that `outer` will get: its values may be
  // captured, and whatever is made anew is an initializer. `outer` must live on.
  explicit GraphBuilder(GraphBuilder* outer);
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
  // The opset of an operator's domain.
  int64_t DomainOpset(std::string_view domain) const {
    if (domain == kContributedDomain) return kContributedOpset;
    return domain.empty() ? opset_ : ml_opset_;
  }
  int64_t ml_opset() const { return ml_opset_; }  // 0: the case has no operators of ai.onnx.ml
  void set_ml_opset(int64_t opset) { ml_opset_ = opset; }
  // Whether the case has operators of the contributed domain.
  bool contributed() const { return contributed_; }
  void set_contributed(bool contributed) { contributed_ = contributed; }
  // The element types that flow: those of every case, and rare ones that this case has.
  TypeSet carried() const { return carried_; }
  void Carry(DataType type) { carried_ |= Bit(type); }
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
  // A graph input that is a map: keys as int64 or strings [n], none twice, values [n]. kNoValue in a
  // body, which has no inputs of its own.
  ValueId AddMap(Tensor keys, Tensor values);
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

  // Bodies: a value that comes as an input of the graph when it is run; a value of the outer graph;
  // and the finished graph, with the outer values that it uses.
  int depth() const { return depth_; }
  ValueId AddFormal(Value value);
  ValueId Capture(ValueId outer);
  GraphPtr FinishBody(std::span<const ValueId> formals, std::span<const ValueId> outputs);
  std::vector<ValueId> Captured() const;
  // What a node that Emit will append next takes from outside its inputs.
  void set_captures(std::vector<ValueId> captures) { captures_ = std::move(captures); }

  // Runs infer and range of a node on given inputs. False: breaks the rules or unknown operator; the
  // entry is set where operator, types and attributes are right, and only shapes do not fit.
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
  Tensor* TensorOf(ValueId id);  // of an input or initializer; null for a node's output and a map
  bool DependsOn(ValueId value, ValueId on) const;
  // The values that a node takes, by its inputs and by the graphs in its attributes.
  std::vector<ValueId> Sources(size_t node) const;
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
  size_t lost() const { return lost_; }      // nodes that Repair cut out
  size_t mended() const { return mended_; }  // those that Mend made fit
  // Makes a node fit whose shapes do not (InferNode says so): the node's attributes and inputs become
  // the nearest that do, with the outputs' shapes `wanted` and the attribute `kept` as it is where
  // that can be. New sources, and nodes that cut and pad, may come before it. False: nothing fits,
  // and the graph is as before. The node's outputs count, its names do not.
  bool Mend(Node& node, std::vector<ValueId>& inputs, std::vector<Shape> wanted,
            std::string_view kept);

  // What the maker of a node knows better than its row.
  void SetRange(ValueId id, Range range) { values_[static_cast<size_t>(id)].range = range; }

  // Picks an existing value by weight: fresh outputs of nodes first. kNoValue when none fits.
  template <typename Fits>
  ValueId PickValue(Fits fits);
  // The same among sequences and optionals.
  template <typename Fits>
  ValueId PickCompound(Fits fits);
  TypeSet AvailableTypes() const { return available_; }
  bool has_compounds() const { return compounds_; }

  // A fresh dim or shape of the case's palette.
  int64_t DrawDim();
  Shape DrawShape(int64_t min_rank, int64_t max_rank);

  // Graph outputs: every value that nothing uses, and a few intermediates.
  GeneratedCase Finish();

 private:
  template <bool kCompound, typename Fits>
  ValueId Pick(Fits fits);
  bool BodyHolds(const Graph& body);
  bool BodiesHold(const Node& node);
  void WriteNodes(Graph& graph);
  ValueInfo Declare(const Value& v) const;
  bool LoadGraph(const Graph& graph, std::span<const NamedTensor> inputs, std::string_view prefix);
  void LoadNode(const Node& node, std::vector<ValueId> inputs, std::vector<ValueId> captures,
                std::string_view prefix);
  bool Avoided(const Node& node, const SchemaInfo& schema, std::span<const ValueId> inputs,
               std::span<const OutValue> outputs) const;
  void SortNodes();
  ValueId AddValue(Value value);
  ValueId AddLoaded(Value value, const Tensor& tensor);
  ValueId AddLoadedMap(Value value, const NamedTensor& map);
  ValueId AddResized(ValueId id, const Shape& shape);
  ValueId Adapt(ValueId id, const Shape& shape);
  double Weight(const Value& value) const;
  bool Acceptable(const OpEntry& entry, std::span<const ValueId> inputs,
                  std::span<const OutValue> outputs);

  Random& random_;
  const GeneratorSettings& settings_;
  const Learned& learned_;
  int64_t opset_;
  int64_t ml_opset_ = 0;
  bool contributed_ = false;
  TypeSet carried_ = kDataTypes;
  GraphBuilder* outer_ = nullptr;
  int depth_ = 0;
  Profile profile_;
  std::array<int64_t, 4> palette_;
  int64_t max_elements_;
  bool chain_ = false;
  bool strict_ = true;
  TypeSet available_ = 0;
  bool compounds_ = false;  // as available_: some were there
  int next_name_ = 0;
  int* names_ = &next_name_;  // a body counts on with its outer graph

  std::vector<Value> values_;
  std::vector<Node> nodes_;
  std::vector<std::vector<ValueId>> node_inputs_;
  std::vector<std::vector<ValueId>> node_outputs_;
  std::vector<std::vector<ValueId>> node_captures_;    // by the graphs in the node's attributes
  std::vector<ValueId> captures_;                      // of the node to come
  std::vector<std::pair<ValueId, ValueId>> captured_;  // of a body: here, in the outer graph
  std::vector<std::pair<ValueId, Tensor>> inputs_;
  std::vector<std::pair<ValueId, Tensor>> initializers_;
  std::vector<double> weights_;  // scratch of PickValue
  // What a loaded model carried.
  bool loaded_ = false;
  bool edited_ = false;  // nodes may be out of order or dead
  size_t misfits_ = 0;
  size_t lost_ = 0;
  size_t mended_ = 0;
  const OldTypes* repairing_ = nullptr;
  std::vector<ValueId> last_loaded_;  // what stands for the outputs of the node loaded last
  Model base_;
  std::vector<ValueInfo> declared_;  // types of values that inference does not know
  RunOptions options_;
  std::vector<std::string> kept_outputs_;
  std::vector<ValueId> default_inputs_;  // initializers that are graph inputs too
};

template <bool kCompound, typename Fits>
ValueId GraphBuilder::Pick(Fits fits) {
  weights_.clear();
  double total = 0;
  for (size_t i = 0; i < values_.size(); ++i) {
    const Value& candidate = values_[i];
    const bool usable = kCompound ? candidate.compound != nullptr
                                  : candidate.type != DataType::kUndefined && !candidate.Dynamic();
    total += usable && fits(candidate) ? Weight(candidate) : 0;
    weights_.push_back(total);
  }
  if (total <= 0) return kNoValue;
  const double at = random_.Unit() * total;
  for (size_t i = 0; i < weights_.size(); ++i) {
    if (at < weights_[i]) return static_cast<ValueId>(i);
  }
  return kNoValue;
}

template <typename Fits>
ValueId GraphBuilder::PickValue(Fits fits) {
  return Pick<false>(fits);
}

template <typename Fits>
ValueId GraphBuilder::PickCompound(Fits fits) {
  return Pick<true>(fits);
}

}  // namespace moire

#endif  // MOIRE_FUZZERS_GENERATE_GRAPH_BUILDER_H_
