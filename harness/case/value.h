// OnnxValue: what a graph input or output may be in ONNX: a dense tensor, a sequence or an optional
// of such, or a map. Cases hold dense tensors and maps; values serve data in the backend-test
// layout.
#ifndef MOIRE_HARNESS_CASE_VALUE_H_
#define MOIRE_HARNESS_CASE_VALUE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "harness/case/error.h"
#include "harness/case/model.h"
#include "harness/case/tensor.h"

namespace moire {

enum class OnnxKind : uint8_t { kTensor, kSequence, kOptional, kMap };
constexpr std::string_view Name(OnnxKind kind) {
  constexpr std::string_view kNames[] = {"tensor", "sequence", "optional", "map"};
  return kNames[static_cast<size_t>(kind)];
}

struct OnnxValue {
  OnnxKind kind = OnnxKind::kTensor;
  Tensor tensor;  // kTensor
  // kSequence: its elements; kOptional: one or none; kMap: the tensor of its keys and the tensor of
  // its values, both 1-D and of one length.
  std::vector<OnnxValue> parts;
};

struct NamedOnnxValue {
  std::string name;
  OnnxValue value;
};

// A serialised TensorProto, SequenceProto, OptionalProto or MapProto, as `type`, a serialised
// onnx.TypeProto (ValueType::opaque), says. kUnsupported for sparse tensors and for maps to
// anything but one element a key.
Result<OnnxValue> ParseValue(std::string_view serialized, std::string_view type);

// Of a map to one element a key.
struct MapType {
  DataType key = DataType::kUndefined;    // an integer type or string
  DataType value = DataType::kUndefined;  // the element type of what the keys lead to
  bool operator==(const MapType&) const = default;
};
// Of a serialised onnx.TypeProto (ValueType::opaque); nullopt where it is anything else.
std::optional<MapType> ParseMapType(std::string_view type);

// A map input of a case from and to the bytes of an onnx.MapProto, whose values are one scalar a
// key, as onnx.numpy_helper writes them. ParseMap: kInvalidInput for bytes that are none, types
// other than `type`, and what CheckMap refuses.
Result<NamedTensor> ParseMap(std::string_view serialized, const MapType& type);
std::string SerializeMap(const NamedTensor& map);
// Keys of int64 or string, one a value, none twice. kInvalidInput otherwise.
Status CheckMap(const NamedTensor& map);
// What a graph declares of an input that is fed so: a tensor of its shape, or a map.
ValueType TypeOf(const NamedTensor& input);

}  // namespace moire

#endif  // MOIRE_HARNESS_CASE_VALUE_H_
