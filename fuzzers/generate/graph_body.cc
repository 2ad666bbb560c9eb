// Graphs in the attributes of nodes: building them, and checking those of a case that was edited.
#include <algorithm>

#include "fuzzers/generate/graph_builder.h"

namespace moire {

GraphBuilder::GraphBuilder(GraphBuilder* outer)
    : random_(outer->random_),
      settings_(outer->settings_),
      learned_(outer->learned_),
      opset_(outer->opset_),
      ml_opset_(outer->ml_opset_),
      contributed_(outer->contributed_),
      carried_(outer->carried_),
      outer_(outer),
      depth_(outer->depth_ + 1),
      profile_(outer->profile_),
      palette_(outer->palette_),
      max_elements_(outer->max_elements_),
      strict_(outer->strict_),
      names_(outer->names_) {
  base_.graph.name = "body" + std::to_string((*names_)++);
}

ValueId GraphBuilder::AddFormal(Value value) {
  value.name.clear();
  value.kind = ValueKind::kInput;
  value.producer = -1;
  value.depth = 0;
  value.uses = 0;
  value.has_known = false;
  return AddValue(std::move(value));
}

ValueId GraphBuilder::Capture(ValueId outer) {
  const auto known =
      std::ranges::find(captured_, outer, [](const auto& pair) { return pair.second; });
  if (known != captured_.end()) return known->first;
  Value value = outer_->value(outer);
  value.kind = ValueKind::kInput;
  value.producer = -1;
  value.depth = 0;
  value.uses = 0;
  const ValueId id = AddValue(std::move(value));
  captured_.emplace_back(id, outer);
  return id;
}

std::vector<ValueId> GraphBuilder::Captured() const {
  std::vector<ValueId> out;
  for (const auto& [here, outer] : captured_) {
    if (value(here).uses > 0) out.push_back(outer);
  }
  return out;
}

GraphPtr GraphBuilder::FinishBody(std::span<const ValueId> formals,
                                  std::span<const ValueId> outputs) {
  auto graph = std::make_shared<Graph>();
  graph->name = base_.graph.name;
  WriteNodes(*graph);
  for (const ValueId id : formals) graph->inputs.push_back(Declare(value(id)));
  for (const ValueId id : outputs) graph->outputs.push_back(Declare(value(id)));
  for (auto& [id, tensor] : initializers_) {
    if (value(id).uses > 0) graph->initializers.push_back({value(id).name, std::move(tensor)});
  }
  return graph;
}

// Whether a body still gives what it declares, now that the values it captures may have changed.
bool GraphBuilder::BodyHolds(const Graph& body) {
  if (depth_ > 4) return false;
  GraphBuilder inner(this);
  inner.loaded_ = true;
  const OldTypes nothing;
  inner.repairing_ = &nothing;
  std::vector<NamedTensor> inputs;
  for (const ValueInfo& input : body.inputs) {
    const auto shape = StaticShape(input.type);
    if (!shape || CheckedCount(*shape).value_or(INT64_MAX) > settings_.max_long_elements)
      return true;
    inputs.push_back({input.name, MakeTensor(input.type.type, *shape)});
  }
  if (!inner.LoadGraph(body, inputs, "") || inner.misfits_ > 0) return false;
  for (const ValueInfo& output : body.outputs) {
    const auto made = std::ranges::find(inner.values_, output.name, &Value::name);
    if (made == inner.values_.end()) return false;
    const bool typed = made->type != DataType::kUndefined && !made->Dynamic();
    if (typed && TensorType(made->type, made->shape) != output.type) return false;
  }
  return true;
}

bool GraphBuilder::BodiesHold(const Node& node) {
  return std::ranges::all_of(node.attributes, [&](const Attribute& attribute) {
    const auto* body = std::get_if<GraphPtr>(&attribute.value);
    return body == nullptr || BodyHolds(**body);
  });
}

}  // namespace moire
