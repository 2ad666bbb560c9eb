// onnx.TensorProto <-> Tensor: the typed fields and raw_data, with sizes checked first.
#include <cstring>

#include "harness/case/onnx_adapter.h"
#include "harness/case/onnx_proto.h"

namespace moire {
namespace {

// 2^31 bytes is protobuf's own limit, so no tensor inside a model can be larger.
constexpr int64_t kMaxElements = int64_t{1} << 31;

// Elements of a typed field, written as `count` storage units of `Unit` each.
template <typename Unit, typename Field>
Status CopyField(const Field& field, int64_t count, const std::string& name, Tensor& out) {
  const int64_t have = static_cast<int64_t>(field.size());
  if (have != count) {
    return Fail(ErrorCode::kInvalidInput, "tensor '{}' of shape {} carries {} values, expected {}",
                name, ToString(out.shape), have, count);
  }
  out.data.resize(static_cast<size_t>(count) * sizeof(Unit));
  auto* target = reinterpret_cast<Unit*>(out.data.data());
  for (int i = 0; i < field.size(); ++i) target[i] = static_cast<Unit>(field.Get(i));
  return {};
}

Status CopyTyped(const onnx::TensorProto& source, int64_t count, Tensor& out) {
  const std::string& name = source.name();
  switch (out.type) {
    case DataType::kFloat: return CopyField<float>(source.float_data(), count, name, out);
    case DataType::kComplex64: return CopyField<float>(source.float_data(), 2 * count, name, out);
    case DataType::kDouble: return CopyField<double>(source.double_data(), count, name, out);
    case DataType::kComplex128:
      return CopyField<double>(source.double_data(), 2 * count, name, out);
    case DataType::kInt64: return CopyField<int64_t>(source.int64_data(), count, name, out);
    case DataType::kUint64: return CopyField<uint64_t>(source.uint64_data(), count, name, out);
    case DataType::kUint32: return CopyField<uint32_t>(source.uint64_data(), count, name, out);
    case DataType::kInt32: return CopyField<int32_t>(source.int32_data(), count, name, out);
    default: break;
  }
  // int32_data holds one byte-or-less or 16-bit unit an entry; packed types one byte an entry.
  if (Traits(out.type).bits == 16) {
    return CopyField<uint16_t>(source.int32_data(), count, name, out);
  }
  const auto units = static_cast<int64_t>(ByteSize(out.type, count));
  return CopyField<uint8_t>(source.int32_data(), units, name, out);
}

}  // namespace

Result<NamedTensor> TensorFromProto(const onnx::TensorProto& source) {
  NamedTensor out{source.name(), {}};
  Tensor& tensor = out.tensor;
  tensor.type = static_cast<DataType>(source.data_type());
  if (Traits(tensor.type).type == DataType::kUndefined) {
    return Fail(ErrorCode::kInvalidInput, "tensor '{}' has element type {}, which ONNX lacks",
                source.name(), source.data_type());
  }
  if (source.data_location() == onnx::TensorProto::EXTERNAL || source.external_data_size() > 0) {
    return Fail(ErrorCode::kInvalidInput,
                "tensor '{}' keeps its data in another file; load the model from its own file",
                source.name());
  }
  if (source.has_segment()) {
    return Fail(ErrorCode::kUnsupported, "tensor '{}' is stored in segments", source.name());
  }
  tensor.shape.assign(source.dims().begin(), source.dims().end());
  const auto count = CheckedCount(tensor.shape);
  if (!count || *count > kMaxElements) {
    return Fail(ErrorCode::kInvalidInput, "tensor '{}' claims shape {}, more than a model can hold",
                source.name(), ToString(tensor.shape));
  }
  if (tensor.type == DataType::kString) {
    if (source.string_data_size() != *count) {
      return Fail(ErrorCode::kInvalidInput, "tensor '{}' of shape {} carries {} strings",
                  source.name(), ToString(tensor.shape), source.string_data_size());
    }
    tensor.strings.assign(source.string_data().begin(), source.string_data().end());
  } else if (source.has_raw_data()) {
    const std::string& raw = source.raw_data();
    if (raw.size() != ByteSize(tensor.type, *count)) {
      return Fail(ErrorCode::kInvalidInput, "tensor '{}' of shape {} carries {} bytes, expected {}",
                  source.name(), ToString(tensor.shape), raw.size(), ByteSize(tensor.type, *count));
    }
    tensor.data.assign(raw.begin(), raw.end());
  } else {
    MOIRE_TRY(CopyTyped(source, *count, tensor));
  }
  return out;
}

void TensorToProto(const NamedTensor& source, onnx::TensorProto& target) {
  const Tensor& tensor = source.tensor;
  if (!source.name.empty()) target.set_name(source.name);
  target.set_data_type(static_cast<int32_t>(tensor.type));
  target.mutable_dims()->Add(tensor.shape.begin(), tensor.shape.end());
  if (tensor.type == DataType::kString) {
    for (const std::string& text : tensor.strings) target.add_string_data(text);
  } else {
    target.set_raw_data(tensor.data.data(), tensor.data.size());
  }
}

Result<NamedTensor> ParseTensor(std::string_view serialized) {
  onnx::TensorProto proto;
  if (!proto.ParseFromArray(serialized.data(), static_cast<int>(serialized.size()))) {
    return Fail(ErrorCode::kInvalidInput, "not a serialised onnx.TensorProto");
  }
  return TensorFromProto(proto);
}

std::string SerializeTensor(const NamedTensor& tensor) {
  onnx::TensorProto proto;
  TensorToProto(tensor, proto);
  return proto.SerializeAsString();
}

}  // namespace moire
