#include "fuzzers/generate/typing.h"

#include "fuzzers/generate/schema.h"
#include "harness/case/onnx_adapter.h"

namespace moire {

std::optional<NodeTypes> TypesOfNode(const Model& model, std::string_view node_name) {
  const Node* found = nullptr;
  for (const Node& node : model.graph.nodes) {
    if (node.name == node_name) found = &node;
  }
  if (found == nullptr) return std::nullopt;
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
  NodeTypes out{found->op, found->domain, 0, {}, {}};
  const SchemaInfo* schema =
      found->domain.empty() ? FindSchema(found->op, model.Opset("")) : nullptr;
  out.since = schema != nullptr ? schema->since : model.Opset(found->domain);
  const auto collect = [&](const std::vector<std::string>& names, std::vector<DataType>& types) {
    for (const std::string& name : names) {
      types.push_back(name.empty() ? DataType::kUndefined : type_of(name));
      if (!name.empty() && types.back() == DataType::kUndefined) return false;
    }
    return true;
  };
  if (!collect(found->inputs, out.inputs) || !collect(found->outputs, out.outputs)) {
    return std::nullopt;
  }
  return out;
}

}  // namespace moire
