#include "harness/case/case.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "harness/case/case.pb.h"
#include "harness/case/random.h"
#include "harness/case/value.h"

namespace moire {
namespace {

Result<Tensor> FromProto(const proto::Tensor& source, const CaseLimits& limits) {
  const auto type = static_cast<DataType>(source.type());
  if (Traits(type).type == DataType::kUndefined) {
    return Fail(ErrorCode::kInvalidInput, "input '{}' has element type {}, which ONNX lacks",
                source.name(), source.type());
  }
  Shape shape(source.dims().begin(), source.dims().end());
  const auto count = CheckedCount(shape);
  if (!count || *count > limits.max_elements) {
    return Fail(ErrorCode::kInvalidInput, "input '{}' claims shape {}, the limit is {} elements",
                source.name(), ToString(shape), limits.max_elements);
  }
  const bool is_string = type == DataType::kString;
  const auto strings = static_cast<int64_t>(source.strings_size());
  if (is_string ? strings != *count : source.data().size() != ByteSize(type, *count)) {
    return Fail(ErrorCode::kInvalidInput, "input '{}' of shape {} carries {} {}, expected {}",
                source.name(), ToString(shape), is_string ? strings : int64_t(source.data().size()),
                is_string ? "strings" : "bytes",
                is_string ? *count : int64_t(ByteSize(type, *count)));
  }
  Tensor out{type, std::move(shape), {}, {}};
  out.data.assign(source.data().begin(), source.data().end());
  out.strings.assign(source.strings().begin(), source.strings().end());
  return out;
}

Result<NamedTensor> InputFromProto(const proto::Tensor& source, const CaseLimits& limits) {
  NamedTensor out{source.name(), {}};
  MOIRE_ASSIGN(out.tensor, FromProto(source, limits));
  if (source.has_keys()) {
    MOIRE_ASSIGN(out.keys, FromProto(source.keys(), limits));
    MOIRE_TRY(CheckMap(out));
  }
  return out;
}

void ToProto(const Tensor& tensor, proto::Tensor& target) {
  target.set_type(static_cast<int32_t>(tensor.type));
  for (const int64_t dim : tensor.shape) target.add_dims(dim);
  target.set_data(tensor.data.data(), tensor.data.size());
  for (const std::string& text : tensor.strings) target.add_strings(text);
}

template <typename Inputs>
Result<InputSet> ParseInputs(const Inputs& source, const CaseLimits& limits) {
  InputSet out;
  for (const proto::Tensor& input : source) {
    MOIRE_ASSIGN(NamedTensor tensor, InputFromProto(input, limits));
    out.push_back(std::move(tensor));
  }
  return out;
}

template <typename Target>
void AddInputs(const InputSet& inputs, Target& out) {
  for (const NamedTensor& input : inputs) {
    proto::Tensor& target = *out.add_inputs();
    target.set_name(input.name);
    ToProto(input.tensor, target);
    if (input.IsMap()) ToProto(input.keys, *target.mutable_keys());
  }
}

}  // namespace

Case CaseOfRun(const Case& test_case, size_t run) {
  Case out = test_case;
  out.options.more_runs.clear();
  if (run > 0) out.inputs = test_case.options.more_runs.at(run - 1);
  return out;
}

Result<Case> ParseCase(std::string_view bytes, const CaseLimits& limits) {
  if (bytes.size() > limits.max_bytes) {
    return Fail(ErrorCode::kInvalidInput, "a case of {} bytes, the limit is {}", bytes.size(),
                limits.max_bytes);
  }
  proto::Case source;
  if (!source.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) ||
      source.format() != 1) {
    return Fail(ErrorCode::kInvalidInput, "not a Moire case (format 1)");
  }
  Case out;
  out.model = std::move(*source.mutable_model());
  MOIRE_ASSIGN(out.inputs, ParseInputs(source.inputs(), limits));
  const auto runs = static_cast<size_t>(source.options().more_runs_size());
  if (runs > limits.max_runs) {
    return Fail(ErrorCode::kInvalidInput, "a case of {} further runs, the limit is {}", runs,
                limits.max_runs);
  }
  for (const proto::InputSet& set : source.options().more_runs()) {
    MOIRE_ASSIGN(InputSet inputs, ParseInputs(set.inputs(), limits));
    out.options.more_runs.push_back(std::move(inputs));
  }
  out.options.intra_op_threads = source.options().intra_op_threads();
  out.options.parallel_execution = source.options().parallel_execution();
  out.options.external_data_bytes = std::max<int64_t>(0, source.options().external_data_bytes());
  out.options.disabled_optimizers.assign(source.options().disabled_optimizers().begin(),
                                         source.options().disabled_optimizers().end());
  return out;
}

std::string SerializeCase(const Case& test_case) {
  proto::Case out;
  out.set_format(1);
  out.set_model(test_case.model);
  AddInputs(test_case.inputs, out);
  if (!(test_case.options == RunOptions{})) {
    proto::RunOptions& options = *out.mutable_options();
    options.set_intra_op_threads(test_case.options.intra_op_threads);
    options.set_parallel_execution(test_case.options.parallel_execution);
    for (const std::string& name : test_case.options.disabled_optimizers) {
      options.add_disabled_optimizers(name);
    }
    options.set_external_data_bytes(test_case.options.external_data_bytes);
    for (const InputSet& set : test_case.options.more_runs)
      AddInputs(set, *options.add_more_runs());
  }
  return out.SerializeAsString();
}

std::string CaseKey(std::string_view serialized) {
  return fmt::format("{:016x}", HashBytes(serialized.data(), serialized.size()));
}

Result<std::string> ReadFile(const std::string& path, size_t max_bytes) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    return Fail(errno == ENOENT ? ErrorCode::kNotFound : ErrorCode::kInvalidInput,
                "cannot read '{}': {}", path, std::strerror(errno));
  }
  struct stat info{};
  std::string bytes;
  if (fstat(fd, &info) == 0 && S_ISDIR(info.st_mode)) {
    close(fd);
    return Fail(ErrorCode::kInvalidInput, "'{}' is a directory, expected a file", path);
  }
  if (static_cast<size_t>(info.st_size) > max_bytes) {
    close(fd);
    return Fail(ErrorCode::kInvalidInput, "'{}' has {} bytes, the limit is {}", path, info.st_size,
                max_bytes);
  }
  bytes.resize(static_cast<size_t>(info.st_size));
  size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t got = read(fd, bytes.data() + done, bytes.size() - done);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    done += static_cast<size_t>(got);
  }
  close(fd);
  bytes.resize(done);
  return bytes;
}

Status WriteFile(const std::string& path, std::string_view bytes) {
  const std::string temporary = fmt::format("{}.{}.tmp", path, getpid());
  const int fd = open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  const auto fail = [&](int error) -> Status {
    unlink(temporary.c_str());
    return Fail(ErrorCode::kEnvironment, "cannot write '{}': {}", path, std::strerror(error));
  };
  if (fd < 0) return fail(errno);
  size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t put = write(fd, bytes.data() + done, bytes.size() - done);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) {
      const int error = errno;
      close(fd);
      return fail(error);
    }
    done += static_cast<size_t>(put);
  }
  if (close(fd) != 0) return fail(errno);
  if (rename(temporary.c_str(), path.c_str()) != 0) return fail(errno);
  return {};
}

}  // namespace moire
