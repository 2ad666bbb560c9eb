// A directory under the system's temporary one that goes with its owner.
#ifndef MOIRE_HARNESS_CASE_TEMPORARY_DIRECTORY_H_
#define MOIRE_HARNESS_CASE_TEMPORARY_DIRECTORY_H_

#include <stdlib.h>

#include <filesystem>
#include <string>
#include <system_error>

namespace moire {

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::error_code ignored;
    // mkdtemp puts letters in the place of the Xs.
    std::string name = (std::filesystem::temp_directory_path(ignored) / "moire-XXXXXX").string();
    if (mkdtemp(name.data()) != nullptr) path_ = name;
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  ~TemporaryDirectory() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }

  // Empty: it could not be made.
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace moire

#endif  // MOIRE_HARNESS_CASE_TEMPORARY_DIRECTORY_H_
