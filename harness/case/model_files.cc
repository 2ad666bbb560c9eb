#include "harness/case/model_files.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>
#include <vector>

#include "harness/case/onnx_external.h"

namespace moire {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPrefix = "moire-model-";
constexpr int kAttempts = 8;

std::vector<std::string> Parents() {
  std::error_code ignored;
  return {"/dev/shm", fs::temp_directory_path(ignored).string()};
}

// The directory, locked; -1 where another process holds it or it is gone. The kernel lets go of a
// lock when its process ends, however it ends.
int Lock(const std::string& directory) {
  const int fd = open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  struct stat info{};
  if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &info) == 0 && info.st_nlink > 0) {
    return fd;
  }
  if (fd >= 0) close(fd);
  return -1;
}

void Remove(const std::string& directory, int lock) {
  std::error_code ignored;
  fs::remove_all(directory, ignored);
  close(lock);
}

}  // namespace

void RemoveAbandonedModelFiles() {
  for (const std::string& parent : Parents()) {
    std::error_code failed;
    for (const auto& entry : fs::directory_iterator(parent, failed)) {
      if (!entry.path().filename().string().starts_with(kPrefix)) continue;
      if (const int lock = Lock(entry.path()); lock >= 0) Remove(entry.path(), lock);
    }
  }
}

Result<ModelFiles> ModelFiles::Make(const std::string& parent) {
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    std::string name = fmt::format("{}/{}XXXXXX", parent, kPrefix);
    if (mkdtemp(name.data()) == nullptr) break;
    // Whoever clears up may have been quicker.
    if (const int lock = Lock(name); lock >= 0) return ModelFiles(std::move(name), lock);
  }
  return Fail(ErrorCode::kEnvironment, "cannot make a directory in {}: {}", parent,
              std::strerror(errno));
}

Result<ModelFiles> ModelFiles::Write(std::string_view model, int64_t external_data_bytes) {
  [[maybe_unused]] static const bool cleared = (RemoveAbandonedModelFiles(), true);
  Error last;
  for (const std::string& parent : Parents()) {
    Result<ModelFiles> files = Make(parent);
    if (!files) {
      last = files.error();
      continue;
    }
    const Status written = WriteModelFile(files->path(), model, external_data_bytes);
    if (written) return files;
    last = written.error();
  }
  return std::unexpected(std::move(last));
}

ModelFiles::ModelFiles(ModelFiles&& other) noexcept
    : directory_(std::move(other.directory_)), lock_(std::exchange(other.lock_, -1)) {}

ModelFiles::~ModelFiles() {
  if (lock_ >= 0) Remove(directory_, lock_);
}

}  // namespace moire
