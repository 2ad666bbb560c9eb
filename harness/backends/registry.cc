// Every backend, one line each. To add one: docs/backends.md.
#include "harness/backends/backend.h"
#include "harness/backends/ort/ort_backend.h"
#include "harness/backends/ort/ort_release.h"
#include "harness/backends/reference/reference_backend.h"
#include "harness/backends/spec.h"

namespace moire {
namespace {

std::vector<BackendEntry>& Registry() {
  static std::vector<BackendEntry> registry = {
      {"reference", "Moire's own interpreter, nominal results", OpenReference, ListReference,
       InstallReference},
      {"ort", "ONNX Runtime, a released library: ort, ort@1.27.0, ort@/path/libonnxruntime.so",
       OpenOrt, ListOrt, InstallOrt, ListOrtSchemas},
  };
  return registry;
}

}  // namespace

const std::vector<BackendEntry>& BackendRegistry() { return Registry(); }

void RegisterBackend(const BackendEntry& entry) { Registry().push_back(entry); }

}  // namespace moire
