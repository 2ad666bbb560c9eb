// The attributes of an operator with their defaults, from its ONNX schema.
#ifndef MOIRE_HARNESS_CASE_ONNX_ATTRIBUTES_H_
#define MOIRE_HARNESS_CASE_ONNX_ATTRIBUTES_H_

#include <optional>
#include <string>
#include <vector>

#include "harness/case/model.h"

namespace moire {

// Attributes that hold a number, a text, or a list of numbers; others are not listed.
struct AttributeSchema {
  enum class Kind { kInt, kFloat, kString, kInts, kFloats } kind = Kind::kInt;
  std::string name;
  bool required = false;
  std::optional<decltype(Attribute::value)> otherwise;  // the default, where the schema has one
};
// Empty for an operator without a schema.
std::vector<AttributeSchema> SchemaAttributes(const Node& node, int64_t opset);
// The first sentence of the operator's page; empty for an operator without a schema.
std::string SchemaSentence(const Node& node, int64_t opset);

}  // namespace moire

#endif  // MOIRE_HARNESS_CASE_ONNX_ATTRIBUTES_H_
