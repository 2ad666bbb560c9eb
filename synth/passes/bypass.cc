// Pass "bypass": a node whose result has the type and shape of one of its inputs is taken out of
// the way, so that the nodes before it stay connected with those behind it.
#include "synth/edit.h"
#include "synth/passes/passes.h"

namespace moire {
namespace {

bool TryBypass(const Sketch& current, const Attempt& attempt, const KnownValues& values,
               size_t index) {
  const Node& node = current.model.graph.nodes[index];
  for (const std::string& output : node.outputs) {
    for (const std::string& input : node.inputs) {
      if (output.empty() || input.empty() || !SameKind(values, output, input)) continue;
      Sketch edited = current;
      edited.model.graph.nodes.erase(edited.model.graph.nodes.begin() +
                                     static_cast<std::ptrdiff_t>(index));
      Redirect(edited, output, input);
      if (attempt(std::move(edited))) return true;
    }
  }
  return false;
}

void Bypass(const Sketch& current, const Attempt& attempt) {
  KnownValues values = ComputeValues(current);
  for (size_t i = current.model.graph.nodes.size(); i-- > 0;) {
    if (i >= current.model.graph.nodes.size()) continue;
    if (TryBypass(current, attempt, values, i)) values = ComputeValues(current);
  }
}

}  // namespace

const ReductionPass& BypassPass() {
  static const FunctionPass pass("bypass", "connects the inputs of a node with its readers",
                                 Bypass);
  return pass;
}

}  // namespace moire
