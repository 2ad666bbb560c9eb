// Pass "functions": writes the calls of the model's own functions out, so that the other passes see
// their nodes. It runs before all others, see Search::InlineCalls.
#include "harness/case/onnx_adapter.h"
#include "harness/case/onnx_inline.h"
#include "synth/passes/passes.h"

namespace moire {
namespace {

void InlineAll(const Sketch& current, const Attempt& attempt) {
  // Functions are among what is not taken apart.
  if (current.model.extra.empty()) return;
  const Result<std::string> inlined = InlineFunctions(SerializeModel(current.model));
  if (!inlined) return;
  Result<Model> model = ParseModel(*inlined);
  if (!model) return;
  Sketch edited = current;
  edited.model = std::move(*model);
  attempt(std::move(edited));
}

}  // namespace

const ReductionPass& FunctionsPass() {
  static const FunctionPass pass("functions", "writes calls of the model's own functions out",
                                 InlineAll);
  return pass;
}

}  // namespace moire
