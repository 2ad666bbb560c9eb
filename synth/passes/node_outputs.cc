// Pass "node_outputs": drops optional outputs that nobody reads and optional inputs from the end.
#include "synth/edit.h"
#include "synth/passes/passes.h"

namespace moire {
namespace {

bool IsRead(const Sketch& sketch, const std::string& name) {
  for (const Node& node : sketch.model.graph.nodes) {
    if (Reads(node).contains(name)) return true;
  }
  for (const ValueInfo& output : sketch.model.graph.outputs) {
    if (output.name == name) return true;
  }
  return false;
}

void DropOptional(const Sketch& current, const Attempt& attempt) {
  for (size_t i = 0; i < current.model.graph.nodes.size(); ++i) {
    for (size_t o = current.model.graph.nodes[i].outputs.size(); o-- > 0;) {
      const std::string& name = current.model.graph.nodes[i].outputs[o];
      if (name.empty() || IsRead(current, name)) continue;
      Sketch edited = current;
      auto& outputs = edited.model.graph.nodes[i].outputs;
      outputs[o].clear();
      while (!outputs.empty() && outputs.back().empty()) outputs.pop_back();
      attempt(std::move(edited));
      if (i >= current.model.graph.nodes.size()) return;
    }
    while (!current.model.graph.nodes[i].inputs.empty()) {
      Sketch edited = current;
      edited.model.graph.nodes[i].inputs.pop_back();
      if (!attempt(std::move(edited)) || i >= current.model.graph.nodes.size()) break;
    }
  }
}

}  // namespace

const ReductionPass& NodeOutputsPass() {
  static const FunctionPass pass("node_outputs", "drops optional outputs and inputs of nodes",
                                 DropOptional);
  return pass;
}

}  // namespace moire
