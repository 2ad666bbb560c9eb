// Pass "opset": the newest version of the default operator set that still fails. Operators are not
// converted: a graph that means something else in the newer version is refused or does not fail.
#include "synth/passes/passes.h"

namespace moire {
namespace {

constexpr int64_t kNewest = 26;

void RaiseOpset(const Sketch& current, const Attempt& attempt) {
  for (int64_t version = kNewest; version > current.model.Opset(""); --version) {
    Sketch edited = current;
    for (OpsetImport& import : edited.model.opsets) {
      if (import.domain.empty() || import.domain == "ai.onnx") import.version = version;
    }
    if (attempt(std::move(edited))) return;
  }
}

}  // namespace

const ReductionPass& OpsetPass() {
  static const FunctionPass pass("opset", "the newest operator set that still fails", RaiseOpset);
  return pass;
}

}  // namespace moire
