// GraphBuilder::Load: takes a case apart so that it can be grown, cut and edited.
#include <algorithm>
#include <unordered_map>

#include "fuzzers/generate/graph_builder.h"

namespace moire {
namespace {

using Names = std::unordered_map<std::string_view, ValueId>;

// 1 + the largest number at the end of any name, so that new names are fresh.
int NextName(const Graph& graph) {
  int next = 0;
  const auto see = [&](const std::string& name) {
    size_t digits = 0;
    while (digits < name.size() && digits < 8 && name[name.size() - 1 - digits] >= '0' &&
           name[name.size() - 1 - digits] <= '9') {
      ++digits;
    }
    int value = 0;
    for (size_t i = name.size() - digits; i < name.size(); ++i) value = value * 10 + (name[i] - '0');
    next = std::max(next, value + 1);
  };
  for (const ValueInfo& input : graph.inputs) see(input.name);
  for (const NamedTensor& initializer : graph.initializers) see(initializer.name);
  for (const Node& node : graph.nodes) {
    see(node.name);
    for (const std::string& output : node.outputs) see(output);
  }
  return next;
}

// Names that the graphs in a node's attributes take from outside count as uses.
void CountCaptured(const Graph& body, const Names& names, std::vector<Value>& values) {
  for (const Node& node : body.nodes) {
    for (const std::string& input : node.inputs) {
      const auto found = names.find(input);
      if (found != names.end()) ++values[static_cast<size_t>(found->second)].uses;
    }
    for (const Attribute& attribute : node.attributes) {
      if (const auto* inner = std::get_if<GraphPtr>(&attribute.value)) {
        CountCaptured(**inner, names, values);
      }
    }
  }
  for (const ValueInfo& output : body.outputs) {
    const auto found = names.find(output.name);
    if (found != names.end()) ++values[static_cast<size_t>(found->second)].uses;
  }
}

}  // namespace

bool GraphBuilder::Load(const GeneratedCase& source) {
  const Graph& graph = source.model.graph;
  loaded_ = true;
  opset_ = source.model.Opset("");
  base_.ir_version = source.model.ir_version;
  base_.opsets = source.model.opsets;
  base_.extra = source.model.extra;
  base_.graph.name = graph.name;
  base_.graph.extra = graph.extra;
  options_ = source.options;
  next_name_ = NextName(graph);
  for (const ValueInfo& output : graph.outputs) kept_outputs_.push_back(output.name);
  declared_ = graph.outputs;

  Names names;
  for (const NamedTensor& initializer : graph.initializers) {
    Value value;
    value.name = initializer.name;
    value.type = initializer.tensor.type;
    value.shape = initializer.tensor.shape;
    value.kind = ValueKind::kInitializer;
    const ValueId id = AddLoaded(std::move(value), initializer.tensor);
    initializers_.emplace_back(id, initializer.tensor);
    names.emplace(initializer.name, id);
    if (graph.FindInput(initializer.name) != nullptr) default_inputs_.push_back(id);
  }
  for (const ValueInfo& input : graph.inputs) {
    if (names.contains(input.name)) continue;
    const auto given = std::ranges::find(source.inputs, input.name, &NamedTensor::name);
    if (given == source.inputs.end()) return false;
    Value value;
    value.name = input.name;
    value.type = given->tensor.type;
    value.shape = given->tensor.shape;
    value.kind = ValueKind::kInput;
    const ValueId id = AddLoaded(std::move(value), given->tensor);
    inputs_.emplace_back(id, given->tensor);
    names.emplace(input.name, id);
  }
  for (const Node& node : graph.nodes) {
    std::vector<ValueId> inputs;
    for (const std::string& input : node.inputs) {
      const auto found = names.find(input);
      if (found == names.end() && !input.empty()) return false;
      inputs.push_back(input.empty() ? kNoValue : found->second);
    }
    std::vector<ValueId> used = inputs;
    while (!used.empty() && used.back() == kNoValue) used.pop_back();
    std::vector<OutValue> inferred(node.outputs.size());
    const OpEntry* entry = nullptr;
    const bool typed = InferNode(node, used, inferred, &entry);
    bool rounded = !typed || (entry->flags & kExactResult) == 0;
    bool edge = !typed;
    int32_t depth = 0;
    for (const ValueId id : used) {
      if (id == kNoValue) continue;
      Value& v = values_[static_cast<size_t>(id)];
      ++v.uses;
      rounded |= v.rounded;
      edge |= v.edge;
      depth = std::max(depth, v.depth);
    }
    std::vector<ValueId> ids;
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      Value made;
      made.name = node.outputs[i];
      if (typed) {
        made.type = inferred[i].type;
        made.shape = std::move(inferred[i].shape);
        made.range = inferred[i].range;
        made.has_known = inferred[i].has_known;
        made.known = std::move(inferred[i].known);
      }
      made.producer = static_cast<int32_t>(nodes_.size());
      made.depth = depth + 1;
      made.rounded = rounded && IsFloat(made.type);
      made.edge = edge;
      // An output that the node does not give keeps its empty name and is never picked.
      const bool given = !made.name.empty();
      if (!given) made.type = DataType::kUndefined;
      values_.push_back(std::move(made));
      Value& kept = values_.back();
      kept.count = std::ranges::any_of(kept.shape, [](int64_t d) { return d < 0; })
                       ? -1
                       : CheckedCount(kept.shape).value_or(-1);
      if (kept.type != DataType::kUndefined && kept.count >= 0) available_ |= Bit(kept.type);
      ids.push_back(static_cast<ValueId>(values_.size() - 1));
      if (given) names.emplace(values_.back().name, ids.back());
    }
    for (const Attribute& attribute : node.attributes) {
      if (const auto* body = std::get_if<GraphPtr>(&attribute.value)) {
        CountCaptured(**body, names, values_);
      }
    }
    nodes_.push_back(node);
    node_inputs_.push_back(std::move(inputs));
    node_outputs_.push_back(std::move(ids));
  }
  return true;
}

}  // namespace moire
