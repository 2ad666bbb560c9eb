#include "harness/case/onnx_external.h"

#include <filesystem>
#include <fstream>
#include <limits>

#include "harness/case/case.h"
#include "harness/case/onnx_proto.h"

namespace moire {
namespace {

constexpr int kDeepest = 32;  // subgraphs inside subgraphs
// Of a serialised message, whose sizes protobuf counts in int.
constexpr uint64_t kMostBytes = std::numeric_limits<int>::max();

struct Section {
  std::string location;
  uint64_t offset = 0;
  int64_t length = -1;  // -1: to the end of the file
};

Result<uint64_t> ParseNumber(const std::string& text) {
  uint64_t value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9' || value > (std::numeric_limits<uint64_t>::max() - 9) / 10) {
      return Fail(ErrorCode::kInvalidInput, "external data: '{}' is not a number", text);
    }
    value = value * 10 + static_cast<uint64_t>(c - '0');
  }
  return value;
}

Result<Section> ReadSection(const onnx::TensorProto& tensor) {
  Section section;
  for (const auto& entry : tensor.external_data()) {
    if (entry.key() == "location") {
      section.location = entry.value();
    } else if (entry.key() == "offset") {
      MOIRE_ASSIGN(section.offset, ParseNumber(entry.value()));
    } else if (entry.key() == "length") {
      MOIRE_ASSIGN(const uint64_t length, ParseNumber(entry.value()));
      section.length = static_cast<int64_t>(length & std::numeric_limits<int64_t>::max());
    }
  }
  const std::filesystem::path path(section.location);
  if (path.empty() || path.is_absolute()) {
    return Fail(ErrorCode::kInvalidInput,
                "external data '{}': not a path inside the model's directory", section.location);
  }
  for (const auto& part : path) {
    if (part == "..") {
      return Fail(ErrorCode::kInvalidInput, "external data '{}': leaves the model's directory",
                  section.location);
    }
  }
  return section;
}

bool HasExternal(const onnx::TensorProto& tensor) {
  return tensor.data_location() == onnx::TensorProto::EXTERNAL;
}

// What the tensor's shape says that it takes.
Result<uint64_t> WantedBytes(const onnx::TensorProto& tensor) {
  const auto type = static_cast<DataType>(tensor.data_type());
  const Shape shape(tensor.dims().begin(), tensor.dims().end());
  const auto count = CheckedCount(shape);
  if (!count || Traits(type).bits == 0 ||
      *count > std::numeric_limits<int64_t>::max() / Traits(type).bits) {
    return Fail(ErrorCode::kInvalidInput, "tensor '{}' claims shape {}", tensor.name(),
                ToString(shape));
  }
  return ByteSize(type, *count);
}

Status BringIn(onnx::TensorProto& tensor, const std::filesystem::path& directory) {
  if (!HasExternal(tensor)) return {};
  MOIRE_ASSIGN(const Section section, ReadSection(tensor));
  MOIRE_ASSIGN(const uint64_t wanted, WantedBytes(tensor));
  const Shape shape(tensor.dims().begin(), tensor.dims().end());
  const std::filesystem::path path = directory / section.location;
  std::error_code failed;
  const uint64_t size = std::filesystem::file_size(path, failed);
  if (failed) {
    return Fail(ErrorCode::kNotFound, "external data of tensor '{}': cannot read {}", tensor.name(),
                path.string());
  }
  if (section.offset > size || wanted > size - section.offset ||
      (section.length >= 0 && static_cast<uint64_t>(section.length) != wanted)) {
    return Fail(ErrorCode::kInvalidInput,
                "tensor '{}' of shape {} needs {} bytes at offset {} of {}, which has {}",
                tensor.name(), ToString(shape), wanted, section.offset, path.string(), size);
  }
  std::ifstream file(path, std::ios::binary);
  file.seekg(static_cast<std::streamoff>(section.offset));
  std::string& bytes = *tensor.mutable_raw_data();
  bytes.resize(wanted);
  if (!file.read(bytes.data(), static_cast<std::streamsize>(wanted))) {
    return Fail(ErrorCode::kEnvironment, "cannot read {}", path.string());
  }
  tensor.clear_external_data();
  tensor.clear_data_location();
  return {};
}

// Applies `visit` to every tensor of a graph; stops at the first error.
template <typename Visit>
Status ForEachTensor(onnx::GraphProto& graph, int depth, const Visit& visit) {
  if (depth > kDeepest) return Fail(ErrorCode::kInvalidInput, "subgraphs are nested too deeply");
  for (auto& tensor : *graph.mutable_initializer()) MOIRE_TRY(visit(tensor));
  for (auto& node : *graph.mutable_node()) {
    for (auto& attribute : *node.mutable_attribute()) {
      if (attribute.has_t()) MOIRE_TRY(visit(*attribute.mutable_t()));
      for (auto& tensor : *attribute.mutable_tensors()) MOIRE_TRY(visit(tensor));
      if (attribute.has_g()) MOIRE_TRY(ForEachTensor(*attribute.mutable_g(), depth + 1, visit));
      for (auto& inner : *attribute.mutable_graphs()) {
        MOIRE_TRY(ForEachTensor(inner, depth + 1, visit));
      }
    }
  }
  return {};
}

}  // namespace

Result<std::string> LoadModelFile(const std::string& path) {
  MOIRE_ASSIGN(std::string bytes, ReadFile(path));
  onnx::ModelProto model;
  if (bytes.size() > static_cast<size_t>(std::numeric_limits<int>::max()) ||
      !model.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) || !model.has_graph()) {
    return Fail(ErrorCode::kInvalidInput, "{}: not an ONNX model", path);
  }
  bool external = false;
  uint64_t total = bytes.size();
  Status status =
      ForEachTensor(*model.mutable_graph(), 0, [&](const onnx::TensorProto& tensor) -> Status {
        if (!HasExternal(tensor)) return {};
        external = true;
        MOIRE_ASSIGN(const uint64_t wanted, WantedBytes(tensor));
        if (wanted > kMostBytes || (total += wanted) > kMostBytes) {
          return Fail(ErrorCode::kOverBudget,
                      "with its external data the model has more than {} bytes, which no ONNX "
                      "model can have inside",
                      kMostBytes);
        }
        return {};
      });
  if (!status) return std::unexpected(std::move(status).error().With(path));
  if (!external) return bytes;
  bytes = {};
  const std::filesystem::path directory = std::filesystem::path(path).parent_path();
  status = ForEachTensor(*model.mutable_graph(), 0,
                         [&](onnx::TensorProto& tensor) { return BringIn(tensor, directory); });
  if (!status) return std::unexpected(std::move(status).error().With(path));
  return model.SerializeAsString();
}

}  // namespace moire
