// Pass "constants": initializers become graph inputs, unless their being constant is what it takes.
#include <algorithm>

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
    // Where it is the default of a graph input, a value may be given as well.
    const bool given = std::ranges::any_of(
        edited.inputs, [&](const NamedTensor& input) { return input.name == moved.name; });
    if (!given) {
      std::erase_if(edited.model.graph.inputs,
                    [&](const ValueInfo& input) { return input.name == moved.name; });
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
