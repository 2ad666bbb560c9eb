// ONNX Runtime as a backend, through the C API of released libraries (1.19 and newer), any number
// of them side by side in one process. This header does not depend on ONNX Runtime's.
#ifndef MOIRE_HARNESS_BACKENDS_ORT_ORT_BACKEND_H_
#define MOIRE_HARNESS_BACKENDS_ORT_ORT_BACKEND_H_

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "harness/backends/backend.h"

namespace moire {

// The registry's row; see BackendEntry.
Result<std::vector<std::unique_ptr<Configuration>>> OpenOrt(std::string_view target,
                                                            std::string_view settings);
std::vector<BackendInfo> ListOrt();
Status InstallOrt(std::string_view version);

// Canonical path of the library that a target ("", "1.32.0", a path) stands for. Loads nothing.
Result<std::string> OrtLibraryPath(std::string_view target);
// Loads the library and gives its path; creates neither environment nor session, so that coverage
// can arm it before its first instruction beyond its own constructors runs. A library stays loaded
// until the process ends.
Result<std::string> LoadOrtLibrary(std::string_view target);
// Names of the settings with their help, for `moire backends` and the docs.
struct OrtSettingHelp {
  std::string_view key;
  std::string_view help;
};
std::vector<OrtSettingHelp> OrtSettingsHelp();

}  // namespace moire

#endif  // MOIRE_HARNESS_BACKENDS_ORT_ORT_BACKEND_H_
