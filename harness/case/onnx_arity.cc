#include "harness/case/onnx_arity.h"

#include <onnx/defs/schema.h>

#include <algorithm>
#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace moire {
namespace {

// Inputs that a mask tells apart; those behind are as the last of them.
constexpr size_t kMasked = 32;

struct Arity {
  bool known = false;
  uint32_t required = 0;  // bit i: input i may not be ""
  size_t listed = 0;      // inputs that the mask holds
  size_t min_inputs = 0;
  size_t max_inputs = 0;
  size_t min_outputs = 0;
  size_t max_outputs = 0;

  bool Required(size_t input) const {
    return listed != 0 && ((required >> std::min(input, listed - 1)) & 1) != 0;
  }
};

Arity Lookup(const Node& node, int64_t opset) {
  const auto* schema =
      onnx::OpSchemaRegistry::Schema(node.op, static_cast<int>(opset), node.domain);
  if (schema == nullptr) return {};
  Arity arity{.known = true,
              .listed = std::min(schema->inputs().size(), kMasked),
              .min_inputs = static_cast<size_t>(schema->min_input()),
              .max_inputs = static_cast<size_t>(schema->max_input()),
              .min_outputs = static_cast<size_t>(schema->min_output()),
              .max_outputs = static_cast<size_t>(schema->max_output())};
  for (size_t i = 0; i < arity.listed; ++i) {
    const bool required = schema->inputs()[i].GetOption() != onnx::OpSchema::Optional;
    arity.required |= static_cast<uint32_t>(required) << i;
  }
  return arity;
}

// An operator in an opset, owned by a table (std::string) or asked for (std::string_view).
template <typename Text>
struct Schema {
  Text op;
  Text domain;
  int64_t opset = 0;
};

struct SchemaHash {
  using is_transparent = void;
  size_t operator()(const auto& key) const {
    return std::hash<std::string_view>()(key.op) ^ (static_cast<size_t>(key.opset) << 32);
  }
};

struct SchemaEqual {
  using is_transparent = void;
  bool operator()(const auto& a, const auto& b) const {
    return a.opset == b.opset && a.op == b.op && a.domain == b.domain;
  }
};

}  // namespace

Status CheckArity(const Node& node, int64_t opset) {
  // Asked for each node of each case; a schema look-up in ONNX takes microseconds.
  thread_local std::unordered_map<Schema<std::string>, Arity, SchemaHash, SchemaEqual> cache;
  auto found = cache.find(Schema<std::string_view>{node.op, node.domain, opset});
  if (found == cache.end()) {
    found =
        cache.emplace(Schema<std::string>{node.op, node.domain, opset}, Lookup(node, opset)).first;
  }
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
  for (size_t i = 0; i < inputs; ++i) {
    if (node.inputs[i].empty() && arity.Required(i)) {
      return Fail(ErrorCode::kInvalidInput, "input {} is required and left out", i);
    }
  }
  return {};
}

}  // namespace moire
