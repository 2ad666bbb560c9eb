#include "harness/case/onnx_signature.h"

#include <onnx/defs/schema.h>

#include <algorithm>
#include <array>
#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "harness/case/data_type.h"

namespace moire {
namespace {

// Inputs that a mask tells apart; those behind are as the last of them.
constexpr size_t kMasked = 32;

struct Slot {
  uint32_t types = 0;       // bit t: data type t may come here; 0: any
  uint8_t parameter = kNo;  // inputs of one parameter have one type
  static constexpr uint8_t kNo = kMasked;
};

struct Signature {
  bool known = false;
  uint32_t required = 0;  // bit i: input i may not be ""
  size_t listed = 0;      // inputs that the mask holds
  size_t min_inputs = 0;
  size_t max_inputs = 0;
  size_t min_outputs = 0;
  size_t max_outputs = 0;
  std::vector<Slot> slots;  // `listed` of them

  bool Required(size_t input) const {
    return listed != 0 && ((required >> std::min(input, listed - 1)) & 1) != 0;
  }
};

// A parameter is known by its first input. A variadic input of mixed types has none.
Slot SlotOf(const onnx::OpSchema& schema, size_t input) {
  const onnx::OpSchema::FormalParameter& formal = schema.inputs()[input];
  Slot slot;
  for (const auto* name : formal.GetTypes()) {
    for (const TypeTraits& traits : AllTypes()) {
      if (traits.schema == *name) slot.types |= uint32_t{1} << static_cast<int>(traits.type);
    }
  }
  const bool mixed = formal.GetOption() == onnx::OpSchema::Variadic && !formal.GetIsHomogeneous();
  for (size_t i = 0; i <= input && !mixed && slot.parameter == Slot::kNo; ++i) {
    const bool same = schema.inputs()[i].GetTypeStr() == formal.GetTypeStr();
    if (same) slot.parameter = static_cast<uint8_t>(i);
  }
  return slot;
}

Signature Lookup(const Node& node, int64_t opset) {
  const auto* schema =
      onnx::OpSchemaRegistry::Schema(node.op, static_cast<int>(opset), node.domain);
  if (schema == nullptr) return {};
  Signature signature{.known = true,
                      .listed = std::min(schema->inputs().size(), kMasked),
                      .min_inputs = static_cast<size_t>(schema->min_input()),
                      .max_inputs = static_cast<size_t>(schema->max_input()),
                      .min_outputs = static_cast<size_t>(schema->min_output()),
                      .max_outputs = static_cast<size_t>(schema->max_output()),
                      .slots = {}};
  for (size_t i = 0; i < signature.listed; ++i) {
    const bool required = schema->inputs()[i].GetOption() != onnx::OpSchema::Optional;
    signature.required |= static_cast<uint32_t>(required) << i;
    signature.slots.push_back(SlotOf(*schema, i));
  }
  return signature;
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

Status CheckTypes(const Signature& signature, std::span<const DataType> types) {
  std::array<DataType, kMasked> bound{};
  if (signature.listed == 0) return {};
  for (size_t i = 0; i < types.size(); ++i) {
    if (types[i] == DataType::kUndefined) continue;
    const Slot& slot = signature.slots[std::min(i, signature.listed - 1)];
    if (slot.types != 0 && ((slot.types >> static_cast<int>(types[i])) & 1) == 0) {
      return Fail(ErrorCode::kInvalidInput, "input {} may not be of {}", i, Name(types[i]));
    }
    if (slot.parameter == Slot::kNo) continue;
    DataType& one = bound[slot.parameter];
    if (one == DataType::kUndefined) one = types[i];
    if (one != types[i]) {
      return Fail(ErrorCode::kInvalidInput, "input {} is of {}, where another is of {}", i,
                  Name(types[i]), Name(one));
    }
  }
  return {};
}

}  // namespace

Status CheckSignature(const Node& node, int64_t opset, std::span<const DataType> types) {
  // Asked for each node of each case; a schema look-up in ONNX takes microseconds.
  thread_local std::unordered_map<Schema<std::string>, Signature, SchemaHash, SchemaEqual> cache;
  auto found = cache.find(Schema<std::string_view>{node.op, node.domain, opset});
  if (found == cache.end()) {
    found =
        cache.emplace(Schema<std::string>{node.op, node.domain, opset}, Lookup(node, opset)).first;
  }
  const Signature& signature = found->second;
  if (!signature.known) return {};
  const size_t inputs = node.inputs.size();
  const size_t outputs = node.outputs.size();
  if (inputs < signature.min_inputs || inputs > signature.max_inputs) {
    return Fail(ErrorCode::kInvalidInput, "takes {} to {} inputs, got {}", signature.min_inputs,
                signature.max_inputs, inputs);
  }
  if (outputs < signature.min_outputs || outputs > signature.max_outputs) {
    return Fail(ErrorCode::kInvalidInput, "gives {} to {} outputs, asked for {}",
                signature.min_outputs, signature.max_outputs, outputs);
  }
  for (size_t i = 0; i < inputs; ++i) {
    if (node.inputs[i].empty() && signature.Required(i)) {
      return Fail(ErrorCode::kInvalidInput, "input {} is required and left out", i);
    }
  }
  return CheckTypes(signature, types);
}

}  // namespace moire
