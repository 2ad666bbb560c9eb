#include "harness/case/onnx_attributes.h"

#include <onnx/defs/schema.h>

namespace moire {
namespace {

std::optional<AttributeSchema::Kind> KindOf(onnx::AttributeProto::AttributeType type) {
  switch (type) {
    case onnx::AttributeProto::INT:
      return AttributeSchema::Kind::kInt;
    case onnx::AttributeProto::FLOAT:
      return AttributeSchema::Kind::kFloat;
    case onnx::AttributeProto::STRING:
      return AttributeSchema::Kind::kString;
    case onnx::AttributeProto::INTS:
      return AttributeSchema::Kind::kInts;
    case onnx::AttributeProto::FLOATS:
      return AttributeSchema::Kind::kFloats;
    default:
      return std::nullopt;
  }
}

decltype(Attribute::value) DefaultOf(const onnx::AttributeProto& value,
                                     AttributeSchema::Kind kind) {
  switch (kind) {
    case AttributeSchema::Kind::kInt:
      return int64_t{value.i()};
    case AttributeSchema::Kind::kFloat:
      return value.f();
    case AttributeSchema::Kind::kString:
      return std::string(value.s());
    case AttributeSchema::Kind::kInts:
      return Ints(value.ints().begin(), value.ints().end());
    default:
      return Floats(value.floats().begin(), value.floats().end());
  }
}

}  // namespace

std::vector<AttributeSchema> SchemaAttributes(const Node& node, int64_t opset) {
  const auto* schema =
      onnx::OpSchemaRegistry::Schema(node.op, static_cast<int>(opset), node.domain);
  std::vector<AttributeSchema> attributes;
  if (schema == nullptr) return attributes;
  for (const auto& [name, attribute] : schema->attributes()) {
    const auto kind = KindOf(attribute.type);
    if (!kind) continue;
    AttributeSchema row{*kind, name, attribute.required, std::nullopt};
    if (attribute.default_value.has_type())
      row.otherwise = DefaultOf(attribute.default_value, *kind);
    attributes.push_back(std::move(row));
  }
  return attributes;
}

std::string SchemaSentence(const Node& node, int64_t opset) {
  const auto* schema =
      onnx::OpSchemaRegistry::Schema(node.op, static_cast<int>(opset), node.domain);
  if (schema == nullptr || schema->doc() == nullptr) return {};
  std::string sentence;
  for (const char* c = schema->doc(); *c != 0; ++c) {
    const bool space = *c == '\n' || *c == ' ';
    if (space && (sentence.empty() || sentence.back() == ' ')) continue;
    // A full stop before white space ends it; one inside a number or a name does not.
    if (space && sentence.back() == '.') break;
    sentence += space ? ' ' : *c;
  }
  return sentence;
}

}  // namespace moire
