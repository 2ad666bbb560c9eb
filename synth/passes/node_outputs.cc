// Pass "node_outputs": drops optional outputs that nobody reads and optional inputs from the end.
#include <algorithm>

#include "synth/edit.h"
#include "synth/passes/passes.h"

namespace moire {
namespace {

// Operators with optional inputs at the end, and how many they need. (Concat, Sum and their like
// take any number from one on.)
struct Needs {
  std::string_view op;
  size_t inputs;
};
constexpr Needs kNeeds[] = {{"Clip", 1},
                            {"Gemm", 2},
                            {"Conv", 2},
                            {"ConvTranspose", 2},
                            {"Pad", 2},
                            {"Slice", 3},
                            {"Squeeze", 1},
                            {"LayerNormalization", 2},
                            {"Split", 1},
                            {"Dropout", 1},
                            {"QuantizeLinear", 2},
                            {"DequantizeLinear", 2},
                            {"ReduceSum", 1},
                            {"ReduceMean", 1},
                            {"ReduceMax", 1},
                            {"ReduceMin", 1},
                            {"ReduceProd", 1},
                            {"ReduceL1", 1},
                            {"ReduceL2", 1},
                            {"ReduceLogSum", 1},
                            {"ReduceLogSumExp", 1},
                            {"ReduceSumSquare", 1},
                            {"Resize", 1},
                            {"MaxUnpool", 2},
                            {"LSTM", 3},
                            {"GRU", 3},
                            {"RNN", 3},
                            {"ConvInteger", 2},
                            {"MatMulInteger", 2},
                            {"QLinearConv", 8},
                            {"Trilu", 1},
                            {"Concat", 1},
                            {"Sum", 1},
                            {"Max", 1},
                            {"Min", 1},
                            {"Mean", 1},
                            {"Einsum", 1}};

size_t RequiredInputs(const Node& node) {
  for (const Needs& needs : kNeeds) {
    if (needs.op == node.op && node.domain.empty()) return needs.inputs;
  }
  return node.inputs.size();
}

bool IsRead(const Sketch& sketch, const std::string& name) {
  for (const Node& node : sketch.model.graph.nodes) {
    if (Reads(node).contains(name)) return true;
  }
  for (const ValueInfo& output : sketch.model.graph.outputs) {
    if (output.name == name) return true;
  }
  return false;
}

// Operators that take any number of inputs: each of them may go, not only the last.
constexpr std::string_view kVariadic[] = {"Concat", "Sum", "Max", "Min", "Mean"};

void DropVariadic(const Sketch& current, const Attempt& attempt, size_t node) {
  const Node& now = current.model.graph.nodes[node];
  if (!now.domain.empty() || std::ranges::find(kVariadic, now.op) == std::end(kVariadic)) return;
  for (size_t k = 0; k < current.model.graph.nodes[node].inputs.size() &&
                     current.model.graph.nodes[node].inputs.size() > 1;) {
    Sketch edited = current;
    auto& inputs = edited.model.graph.nodes[node].inputs;
    inputs.erase(inputs.begin() + static_cast<std::ptrdiff_t>(k));
    if (!attempt(std::move(edited))) ++k;
    if (node >= current.model.graph.nodes.size()) return;
  }
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
    while (current.model.graph.nodes[i].inputs.size() >
           RequiredInputs(current.model.graph.nodes[i])) {
      Sketch edited = current;
      edited.model.graph.nodes[i].inputs.pop_back();
      if (!attempt(std::move(edited))) break;
      if (i >= current.model.graph.nodes.size()) return;
    }
    DropVariadic(current, attempt, i);
  }
}

}  // namespace

const ReductionPass& NodeOutputsPass() {
  static const FunctionPass pass("node_outputs", "drops optional outputs and inputs of nodes",
                                 DropOptional);
  return pass;
}

}  // namespace moire
