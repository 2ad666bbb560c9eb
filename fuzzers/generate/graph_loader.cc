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
    for (size_t i = name.size() - digits; i < name.size(); ++i)
      value = value * 10 + (name[i] - '0');
    next = std::max(next, value + 1);
  };
  for (const ValueInfo& input : graph.inputs) see(input.name);
  for (const NamedTensor& initializer : graph.initializers) see(initializer.name);
  for (const Node& node : graph.nodes) {
    see(node.name);
    for (const std::string& output : node.outputs) see(output);
    for (const Attribute& attribute : node.attributes) {
      const auto* body = std::get_if<GraphPtr>(&attribute.value);
      if (body != nullptr) next = std::max(next, NextName(**body));
    }
  }
  return next;
}

// Values outside that a graph in a node's attributes uses.
void CollectCaptured(const Graph& body, const Names& names, std::vector<ValueId>& out) {
  const auto see = [&](const std::string& name) {
    const auto found = names.find(name);
    if (found != names.end()) out.push_back(found->second);
  };
  for (const Node& node : body.nodes) {
    std::ranges::for_each(node.inputs, see);
    for (const Attribute& attribute : node.attributes) {
      if (const auto* inner = std::get_if<GraphPtr>(&attribute.value)) {
        CollectCaptured(**inner, names, out);
      }
    }
  }
  for (const ValueInfo& output : body.outputs) see(output.name);
}

// The same graph with every name behind a prefix, those that it takes from outside too.
Graph Prefixed(const Graph& body, std::string_view prefix) {
  Graph out = body;
  const auto rename = [&](std::string& name) {
    if (!name.empty()) name.insert(0, prefix);
  };
  for (auto* list : {&out.inputs, &out.outputs, &out.value_info}) {
    for (ValueInfo& value : *list) rename(value.name);
  }
  for (NamedTensor& initializer : out.initializers) rename(initializer.name);
  for (Node& node : out.nodes) {
    rename(node.name);
    std::ranges::for_each(node.inputs, rename);
    std::ranges::for_each(node.outputs, rename);
    for (Attribute& attribute : node.attributes) {
      if (auto* inner = std::get_if<GraphPtr>(&attribute.value)) {
        *inner = std::make_shared<const Graph>(Prefixed(**inner, prefix));
      }
    }
  }
  return out;
}

}  // namespace

bool GraphBuilder::Load(const GeneratedCase& source) {
  loaded_ = true;
  opset_ = source.model.Opset("");
  ml_opset_ = source.model.Opset("ai.onnx.ml");
  contributed_ = source.model.Opset(kContributedDomain) > 0;
  base_.ir_version = source.model.ir_version;
  base_.opsets = source.model.opsets;
  base_.extra = source.model.extra;
  base_.graph.name = source.model.graph.name;
  base_.graph.extra = source.model.graph.extra;
  options_ = source.options;
  next_name_ = NextName(source.model.graph);
  return LoadGraph(source.model.graph, source.inputs, "");
}

bool GraphBuilder::Repair(const GeneratedCase& source, const OldTypes& old_types) {
  repairing_ = &old_types;
  const bool loaded = Load(source);
  repairing_ = nullptr;
  return loaded;
}

ValueId GraphBuilder::Append(const GeneratedCase& other) {
  const auto first = static_cast<ValueId>(values_.size());
  // Functions would have to come along.
  if (!other.model.extra.empty()) return -1;
  // Older schemas are mostly subsets: what does not fit is seen when the result is repaired.
  SetOpset(std::max(opset_, other.model.Opset("")));
  for (const OpsetImport& import : other.model.opsets) {
    if (import.domain.empty() || import.domain == "ai.onnx") continue;
    const auto ours = std::ranges::find(base_.opsets, import.domain, &OpsetImport::domain);
    if (ours == base_.opsets.end()) {
      base_.opsets.push_back(import);
    } else if (ours->version != import.version) {
      return -1;
    }
    if (import.domain == "ai.onnx.ml") ml_opset_ = import.version;
    contributed_ |= import.domain == kContributedDomain;
  }
  // A graph that was spliced before may hold such a prefix already.
  std::string prefix;
  do {
    prefix = "s" + std::to_string((*names_)++) + "_";
  } while (
      std::ranges::any_of(values_, [&](const Value& v) { return v.name.starts_with(prefix); }));
  return LoadGraph(other.model.graph, other.inputs, prefix) ? first : -1;
}

bool GraphBuilder::LoadGraph(const Graph& graph, std::span<const NamedTensor> inputs,
                             std::string_view prefix) {
  // Names of the source graph; what is added here carries the prefix.
  Names names;
  const auto renamed = [&](const std::string& name) {
    return name.empty() || prefix.empty() ? name : std::string(prefix) + name;
  };
  for (const ValueInfo& output : graph.outputs) {
    kept_outputs_.push_back(renamed(output.name));
    declared_.push_back(output);
    declared_.back().name = kept_outputs_.back();
  }
  for (const NamedTensor& initializer : graph.initializers) {
    Value value;
    value.name = renamed(initializer.name);
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
    const auto given = std::ranges::find(inputs, input.name, &NamedTensor::name);
    if (given == inputs.end()) return false;
    Value value;
    value.name = renamed(input.name);
    value.kind = ValueKind::kInput;
    if (!given->IsMap()) {
      value.type = given->tensor.type;
      value.shape = given->tensor.shape;
    }
    const ValueId id = given->IsMap() ? AddLoadedMap(std::move(value), *given)
                                      : AddLoaded(std::move(value), given->tensor);
    inputs_.emplace_back(id, given->tensor);
    names.emplace(input.name, id);
  }
  // A body sees every value of the outer graph; `values_` of that one do not move meanwhile.
  for (size_t i = 0; outer_ != nullptr && i < outer_->values_.size(); ++i) {
    const std::string& name = outer_->values_[i].name;
    if (!name.empty() && !names.contains(name))
      names.emplace(name, Capture(static_cast<ValueId>(i)));
  }
  for (const Node& node : graph.nodes) {
    std::vector<ValueId> ids;
    for (const std::string& input : node.inputs) {
      const auto found = names.find(input);
      if (found == names.end() && !input.empty()) return false;
      ids.push_back(input.empty() ? kNoValue : found->second);
    }
    std::vector<ValueId> captures;
    for (const Attribute& attribute : node.attributes) {
      if (const auto* body = std::get_if<GraphPtr>(&attribute.value)) {
        CollectCaptured(**body, names, captures);
      }
    }
    LoadNode(node, std::move(ids), std::move(captures), prefix);
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      if (node.outputs[i].empty()) continue;
      names.emplace(node.outputs[i], last_loaded_[i]);
    }
  }
  return true;
}

void GraphBuilder::LoadNode(const Node& node, std::vector<ValueId> inputs,
                            std::vector<ValueId> captures, std::string_view prefix) {
  std::vector<ValueId> used = inputs;
  while (!used.empty() && used.back() == kNoValue) used.pop_back();
  std::vector<OutValue> inferred(node.outputs.size());
  const OpEntry* entry = nullptr;
  const SchemaInfo* schema = nullptr;
  bool typed = InferNode(node, used, inferred, &entry, &schema);
  Node mended;
  if (!typed && entry != nullptr && repairing_ != nullptr) {
    mended = node;
    std::vector<Shape> wanted;
    for (const std::string& output : node.outputs) {
      const auto old = repairing_->find(output);
      wanted.push_back(old == repairing_->end() ? Shape() : old->second.second);
    }
    if (Mend(mended, used, std::move(wanted), "")) {
      typed = InferNode(mended, used, inferred, &entry, &schema);
      inputs = used;
    }
  }
  if (typed && repairing_ != nullptr) {
    const auto too_large = [&](const OutValue& out) {
      if (std::ranges::any_of(out.shape, [](int64_t d) { return d < 0; })) return false;
      return CheckedCount(out.shape).value_or(INT64_MAX) > settings_.max_long_elements;
    };
    typed = !Avoided(node, *schema, used, inferred) && std::ranges::none_of(inferred, too_large) &&
            BodiesHold(node);
  }
  // A foreign operator, or one behind a foreign operator, is left as it is.
  const bool known = FindEntry(node.op, NewestOpset(node.domain), node.domain) != nullptr &&
                     std::ranges::all_of(used, [&](ValueId id) {
                       return id == kNoValue ||
                              (value(id).packed() != DataType::kUndefined && !value(id).Dynamic());
                     });
  last_loaded_.clear();
  if (!typed && known) {
    ++misfits_;
    if (repairing_ != nullptr) {
      ++lost_;
      for (const std::string& output : node.outputs) {
        const auto old = repairing_->find(output);
        const bool usable =
            old != repairing_->end() && !output.empty() &&
            CheckedCount(old->second.second).value_or(INT64_MAX) <= settings_.max_long_elements;
        last_loaded_.push_back(AddInput(usable ? old->second.first : DataType::kFloat,
                                        usable ? old->second.second : Shape{2}));
        if (!output.empty()) values_.back().name = output;
      }
      return;
    }
  }
  bool rounded = !typed || (entry->flags & kExactResult) == 0;
  bool edge = !typed;
  int32_t depth = 0;
  const auto use = [&](ValueId id) {
    if (id == kNoValue) return;
    Value& v = values_[static_cast<size_t>(id)];
    ++v.uses;
    rounded |= v.rounded;
    edge |= v.edge;
    depth = std::max(depth, v.depth);
  };
  std::ranges::for_each(used, use);
  std::ranges::for_each(captures, use);
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    Value made;
    // An output that the node does not give keeps its empty name and is never picked.
    const bool given = !node.outputs[i].empty();
    if (given) made.name = std::string(prefix) + node.outputs[i];
    if (typed && given) made.type = inferred[i].type;
    if (typed) {
      made.shape = std::move(inferred[i].shape);
      made.range = inferred[i].range;
      made.has_known = inferred[i].has_known;
      made.known = std::move(inferred[i].known);
      if (given) made.compound = std::move(inferred[i].compound);
    }
    made.producer = static_cast<int32_t>(nodes_.size());
    made.depth = depth + 1;
    made.rounded = rounded && IsFloat(made.type);
    made.edge = edge;
    const bool dynamic = std::ranges::any_of(made.shape, [](int64_t d) { return d < 0; });
    made.count = dynamic ? -1 : CheckedCount(made.shape).value_or(-1);
    if (made.type != DataType::kUndefined && !dynamic) available_ |= Bit(made.type);
    values_.push_back(std::move(made));
    last_loaded_.push_back(static_cast<ValueId>(values_.size() - 1));
  }
  nodes_.push_back(mended.op.empty() || !typed ? node : std::move(mended));
  if (!prefix.empty()) {
    nodes_.back().name = std::string(prefix) + node.name;
    for (Attribute& attribute : nodes_.back().attributes) {
      if (auto* body = std::get_if<GraphPtr>(&attribute.value)) {
        *body = std::make_shared<const Graph>(Prefixed(**body, prefix));
      }
    }
  }
  node_inputs_.push_back(std::move(inputs));
  node_outputs_.push_back(last_loaded_);
  node_captures_.push_back(std::move(captures));
}

}  // namespace moire
