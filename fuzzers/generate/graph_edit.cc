// Edits of a graph that GraphBuilder has loaded.
#include <algorithm>

#include "fuzzers/generate/graph_builder.h"

namespace moire {

Tensor* GraphBuilder::TensorOf(ValueId id) {
  if (value(id).compound) return nullptr;
  for (auto* list : {&inputs_, &initializers_}) {
    for (auto& [candidate, tensor] : *list) {
      if (candidate == id) return &tensor;
    }
  }
  return nullptr;
}

std::vector<ValueId> GraphBuilder::Sources(size_t node) const {
  std::vector<ValueId> out = node_captures_[node];
  std::ranges::copy_if(node_inputs_[node], std::back_inserter(out),
                       [](ValueId id) { return id != kNoValue; });
  return out;
}

bool GraphBuilder::DependsOn(ValueId from, ValueId on) const {
  if (from == on) return true;
  std::vector<ValueId> open = {from};
  std::vector<bool> seen(values_.size(), false);
  while (!open.empty()) {
    const int32_t producer = value(open.back()).producer;
    open.pop_back();
    if (producer < 0) continue;
    for (const ValueId id : Sources(static_cast<size_t>(producer))) {
      if (id == on) return true;
      if (seen[static_cast<size_t>(id)]) continue;
      seen[static_cast<size_t>(id)] = true;
      open.push_back(id);
    }
  }
  return false;
}

bool GraphBuilder::ReplaceInput(size_t node, size_t input, ValueId to) {
  if (Dead(node) || input >= node_inputs_[node].size()) return false;
  ValueId& slot = node_inputs_[node][input];
  if (slot == to || slot == kNoValue || to == kNoValue) return false;
  for (const ValueId out : node_outputs_[node]) {
    if (DependsOn(to, out)) return false;
  }
  --values_[static_cast<size_t>(slot)].uses;
  ++values_[static_cast<size_t>(to)].uses;
  slot = to;
  edited_ = true;
  return true;
}

bool GraphBuilder::ReplaceUses(ValueId from, ValueId to, int except) {
  bool any = false;
  for (size_t n = 0; n < nodes_.size(); ++n) {
    if (static_cast<int>(n) == except) continue;
    for (size_t i = 0; i < node_inputs_[n].size(); ++i) {
      if (node_inputs_[n][i] == from) any |= ReplaceInput(n, i, to);
    }
  }
  return any;
}

void GraphBuilder::RemoveNode(size_t node) {
  if (Dead(node)) return;
  for (const ValueId id : Sources(node)) --values_[static_cast<size_t>(id)].uses;
  for (const ValueId id : node_outputs_[node]) {
    Value& gone = values_[static_cast<size_t>(id)];
    DropOutput(id);
    gone.type = DataType::kUndefined;
    gone.compound.reset();
    gone.name.clear();
    gone.producer = -1;
  }
  node_inputs_[node].clear();
  node_outputs_[node].clear();
  node_captures_[node].clear();
  edited_ = true;
}

void GraphBuilder::KeepAsOutput(ValueId id) {
  if (!IsOutput(id)) kept_outputs_.push_back(value(id).name);
}

void GraphBuilder::DropOutput(ValueId id) { std::erase(kept_outputs_, value(id).name); }

bool GraphBuilder::IsOutput(ValueId id) const {
  return std::ranges::find(kept_outputs_, value(id).name) != kept_outputs_.end();
}

void GraphBuilder::SetKind(ValueId id, ValueKind kind) {
  Value& v = values_[static_cast<size_t>(id)];
  if (v.kind == kind || v.kind == ValueKind::kNode || kind == ValueKind::kNode) return;
  auto& from = v.kind == ValueKind::kInput ? inputs_ : initializers_;
  auto& to = kind == ValueKind::kInput ? inputs_ : initializers_;
  const auto found = std::ranges::find(from, id, [](const auto& entry) { return entry.first; });
  if (found == from.end()) return;
  to.push_back(std::move(*found));
  from.erase(found);
  std::erase(default_inputs_, id);
  v.kind = kind;
}

void GraphBuilder::SetOpset(int64_t opset) {
  // Functions of the model import theirs, and ONNX wants them compatible.
  if (!base_.extra.empty()) return;
  opset_ = opset;
  for (OpsetImport& import : base_.opsets) {
    if (import.domain.empty() || import.domain == "ai.onnx") import.version = opset;
  }
}

void GraphBuilder::CutTo(ValueId keep) {
  std::vector<bool> needed(nodes_.size(), false);
  std::vector<ValueId> open = {keep};
  while (!open.empty()) {
    const int32_t producer = value(open.back()).producer;
    open.pop_back();
    if (producer < 0 || needed[static_cast<size_t>(producer)]) continue;
    needed[static_cast<size_t>(producer)] = true;
    for (const ValueId id : Sources(static_cast<size_t>(producer))) open.push_back(id);
  }
  kept_outputs_.clear();
  KeepAsOutput(keep);
  for (size_t n = 0; n < nodes_.size(); ++n) {
    if (!needed[n]) RemoveNode(n);
  }
}

// Producers before consumers, otherwise in the order they have; dead nodes go.
void GraphBuilder::SortNodes() {
  std::vector<size_t> order;
  std::vector<uint8_t> state(nodes_.size(), 0);  // 1: on the path, 2: placed
  // Depth first without recursion: graphs of a corpus may be deep.
  std::vector<std::pair<size_t, size_t>> path;
  std::vector<std::vector<ValueId>> sources;
  for (size_t n = 0; n < nodes_.size(); ++n) sources.push_back(Sources(n));
  for (size_t root = 0; root < nodes_.size(); ++root) {
    if (state[root] != 0 || Dead(root)) continue;
    path.emplace_back(root, 0);
    state[root] = 1;
    while (!path.empty()) {
      auto& [node, next] = path.back();
      if (next == sources[node].size()) {
        state[node] = 2;
        order.push_back(node);
        path.pop_back();
        continue;
      }
      const int32_t producer = value(sources[node][next++]).producer;
      if (producer >= 0 && state[static_cast<size_t>(producer)] == 0) {
        state[static_cast<size_t>(producer)] = 1;
        path.emplace_back(static_cast<size_t>(producer), 0);
      }
    }
  }
  std::vector<Node> nodes;
  std::vector<std::vector<ValueId>> inputs;
  std::vector<std::vector<ValueId>> outputs;
  std::vector<std::vector<ValueId>> captures;
  for (const size_t n : order) {
    for (const ValueId id : node_outputs_[n]) {
      values_[static_cast<size_t>(id)].producer = static_cast<int32_t>(nodes.size());
    }
    nodes.push_back(std::move(nodes_[n]));
    inputs.push_back(std::move(node_inputs_[n]));
    outputs.push_back(std::move(node_outputs_[n]));
    captures.push_back(std::move(node_captures_[n]));
  }
  nodes_ = std::move(nodes);
  node_inputs_ = std::move(inputs);
  node_outputs_ = std::move(outputs);
  node_captures_ = std::move(captures);
  edited_ = false;
}

}  // namespace moire
