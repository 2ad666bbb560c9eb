// SequenceProto, OptionalProto and MapProto as OnnxValue, and maps as inputs of cases. One of the
// files that know onnx's protobuf messages.
#include <onnx/onnx-data.pb.h>

#include <algorithm>

#include "harness/case/model.h"
#include "harness/case/onnx_proto.h"
#include "harness/case/value.h"

namespace moire {
namespace {

Result<OnnxValue> Convert(const onnx::TensorProto& source) {
  MOIRE_ASSIGN(NamedTensor tensor, TensorFromProto(source));
  OnnxValue out;
  out.tensor = std::move(tensor.tensor);
  return out;
}

Result<OnnxValue> Convert(const onnx::SequenceProto& source) {
  OnnxValue out;
  out.kind = OnnxKind::kSequence;
  if (source.tensor_values_size() == 0 &&
      source.elem_type() != onnx::SequenceProto_DataType_UNDEFINED &&
      source.elem_type() != onnx::SequenceProto_DataType_TENSOR) {
    return Fail(ErrorCode::kUnsupported, "a sequence of values that are no dense tensors");
  }
  for (const onnx::TensorProto& tensor : source.tensor_values()) {
    MOIRE_ASSIGN(OnnxValue part, Convert(tensor));
    out.parts.push_back(std::move(part));
  }
  return out;
}

Result<OnnxValue> Convert(const onnx::OptionalProto& source) {
  OnnxValue out;
  out.kind = OnnxKind::kOptional;
  if (source.has_tensor_value()) {
    MOIRE_ASSIGN(OnnxValue part, Convert(source.tensor_value()));
    out.parts.push_back(std::move(part));
  } else if (source.has_sequence_value()) {
    MOIRE_ASSIGN(OnnxValue part, Convert(source.sequence_value()));
    out.parts.push_back(std::move(part));
  } else if (source.elem_type() != onnx::OptionalProto_DataType_UNDEFINED) {
    return Fail(ErrorCode::kUnsupported, "an optional of neither a tensor nor a sequence");
  }
  return out;
}

// Keys in their own field by type: int64, or strings. A runtime's map is of one of these.
Result<Tensor> KeysOf(const onnx::MapProto& source) {
  const bool text = source.key_type() == onnx::TensorProto::STRING;
  if (!text && source.key_type() != onnx::TensorProto::INT64) {
    return Fail(ErrorCode::kUnsupported, "a map with keys of {}",
                Name(static_cast<DataType>(source.key_type())));
  }
  if (text) {
    Tensor out = MakeTensor(DataType::kString, {source.string_keys_size()});
    out.strings.assign(source.string_keys().begin(), source.string_keys().end());
    return out;
  }
  return Int64Tensor(Ints(source.keys().begin(), source.keys().end()));
}

Result<NamedTensor> Convert(const onnx::MapProto& source, const MapType& type) {
  NamedTensor out{source.name(), {}};
  MOIRE_ASSIGN(out.keys, KeysOf(source));
  out.tensor = MakeTensor(type.value, {source.values().tensor_values_size()});
  int64_t i = 0;
  for (const onnx::TensorProto& value : source.values().tensor_values()) {
    MOIRE_ASSIGN(const NamedTensor element, TensorFromProto(value));
    if (element.tensor.size() != 1 || element.tensor.type != type.value) {
      return Fail(ErrorCode::kInvalidInput, "a map to {} holds {} {}", Name(type.value),
                  element.tensor.size(), Name(element.tensor.type));
    }
    CopyElement(element.tensor, 0, out.tensor, i++);
  }
  if (out.keys.type != type.key) {
    return Fail(ErrorCode::kInvalidInput, "a map with keys of {}, declared with {}",
                Name(out.keys.type), Name(type.key));
  }
  MOIRE_TRY(CheckMap(out));
  return out;
}

std::optional<MapType> MapTypeOf(const onnx::TypeProto& type) {
  if (!type.has_map_type() || !type.map_type().value_type().has_tensor_type()) return std::nullopt;
  const onnx::TypeProto::Tensor& value = type.map_type().value_type().tensor_type();
  const MapType out{static_cast<DataType>(type.map_type().key_type()),
                    static_cast<DataType>(value.elem_type())};
  // Not packed: elements are copied one by one.
  const bool whole = Traits(out.value).bits % 8 == 0 || out.value == DataType::kString;
  const bool scalar = !value.has_shape() || value.shape().dim_size() == 0;
  if (Traits(out.value).type == DataType::kUndefined || !whole || !scalar) return std::nullopt;
  return out;
}

template <typename Proto>
Result<OnnxValue> Parse(std::string_view serialized, const char* what) {
  Proto proto;
  if (!proto.ParseFromArray(serialized.data(), static_cast<int>(serialized.size()))) {
    return Fail(ErrorCode::kInvalidInput, "not a serialised onnx.{}", what);
  }
  return Convert(proto);
}

}  // namespace

Result<OnnxValue> ParseValue(std::string_view serialized, std::string_view type) {
  onnx::TypeProto declared;
  if (!declared.ParseFromArray(type.data(), static_cast<int>(type.size()))) {
    return Fail(ErrorCode::kInvalidInput, "not a serialised onnx.TypeProto");
  }
  if (declared.has_tensor_type()) return Parse<onnx::TensorProto>(serialized, "TensorProto");
  if (declared.has_sequence_type()) return Parse<onnx::SequenceProto>(serialized, "SequenceProto");
  if (declared.has_optional_type()) return Parse<onnx::OptionalProto>(serialized, "OptionalProto");
  if (const std::optional<MapType> map = MapTypeOf(declared)) {
    MOIRE_ASSIGN(NamedTensor parsed, ParseMap(serialized, *map));
    OnnxValue out;
    out.kind = OnnxKind::kMap;
    out.parts.push_back({.tensor = std::move(parsed.keys), .parts = {}});
    out.parts.push_back({.tensor = std::move(parsed.tensor), .parts = {}});
    return out;
  }
  return Fail(ErrorCode::kUnsupported, "a map to no elements, or a sparse tensor");
}

std::optional<MapType> ParseMapType(std::string_view type) {
  onnx::TypeProto declared;
  if (type.empty() || !declared.ParseFromArray(type.data(), static_cast<int>(type.size()))) {
    return std::nullopt;
  }
  return MapTypeOf(declared);
}

Result<NamedTensor> ParseMap(std::string_view serialized, const MapType& type) {
  onnx::MapProto proto;
  if (!proto.ParseFromArray(serialized.data(), static_cast<int>(serialized.size()))) {
    return Fail(ErrorCode::kInvalidInput, "not a serialised onnx.MapProto");
  }
  return Convert(proto, type);
}

std::string SerializeMap(const NamedTensor& map) {
  onnx::MapProto out;
  out.set_name(map.name);
  out.set_key_type(static_cast<int32_t>(map.keys.type));
  if (map.keys.type == DataType::kInt64) {
    for (const int64_t key : map.keys.As<int64_t>()) out.add_keys(key);
  }
  for (const std::string& key : map.keys.strings) out.add_string_keys(key);
  out.mutable_values()->set_elem_type(onnx::SequenceProto_DataType_TENSOR);
  for (int64_t i = 0; i < map.tensor.size(); ++i) {
    Tensor element = MakeTensor(map.tensor.type, {});
    CopyElement(map.tensor, i, element, 0);
    TensorToProto({"", std::move(element)}, *out.mutable_values()->add_tensor_values());
  }
  return out.SerializeAsString();
}

ValueType TypeOf(const NamedTensor& input) {
  if (!input.IsMap()) return TensorType(input.tensor.type, input.tensor.shape);
  onnx::TypeProto type;
  onnx::TypeProto::Map& map = *type.mutable_map_type();
  map.set_key_type(static_cast<int32_t>(input.keys.type));
  map.mutable_value_type()->mutable_tensor_type()->set_elem_type(
      static_cast<int32_t>(input.tensor.type));
  return ValueTypeFromProto(type);
}

Status CheckMap(const NamedTensor& map) {
  const bool text = map.keys.type == DataType::kString;
  if ((!text && map.keys.type != DataType::kInt64) || map.keys.shape.size() != 1 ||
      map.keys.shape != map.tensor.shape || Traits(map.tensor.type).bits % 8 != 0) {
    return Fail(ErrorCode::kInvalidInput, "map '{}' of {} {} to {} {}", map.name,
                Name(map.keys.type), ToString(map.keys.shape), Name(map.tensor.type),
                ToString(map.tensor.shape));
  }
  const auto twice = [](auto list) {
    std::ranges::sort(list);
    return std::ranges::adjacent_find(list) != list.end();
  };
  const auto keys = map.keys.As<int64_t>();
  if (text ? twice(map.keys.strings) : twice(Ints(keys.begin(), keys.end()))) {
    return Fail(ErrorCode::kInvalidInput, "map '{}' has a key twice", map.name);
  }
  return {};
}

}  // namespace moire
