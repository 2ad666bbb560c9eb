// Finds and installs released ONNX Runtime libraries. Files only: knows nothing of the C API.
#ifndef MOIRE_HARNESS_BACKENDS_ORT_ORT_RELEASE_H_
#define MOIRE_HARNESS_BACKENDS_ORT_ORT_RELEASE_H_

#include <string>
#include <string_view>
#include <vector>

#include "harness/case/error.h"

namespace moire {

struct OrtRelease {
  std::string version;  // "1.32.0"; empty for a library that was given by its path
  std::string path;     // canonical: absolute, links resolved
};

// MOIRE_HOME and MOIRE_ROOT from the environment, else what the build was configured with.
std::string MoireHome();
std::string MoireRoot();

// Complete installations under MOIRE_HOME/runtimes/onnxruntime, highest version first.
std::vector<OrtRelease> InstalledOrtReleases();

// "" (the highest installed), a version, or a path. A path to an installed release is that release.
Result<OrtRelease> FindOrtRelease(std::string_view target);

// Runs harness/setup/install_runtime.sh; kEnvironment with the script's own line when it fails.
Status InstallOrtRelease(std::string_view version);

// The file with the release's operator schemas outside the standard (docs/formats.md), under
// MOIRE_HOME/schemas; has the release's Python module list them where it is not there yet.
Result<std::string> ListOrtSchemas(std::string_view target);

}  // namespace moire

#endif  // MOIRE_HARNESS_BACKENDS_ORT_ORT_RELEASE_H_
