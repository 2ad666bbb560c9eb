// The grammar of a SPEC, apart from any one backend: NAME[@TARGET][:key=value[,key=value...]], or a
// path to a library. Depends on backend.h alone.
#ifndef MOIRE_HARNESS_BACKENDS_SPEC_H_
#define MOIRE_HARNESS_BACKENDS_SPEC_H_

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "harness/backends/backend.h"

namespace moire {

struct BackendSpec {
  std::string name;      // "ort"
  std::string target;    // "", "1.27.0", "/x/libonnxruntime.so"
  std::string settings;  // "level=all,threads=2"
};

// A path is what has a '/' before any '@' or ends like a shared library; it belongs to the backend
// `path_backend`. Settings begin at the first ':' that is followed by "key=", or else at the last
// ':' without a '/' behind it, so that a path may hold colons.
Result<BackendSpec> ParseSpec(std::string_view spec, std::string_view path_backend);

struct Setting {
  std::string key;
  std::string value;
};
// "level=all,threads=2"; a key without a value, an empty or a repeated key is an error.
Result<std::vector<Setting>> ParseSettings(std::string_view settings);

// OpenConfigurations over another registry than the program's own.
Result<std::vector<std::unique_ptr<Configuration>>> OpenConfigurationsFrom(
    std::span<const BackendEntry> registry, std::string_view spec);

// "a, b, c".
std::string JoinNames(std::span<const std::string_view> names, std::string_view separator = ", ");

// Adds a backend that the program does not carry (a test's). Call before anything is opened.
void RegisterBackend(const BackendEntry& entry);

}  // namespace moire

#endif  // MOIRE_HARNESS_BACKENDS_SPEC_H_
