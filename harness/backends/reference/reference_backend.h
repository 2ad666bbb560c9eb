// The reference interpreter as a configuration: its nominal results, without their ranges. What
// judges is oracles/reference itself; this is for running and comparing it like any other backend.
#ifndef MOIRE_HARNESS_BACKENDS_REFERENCE_REFERENCE_BACKEND_H_
#define MOIRE_HARNESS_BACKENDS_REFERENCE_REFERENCE_BACKEND_H_

#include <memory>
#include <string_view>
#include <vector>

#include "harness/backends/backend.h"

namespace moire {

Result<std::vector<std::unique_ptr<Configuration>>> OpenReference(std::string_view target,
                                                                  std::string_view settings);
std::vector<BackendInfo> ListReference();
Status InstallReference(std::string_view version);

}  // namespace moire

#endif  // MOIRE_HARNESS_BACKENDS_REFERENCE_REFERENCE_BACKEND_H_
