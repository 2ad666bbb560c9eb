// The smallest backend there can be: hands its inputs back as outputs. docs/backends.md is built
// around it; the tests use it as a backend that cannot fail.
#ifndef MOIRE_HARNESS_BACKENDS_TESTING_ECHO_BACKEND_H_
#define MOIRE_HARNESS_BACKENDS_TESTING_ECHO_BACKEND_H_

#include <memory>
#include <string_view>
#include <vector>

#include "harness/backends/backend.h"

namespace moire {

Result<std::vector<std::unique_ptr<Configuration>>> OpenEcho(std::string_view target,
                                                             std::string_view settings);
std::vector<BackendInfo> ListEcho();
Status InstallEcho(std::string_view version);

}  // namespace moire

#endif  // MOIRE_HARNESS_BACKENDS_TESTING_ECHO_BACKEND_H_
