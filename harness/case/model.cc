#include "harness/case/model.h"

#include <algorithm>

namespace moire {

const Attribute* Node::Find(std::string_view attribute) const {
  for (const Attribute& candidate : attributes) {
    if (candidate.name == attribute) return &candidate;
  }
  return nullptr;
}

int64_t Node::Int(std::string_view attribute, int64_t otherwise) const {
  const Attribute* found = Find(attribute);
  const auto* value = found ? std::get_if<int64_t>(&found->value) : nullptr;
  return value ? *value : otherwise;
}

float Node::Float(std::string_view attribute, float otherwise) const {
  const Attribute* found = Find(attribute);
  const auto* value = found ? std::get_if<float>(&found->value) : nullptr;
  return value ? *value : otherwise;
}

std::string Node::String(std::string_view attribute, std::string_view otherwise) const {
  const Attribute* found = Find(attribute);
  const auto* value = found ? std::get_if<std::string>(&found->value) : nullptr;
  return value ? *value : std::string(otherwise);
}

Ints Node::IntList(std::string_view attribute, Ints otherwise) const {
  const Attribute* found = Find(attribute);
  const auto* value = found ? std::get_if<Ints>(&found->value) : nullptr;
  return value ? *value : otherwise;
}

void Node::Set(std::string_view attribute, decltype(Attribute::value) value) {
  for (Attribute& candidate : attributes) {
    if (candidate.name == attribute) {
      candidate.value = std::move(value);
      return;
    }
  }
  attributes.push_back({std::string(attribute), std::move(value)});
}

void Node::Remove(std::string_view attribute) {
  std::erase_if(attributes, [&](const Attribute& a) { return a.name == attribute; });
}

const NamedTensor* Graph::FindInitializer(std::string_view value) const {
  for (const NamedTensor& candidate : initializers) {
    if (candidate.name == value) return &candidate;
  }
  return nullptr;
}

const ValueInfo* Graph::FindInput(std::string_view value) const {
  for (const ValueInfo& candidate : inputs) {
    if (candidate.name == value) return &candidate;
  }
  return nullptr;
}

int64_t Model::Opset(std::string_view domain) const {
  const auto is_default = [](std::string_view d) { return d.empty() || d == "ai.onnx"; };
  for (const OpsetImport& import : opsets) {
    if (import.domain == domain || (is_default(import.domain) && is_default(domain))) {
      return import.version;
    }
  }
  return 0;
}

ValueType TensorType(DataType type, Dims dims) {
  ValueType out{type, std::vector<Dim>{}, {}};
  for (const int64_t dim : dims) out.dims->push_back({dim, {}});
  return out;
}

std::optional<Shape> StaticShape(const ValueType& type) {
  if (!type.dims) return std::nullopt;
  Shape shape;
  for (const Dim& dim : *type.dims) {
    if (!dim.size) return std::nullopt;
    shape.push_back(*dim.size);
  }
  return shape;
}

int64_t CountNodes(const Graph& graph) {
  int64_t count = 0;
  for (const Node& node : graph.nodes) {
    ++count;
    for (const Attribute& attribute : node.attributes) {
      if (const auto* body = std::get_if<GraphPtr>(&attribute.value)) count += CountNodes(**body);
    }
  }
  return count;
}

}  // namespace moire
