// Value: what a graph input or output may be in ONNX: a dense tensor, or a sequence or an optional
// of such. Cases hold dense tensors alone; values serve data in the backend-test layout.
#ifndef MOIRE_HARNESS_CASE_VALUE_H_
#define MOIRE_HARNESS_CASE_VALUE_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "harness/case/error.h"
#include "harness/case/tensor.h"

namespace moire {

enum class ValueKind : uint8_t { kTensor, kSequence, kOptional, kMap };
constexpr std::string_view Name(ValueKind kind) {
  constexpr std::string_view kNames[] = {"tensor", "sequence", "optional", "map"};
  return kNames[static_cast<size_t>(kind)];
}

struct Value {
  ValueKind kind = ValueKind::kTensor;
  Tensor tensor;             // kTensor
  std::vector<Value> parts;  // kSequence: its elements; kOptional: one or none
};

struct NamedValue {
  std::string name;
  Value value;
};

// A serialised TensorProto, SequenceProto or OptionalProto, as `type`, a serialised onnx.TypeProto
// (ValueType::opaque), says. kUnsupported for maps and sparse tensors.
Result<Value> ParseValue(std::string_view serialized, std::string_view type);

}  // namespace moire

#endif  // MOIRE_HARNESS_CASE_VALUE_H_
