// Pass "cut": the failure often shows at one early tensor already. Makes a single inner value the
// graph's only output, the earliest first, and then keeps only the last few nodes before the
// outputs, whose inputs become graph inputs with the reference's values. Exposing a tensor can
// switch a fusion off, so this is a start and not the only road: see nodes.cc.
#include <algorithm>
#include <set>

#include "synth/edit.h"
#include "synth/passes/passes.h"

namespace moire {
namespace {

// Looking at every tensor of a big graph costs more than deleting chunks of it.
constexpr size_t kMostTensors = 64;

bool ExposeFirst(const Sketch& current, const Attempt& attempt) {
  const KnownValues values = ComputeValues(current);
  const std::vector<Node> nodes = current.model.graph.nodes;
  const size_t step = std::max<size_t>(1, nodes.size() / kMostTensors);
  for (size_t i = 0; i + 1 < nodes.size(); i += step) {
    Sketch edited = current;
    edited.model.graph.outputs.clear();
    for (const std::string& output : nodes[i].outputs) {
      const auto value = values.find(output);
      if (value == values.end() || value->second.type == DataType::kUndefined) continue;
      edited.model.graph.outputs.push_back({output, {value->second.type, std::nullopt, {}}});
    }
    if (!edited.model.graph.outputs.empty() && attempt(std::move(edited))) return true;
  }
  return false;
}

// Keeps the nodes within `depth` steps before the outputs.
void KeepTail(const Sketch& current, const Attempt& attempt) {
  for (const size_t depth : {1, 2, 3, 5, 8}) {
    const Graph& graph = current.model.graph;
    std::set<std::string> wanted;
    for (const ValueInfo& output : graph.outputs) wanted.insert(output.name);
    std::vector<bool> doomed(graph.nodes.size(), true);
    for (size_t round = 0; round < depth; ++round) {
      std::set<std::string> next;
      for (size_t i = 0; i < graph.nodes.size(); ++i) {
        const Node& node = graph.nodes[i];
        if (std::ranges::none_of(node.outputs, [&](const auto& o) { return wanted.contains(o); })) {
          continue;
        }
        doomed[i] = false;
        next.merge(Reads(node));
      }
      wanted.merge(next);
    }
    if (std::ranges::count(doomed, true) == 0) return;
    Sketch edited = current;
    if (RemoveNodes(edited, doomed, ComputeValues(current)) && attempt(std::move(edited))) return;
  }
}

void Cut(const Sketch& current, const Attempt& attempt) {
  ExposeFirst(current, attempt);
  KeepTail(current, attempt);
}

}  // namespace

const ReductionPass& CutPass() {
  static const FunctionPass pass(
      "cut", "cuts the graph before and after the first tensor that fails", Cut);
  return pass;
}

}  // namespace moire
