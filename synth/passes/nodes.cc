// Pass "nodes": deletes runs of nodes, from half the graph down to single ones, anywhere in it.
// What the others read of them becomes a graph input with the reference's value (an initializer
// where it was made from constants; both are tried).
#include <algorithm>

#include "synth/edit.h"
#include "synth/passes/passes.h"

namespace moire {
namespace {

bool TryDelete(const Sketch& current, const Attempt& attempt, const KnownValues& values,
               size_t first, size_t count, bool expose_ends) {
  std::vector<bool> doomed(current.model.graph.nodes.size(), false);
  for (size_t i = first; i < first + count && i < doomed.size(); ++i) doomed[i] = true;
  for (const bool constants : {false, true}) {
    Sketch edited = current;
    if (!RemoveNodes(edited, doomed, values, constants, expose_ends)) return false;
    if (attempt(std::move(edited))) return true;
  }
  return false;
}

void DeleteRuns(const Sketch& current, const Attempt& attempt, bool expose_ends) {
  for (size_t size = std::max<size_t>(1, current.model.graph.nodes.size() / 2);; size /= 2) {
    KnownValues values = ComputeValues(current);
    // From the end: what is dead goes with what was deleted behind it.
    for (size_t end = current.model.graph.nodes.size(); end > 0;) {
      const size_t first = end > size ? end - size : 0;
      if (TryDelete(current, attempt, values, first, end - first, expose_ends)) {
        values = ComputeValues(current);
        end = std::min(first, current.model.graph.nodes.size());
      } else {
        end = first;
      }
    }
    if (size == 1) return;
  }
}

void DeleteNodes(const Sketch& current, const Attempt& attempt) {
  DeleteRuns(current, attempt, true);
}
void DeleteChunks(const Sketch& current, const Attempt& attempt) {
  DeleteRuns(current, attempt, false);
}

}  // namespace

const ReductionPass& ChunksPass() {
  static const FunctionPass pass("chunks", "baseline: deletes runs of nodes, the outputs stay",
                                 DeleteChunks);
  return pass;
}

const ReductionPass& NodesPass() {
  static const FunctionPass pass("nodes", "deletes runs of nodes anywhere in the graph",
                                 DeleteNodes);
  return pass;
}

}  // namespace moire
