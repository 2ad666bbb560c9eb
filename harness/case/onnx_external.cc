#include "harness/case/onnx_external.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <limits>
#include <set>

#include "harness/case/case.h"
#include "harness/case/onnx_proto.h"

namespace moire {
namespace {

constexpr int kDeepest = 32;    // subgraphs inside subgraphs
constexpr size_t kPage = 4096;  // what ONNX advises offsets to be multiples of
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

bool Parse(std::string_view bytes, onnx::ModelProto& model) {
  return bytes.size() <= kMostBytes &&
         model.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) && model.has_graph();
}

// What goes out of a model, in the order of its graphs.
class Mover {
 public:
  Mover(int64_t least, std::string_view location)
      : least_(static_cast<size_t>(std::max<int64_t>(1, least))), location_(location) {}

  std::string Move(onnx::ModelProto& model) {
    for (const auto& function : model.functions()) functions_.insert(function.name());
    NoteReaders(model.graph(), 0);
    MoveFrom(*model.mutable_graph(), 0);
    return std::move(data_);
  }

 private:
  // By name alone, whatever graph it is of: to keep one more inside is no mistake.
  void NoteReaders(const onnx::GraphProto& graph, int depth) {
    static const std::set<std::string> kReaders = {"Range", "Resize", "Upsample", "OneHot"};
    if (depth > kDeepest) return;
    for (const auto& node : graph.node()) {
      if (kReaders.contains(node.op_type()) || functions_.contains(node.op_type())) {
        kept_.insert(node.input().begin(), node.input().end());
      }
      for (const auto& attribute : node.attribute()) {
        if (attribute.has_g()) NoteReaders(attribute.g(), depth + 1);
      }
    }
  }

  bool GoesOut(const onnx::TensorProto& tensor) const {
    const auto type = tensor.data_type();
    const bool is_index = type == onnx::TensorProto::INT64 || type == onnx::TensorProto::INT32;
    if (!tensor.has_raw_data() || tensor.raw_data().size() < least_ || HasExternal(tensor) ||
        (is_index && tensor.dims_size() <= 1) || kept_.contains(tensor.name())) {
      return false;
    }
    const Result<uint64_t> wanted = WantedBytes(tensor);
    return wanted && *wanted == tensor.raw_data().size();
  }

  void MoveFrom(onnx::GraphProto& graph, int depth) {
    if (depth > kDeepest) return;
    for (auto& tensor : *graph.mutable_initializer()) {
      if (GoesOut(tensor)) MoveOne(tensor);
    }
    for (auto& node : *graph.mutable_node()) {
      for (auto& attribute : *node.mutable_attribute()) {
        if (attribute.has_g()) MoveFrom(*attribute.mutable_g(), depth + 1);
      }
    }
  }

  void MoveOne(onnx::TensorProto& tensor) {
    if (moved_++ % 2 == 0) data_.resize((data_.size() + kPage - 1) / kPage * kPage);
    const auto add = [&](std::string_view key, std::string value) {
      auto& entry = *tensor.add_external_data();
      entry.set_key(std::string(key));
      entry.set_value(std::move(value));
    };
    add("location", location_);
    add("offset", std::to_string(data_.size()));
    add("length", std::to_string(tensor.raw_data().size()));
    data_ += tensor.raw_data();
    tensor.clear_raw_data();
    tensor.set_data_location(onnx::TensorProto::EXTERNAL);
  }

  const size_t least_;
  const std::string location_;
  std::set<std::string> functions_, kept_;
  size_t moved_ = 0;
  std::string data_;
};

}  // namespace

Result<ModelFile> LoadModelFile(const std::string& path) {
  ModelFile file;
  MOIRE_ASSIGN(file.model, ReadFile(path));
  onnx::ModelProto model;
  if (!Parse(file.model, model)) {
    return Fail(ErrorCode::kInvalidInput, "{}: not an ONNX model", path);
  }
  bool external = false;
  uint64_t total = file.model.size();
  Status status =
      ForEachTensor(*model.mutable_graph(), 0, [&](const onnx::TensorProto& tensor) -> Status {
        if (!HasExternal(tensor)) return {};
        external = true;
        MOIRE_ASSIGN(const uint64_t wanted, WantedBytes(tensor));
        const auto bytes = static_cast<int64_t>(std::clamp<uint64_t>(wanted, 1, kMostBytes));
        int64_t& smallest = file.external_data_bytes;
        smallest = smallest == 0 ? bytes : std::min(smallest, bytes);
        if (wanted > kMostBytes || (total += wanted) > kMostBytes) {
          return Fail(ErrorCode::kOverBudget,
                      "with its external data the model has more than {} bytes, which no ONNX "
                      "model can have inside",
                      kMostBytes);
        }
        return {};
      });
  if (!status) return std::unexpected(std::move(status).error().With(path));
  if (!external) return file;
  file.model = {};
  const std::filesystem::path directory = std::filesystem::path(path).parent_path();
  status = ForEachTensor(*model.mutable_graph(), 0,
                         [&](onnx::TensorProto& tensor) { return BringIn(tensor, directory); });
  if (!status) return std::unexpected(std::move(status).error().With(path));
  file.model = model.SerializeAsString();
  return file;
}

SplitModel MoveOut(std::string_view serialized, int64_t least, std::string_view location) {
  onnx::ModelProto model;
  if (!Parse(serialized, model)) return {std::string(serialized), {}};
  std::string data = Mover(least, location).Move(model);
  return {data.empty() ? std::string(serialized) : model.SerializeAsString(), std::move(data)};
}

Status WriteModelFile(const std::string& path, std::string_view serialized, int64_t least) {
  const std::string data_path = path + ".data";
  if (least > 0) {
    const std::string location = std::filesystem::path(data_path).filename().string();
    const SplitModel split = MoveOut(serialized, least, location);
    if (!split.data.empty()) {
      MOIRE_TRY(WriteFile(data_path, split.data));
      return WriteFile(path, split.model);
    }
  }
  MOIRE_TRY(WriteFile(path, serialized));
  std::error_code ignored;
  std::filesystem::remove(data_path, ignored);
  return {};
}

}  // namespace moire
