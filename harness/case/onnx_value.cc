// SequenceProto and OptionalProto as OnnxValue. One of the files that know onnx's protobuf
// messages.
#include <onnx/onnx-data.pb.h>

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
  return Fail(ErrorCode::kUnsupported, "a map or a sparse tensor");
}

}  // namespace moire
