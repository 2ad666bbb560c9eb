// Pass "outputs": one graph output is enough.
#include "synth/passes/passes.h"

namespace moire {
namespace {

void DropOutputs(const Sketch& current, const Attempt& attempt) {
  for (size_t i = 0;
       i < current.model.graph.outputs.size() && current.model.graph.outputs.size() > 1; ++i) {
    Sketch edited = current;
    edited.model.graph.outputs = {current.model.graph.outputs[i]};
    if (attempt(std::move(edited))) return;
  }
  // The failure needs more than one (a fusion that an output switches off): drop one at a time.
  for (size_t i = 0; i < current.model.graph.outputs.size();) {
    Sketch edited = current;
    auto& outputs = edited.model.graph.outputs;
    outputs.erase(outputs.begin() + static_cast<std::ptrdiff_t>(i));
    if (outputs.empty() || !attempt(std::move(edited))) ++i;
  }
}

}  // namespace

const ReductionPass& OutputsPass() {
  static const FunctionPass pass("outputs", "keeps one graph output, or drops one at a time",
                                 DropOutputs);
  return pass;
}

}  // namespace moire
