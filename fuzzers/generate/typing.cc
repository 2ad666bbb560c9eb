#include "fuzzers/generate/typing.h"

#include "fuzzers/generate/graph_builder.h"
#include "harness/case/onnx_adapter.h"
#include "harness/case/value.h"

namespace moire {
namespace {

// From the generator's own inference: cheap, and knows every model that it made itself.
bool OwnTypes(const GeneratedCase& source, std::string_view node_name, NodeTypes& out) {
  Random random(0);
  const GeneratorSettings settings;
  const Learned learned;
  GraphBuilder builder(random, settings, learned, source.model.Opset(""));
  if (!builder.Load(source)) return false;
  for (size_t i = 0; i < builder.nodes(); ++i) {
    if (builder.node(i).name != node_name) continue;
    const auto collect = [&](const std::vector<ValueId>& ids, std::vector<DataType>& types) {
      for (const ValueId id : ids) {
        const bool named = id != kNoValue && !builder.value(id).name.empty();
        types.push_back(named ? builder.value(id).packed() : DataType::kUndefined);
        if (named && types.back() == DataType::kUndefined) return false;
      }
      return true;
    };
    return collect(builder.node_inputs(i), out.inputs) &&
           collect(builder.node_outputs(i), out.outputs);
  }
  return false;
}

bool OnnxTypes(const Model& model, const Node& node, NodeTypes& out) {
  const Result<Model> inferred = InferShapes(model);
  const Graph& graph = inferred ? inferred->graph : model.graph;
  const auto type_of = [&](const std::string& value) {
    for (const auto* list : {&graph.value_info, &graph.inputs, &graph.outputs}) {
      for (const ValueInfo& info : *list) {
        if (info.name == value) return info.type.type;
      }
    }
    const NamedTensor* initializer = graph.FindInitializer(value);
    return initializer != nullptr ? initializer->tensor.type : DataType::kUndefined;
  };
  const auto collect = [&](const std::vector<std::string>& names, std::vector<DataType>& types) {
    for (const std::string& name : names) {
      types.push_back(name.empty() ? DataType::kUndefined : type_of(name));
      if (!name.empty() && types.back() == DataType::kUndefined) return false;
    }
    return true;
  };
  return collect(node.inputs, out.inputs) && collect(node.outputs, out.outputs);
}

}  // namespace

std::optional<NodeTypes> TypesOfNode(const Model& model, std::string_view node_name) {
  const Node* found = nullptr;
  for (const Node& node : model.graph.nodes) {
    if (node.name == node_name) found = &node;
  }
  if (found == nullptr) return std::nullopt;
  NodeTypes out{found->op, found->domain, 0, {}, {}};
  const SchemaInfo* schema = FindSchema(found->op, model.Opset(found->domain), found->domain);
  out.since = schema != nullptr ? schema->since : model.Opset(found->domain);
  // Own inference wants tensors for the inputs: zeros of the declared shapes do for types.
  GeneratedCase source{model, {}, {}, false};
  for (const ValueInfo& input : model.graph.inputs) {
    if (const auto map = ParseMapType(input.type.opaque)) {
      source.inputs.push_back({input.name, MakeTensor(map->value, {1}), MakeTensor(map->key, {1})});
    }
    const auto shape = StaticShape(input.type);
    if (!shape || model.graph.FindInitializer(input.name) != nullptr) continue;
    if (CheckedCount(*shape).value_or(1 << 20) >= 1 << 20) continue;
    source.inputs.push_back({input.name, MakeTensor(input.type.type, *shape)});
  }
  if (OwnTypes(source, node_name, out)) return out;
  out.inputs.clear();
  out.outputs.clear();
  if (OnnxTypes(model, *found, out)) return out;
  return std::nullopt;
}

}  // namespace moire
