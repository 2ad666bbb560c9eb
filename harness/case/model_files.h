// A model in files of its own, for a runtime that loads it by path: the model and, beside it, the
// data of its initializers, under names that nobody's working directory has.
#ifndef MOIRE_HARNESS_CASE_MODEL_FILES_H_
#define MOIRE_HARNESS_CASE_MODEL_FILES_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "harness/case/error.h"

namespace moire {

// The files go with their owner. Those of an owner that died stay until
// RemoveAbandonedModelFiles(): whoever watches a process that may die calls it, and each process
// once before its first files.
class ModelFiles {
 public:
  // As WriteModelFile does: in memory (/dev/shm) where there is room, else in the temporary
  // directory. Errors: kEnvironment, where neither takes them.
  static Result<ModelFiles> Write(std::string_view model, int64_t external_data_bytes);
  ModelFiles(ModelFiles&& other) noexcept;
  ModelFiles& operator=(ModelFiles&&) = delete;
  ~ModelFiles();

  const std::string& directory() const { return directory_; }
  std::string path() const { return directory_ + "/moire-case.onnx"; }

 private:
  ModelFiles(std::string directory, int lock) : directory_(std::move(directory)), lock_(lock) {}
  static Result<ModelFiles> Make(const std::string& parent);

  std::string directory_;
  int lock_;  // the directory, locked while its owner lives
};

void RemoveAbandonedModelFiles();

}  // namespace moire

#endif  // MOIRE_HARNESS_CASE_MODEL_FILES_H_
