// Loads a sample library and finds its labels. For tests.
#ifndef MOIRE_FUZZERS_FEEDBACK_TESTDATA_SAMPLE_H_
#define MOIRE_FUZZERS_FEEDBACK_TESTDATA_SAMPLE_H_

#include <dlfcn.h>

#include <cstdint>
#include <string>

namespace moire {

class Sample {
 public:
  explicit Sample(const char* path) : path_(path), handle_(dlopen(path, RTLD_NOW | RTLD_LOCAL)) {}
  const std::string& path() const { return path_; }
  uintptr_t Address(const char* label) const {
    return reinterpret_cast<uintptr_t>(dlsym(handle_, label));
  }
  int Call(const char* function, int argument) const {
    return reinterpret_cast<int (*)(int)>(dlsym(handle_, function))(argument);
  }

 private:
  std::string path_;
  void* handle_;
};

}  // namespace moire

#endif  // MOIRE_FUZZERS_FEEDBACK_TESTDATA_SAMPLE_H_
