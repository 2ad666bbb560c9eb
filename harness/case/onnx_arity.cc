#include "harness/case/onnx_arity.h"

#include <onnx/defs/schema.h>

#include <algorithm>
#include <string>
#include <unordered_map>

namespace moire {
namespace {

struct Arity {
  bool known = false;
  size_t min_inputs = 0;
  size_t max_inputs = 0;
  size_t min_outputs = 0;
  size_t max_outputs = 0;
  std::vector<bool> required;  // input i may not be ""; past the end: as the last
};

Arity Lookup(const Node& node, int64_t opset) {
  const auto* schema =
      onnx::OpSchemaRegistry::Schema(node.op, static_cast<int>(opset), node.domain);
  if (schema == nullptr) return {};
  Arity arity{.known = true,
              .min_inputs = static_cast<size_t>(schema->min_input()),
              .max_inputs = static_cast<size_t>(schema->max_input()),
              .min_outputs = static_cast<size_t>(schema->min_output()),
              .max_outputs = static_cast<size_t>(schema->max_output()),
              .required = {}};
  for (const auto& input : schema->inputs()) {
    arity.required.push_back(input.GetOption() != onnx::OpSchema::Optional);
  }
  return arity;
}

}  // namespace

Status CheckArity(const Node& node, int64_t opset) {
  static std::unordered_map<std::string, Arity> cache;
  std::string key = node.domain + ":" + node.op + ":";
  key += static_cast<char>(opset & 0x7f);
  auto found = cache.find(key);
  if (found == cache.end()) found = cache.emplace(std::move(key), Lookup(node, opset)).first;
  const Arity& arity = found->second;
  if (!arity.known) return {};
  const size_t inputs = node.inputs.size();
  const size_t outputs = node.outputs.size();
  if (inputs < arity.min_inputs || inputs > arity.max_inputs) {
    return Fail(ErrorCode::kInvalidInput, "takes {} to {} inputs, got {}", arity.min_inputs,
                arity.max_inputs, inputs);
  }
  if (outputs < arity.min_outputs || outputs > arity.max_outputs) {
    return Fail(ErrorCode::kInvalidInput, "gives {} to {} outputs, asked for {}", arity.min_outputs,
                arity.max_outputs, outputs);
  }
  for (size_t i = 0; i < inputs && !arity.required.empty(); ++i) {
    if (node.inputs[i].empty() && arity.required[std::min(i, arity.required.size() - 1)]) {
      return Fail(ErrorCode::kInvalidInput, "input {} is required and left out", i);
    }
  }
  return {};
}

}  // namespace moire
