#include "harness/backends/ort/ort_values.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <vector>

namespace moire {
namespace {

// ONNX and ONNX Runtime number the types alike up to float4e2m1. The headers of 1.21 end at int4;
// the numbers from 23 on are those that 1.24.4, 1.28.0 and 1.32.0 report for an input of the type.
constexpr int kLastShared = 23;
struct OwnNumber {
  DataType type;
  int ort;
};
constexpr std::array<OwnNumber, 3> kOwnNumbers = {
    {{DataType::kUint2, 24}, {DataType::kInt2, 25}, {DataType::kFloat8E8M0, 26}}};

// What a binding of no elements points to: some kernels dislike null.
alignas(64) uint8_t no_elements[64];

OrtFailure BindStrings(const OrtLibrary& library, const Tensor& tensor, OrtValue** value) {
  const OrtApi& api = library.api();
  if (auto failure = library.Take(
          api.CreateTensorAsOrtValue(library.allocator(), tensor.shape.data(), tensor.shape.size(),
                                     ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING, value))) {
    return failure;
  }
  for (size_t i = 0; i < tensor.strings.size(); ++i) {
    // Not FillStringTensor: it would end a string at its first zero byte.
    const std::string& text = tensor.strings[i];
    char* buffer = nullptr;
    if (auto failure = library.Take(
            api.GetResizedStringTensorElementBuffer(*value, i, text.size(), &buffer))) {
      api.ReleaseValue(*value);
      *value = nullptr;
      return failure;
    }
    std::memcpy(buffer, text.data(), text.size());
  }
  return {};
}

OrtFailure FetchStrings(const OrtLibrary& library, const OrtValue* value, size_t count,
                        Tensor& tensor) {
  const OrtApi& api = library.api();
  size_t bytes = 0;
  if (auto failure = library.Take(api.GetStringTensorDataLength(value, &bytes))) return failure;
  std::string all(bytes, '\0');
  std::vector<size_t> begins(count + 1, bytes);
  if (auto failure = library.Take(
          api.GetStringTensorContent(value, all.data(), bytes, begins.data(), count))) {
    return failure;
  }
  tensor.strings.reserve(count);
  for (size_t i = 0; i < count; ++i) {
    tensor.strings.push_back(all.substr(begins[i], begins[i + 1] - begins[i]));
  }
  return {};
}

}  // namespace

ONNXTensorElementDataType ToOrt(DataType type) {
  const int number = static_cast<int>(type);
  if (number <= kLastShared) return static_cast<ONNXTensorElementDataType>(number);
  const auto own = std::ranges::find(kOwnNumbers, type, &OwnNumber::type);
  return own == kOwnNumbers.end() ? ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED
                                  : static_cast<ONNXTensorElementDataType>(own->ort);
}

DataType FromOrt(ONNXTensorElementDataType type) {
  const int number = static_cast<int>(type);
  if (number >= 0 && number <= kLastShared) return static_cast<DataType>(number);
  const auto own = std::ranges::find(kOwnNumbers, number, &OwnNumber::ort);
  return own == kOwnNumbers.end() ? DataType::kUndefined : own->type;
}

OrtFailure BindTensor(const OrtLibrary& library, const Tensor& tensor, OrtValue** value) {
  *value = nullptr;
  if (tensor.type == DataType::kString) return BindStrings(library, tensor, value);
  const ONNXTensorElementDataType type = ToOrt(tensor.type);
  if (type == ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED) {
    return {ORT_NOT_IMPLEMENTED,
            fmt::format("ONNX Runtime has no element type {}", Name(tensor.type))};
  }
  // The API takes a mutable pointer for tensors that are outputs; an input is only read.
  void* data = tensor.data.empty() ? no_elements : const_cast<uint8_t*>(tensor.data.data());
  return library.Take(library.api().CreateTensorWithDataAsOrtValue(
      library.cpu_memory(), data, tensor.data.size(), tensor.shape.data(), tensor.shape.size(),
      type, value));
}

OrtFailure BindInput(const OrtLibrary& library, const NamedTensor& input, OrtValue** value) {
  if (!input.IsMap()) return BindTensor(library, input.tensor, value);
  *value = nullptr;
  const OrtApi& api = library.api();
  OrtValue* parts[2] = {};
  OrtFailure failure = BindTensor(library, input.keys, &parts[0]);
  if (!failure) failure = BindTensor(library, input.tensor, &parts[1]);
  if (!failure) failure = library.Take(api.CreateValue(parts, 2, ONNX_TYPE_MAP, value));
  for (OrtValue* part : parts) api.ReleaseValue(part);
  return failure;
}

OrtFailure FetchTensor(const OrtLibrary& library, const OrtValue* value, Tensor& tensor) {
  const OrtApi& api = library.api();
  tensor = Tensor();
  if (value == nullptr) return {};
  int has_value = 0;  // an optional may hold none
  if (auto failure = library.Take(api.HasValue(value, &has_value))) return failure;
  if (has_value == 0) return {};
  int is_tensor = 0;
  if (auto failure = library.Take(api.IsTensor(value, &is_tensor))) return failure;
  if (is_tensor == 0) return {};

  OrtTensorTypeAndShapeInfo* made = nullptr;
  if (auto failure = library.Take(api.GetTensorTypeAndShape(value, &made))) return failure;
  const OrtHandle<OrtTensorTypeAndShapeInfo> info(made, api.ReleaseTensorTypeAndShapeInfo);
  ONNXTensorElementDataType type = ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED;
  size_t rank = 0;
  if (auto failure = library.Take(api.GetTensorElementType(made, &type))) return failure;
  if (auto failure = library.Take(api.GetDimensionsCount(made, &rank))) return failure;
  Shape shape(rank);
  if (auto failure = library.Take(api.GetDimensions(made, shape.data(), rank))) return failure;
  const std::optional<int64_t> count = CheckedCount(shape);
  if (!count) {
    return {ORT_FAIL, "the runtime returned an output of an impossible shape: " + ToString(shape)};
  }
  const DataType element = FromOrt(type);
  if (element == DataType::kUndefined) return {};

  if (element == DataType::kString) {
    if (auto failure = FetchStrings(library, value, static_cast<size_t>(*count), tensor))
      return failure;
  } else {
    void* data = nullptr;
    // Reads only; the C API has no const form before 1.23.
    if (auto failure =
            library.Take(api.GetTensorMutableData(const_cast<OrtValue*>(value), &data))) {
      return failure;
    }
    const auto* bytes = static_cast<const uint8_t*>(data);
    if (*count > 0) tensor.data.assign(bytes, bytes + ByteSize(element, *count));
  }
  tensor.type = element;
  tensor.shape = std::move(shape);
  return {};
}

}  // namespace moire
