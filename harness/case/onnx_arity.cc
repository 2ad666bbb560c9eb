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

struct Arity {
  bool known = false;
  size_t min_inputs = 0;
  size_t max_inputs = 0;
  size_t min_outputs = 0;
  size_t max_outputs = 0;
  std::vector<bool> required;  // input i may not be ""; past the end: as the last
};

struct NameHash {
  using is_transparent = void;
  size_t operator()(std::string_view name) const { return std::hash<std::string_view>()(name); }
};

// What one operator's schema says, in the opsets asked for so far.
struct Row {
  std::string domain;
  int64_t opset = 0;
  Arity arity;
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
  // Asked for each node of each case; a schema look-up in ONNX takes microseconds.
  thread_local std::unordered_map<std::string, std::deque<Row>, NameHash, std::equal_to<>> cache;
  auto rows = cache.find(std::string_view(node.op));
  if (rows == cache.end()) rows = cache.emplace(node.op, std::deque<Row>()).first;
  auto row = std::ranges::find_if(rows->second, [&](const Row& known) {
    return known.opset == opset && known.domain == node.domain;
  });
  if (row == rows->second.end()) {
    row = rows->second.insert(row, Row{node.domain, opset, Lookup(node, opset)});
  }
  const Arity& arity = row->arity;
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
