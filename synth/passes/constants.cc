// Pass "constants": initializers become graph inputs, unless their being constant is what it takes.
#include "synth/edit.h"
#include "synth/passes/passes.h"

namespace moire {
namespace {

void FreeConstants(const Sketch& current, const Attempt& attempt) {
  for (size_t i = 0; i < current.model.graph.initializers.size();) {
    Sketch edited = current;
    auto& initializers = edited.model.graph.initializers;
    const NamedTensor moved = initializers[i];
    initializers.erase(initializers.begin() + static_cast<std::ptrdiff_t>(i));
    // Where it is the default of a graph input, its value is given as well.
    if (edited.model.graph.FindInput(moved.name) == nullptr) {
      AddSource(edited, moved.name, moved.tensor, false);
    }
    if (!attempt(std::move(edited))) ++i;
  }
}

}  // namespace

const ReductionPass& ConstantsPass() {
  static const FunctionPass pass("constants", "turns initializers into graph inputs",
                                 FreeConstants);
  return pass;
}

}  // namespace moire
