// OnnxValue: what a graph input or output may be in ONNX: a dense tensor, or a sequence or an
// optional of such. Cases hold dense tensors alone; values serve data in the backend-test layout.
#ifndef MOIRE_HARNESS_CASE_VALUE_H_
#define MOIRE_HARNESS_CASE_VALUE_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "harness/case/error.h"
#include "harness/case/tensor.h"

namespace moire {

enum class OnnxKind : uint8_t { kTensor, kSequence, kOptional, kMap };
constexpr std::string_view Name(OnnxKind kind) {
  constexpr std::string_view kNames[] = {"tensor", "sequence", "optional", "map"};
  return kNames[static_cast<size_t>(kind)];
}

struct OnnxValue {
  OnnxKind kind = OnnxKind::kTensor;
  Tensor tensor;                 // kTensor
  std::vector<OnnxValue> parts;  // kSequence: its elements; kOptional: one or none
};

struct NamedOnnxValue {
  std::string name;
  OnnxValue value;
};

// A serialised TensorProto, SequenceProto or OptionalProto, as `type`, a serialised onnx.TypeProto
// (ValueType::opaque), says. kUnsupported for maps and sparse tensors.
Result<OnnxValue> ParseValue(std::string_view serialized, std::string_view type);

}  // namespace moire

#endif  // MOIRE_HARNESS_CASE_VALUE_H_
