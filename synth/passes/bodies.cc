// Pass "bodies": takes the body of an If, Loop or Scan out into the main graph; where it has to
// stay inside, deletes runs of its nodes, bypasses single ones, and drops results that nobody
// reads.
#include <algorithm>

#include "synth/passes/passes.h"
#include "synth/subgraph.h"

namespace moire {
namespace {

bool TakeOne(const Sketch& current, const Attempt& attempt) {
  const KnownValues values = ComputeValues(current);
  for (const BodyPlace& place : Bodies(current)) {
    if (std::optional<Sketch> taken = TakeBody(current, place, values)) {
      if (attempt(std::move(*taken))) return true;
    }
  }
  return false;
}

bool DropResult(const Sketch& current, const Attempt& attempt) {
  const auto& nodes = current.model.graph.nodes;
  for (size_t n = 0; n < nodes.size(); ++n) {
    const size_t count = nodes[n].outputs.size();
    if (nodes[n].op != "If" || count < 2) continue;
    for (size_t o = 0; o < count; ++o) {
      Sketch edited = current;
      Node& node = edited.model.graph.nodes[n];
      const std::string gone = node.outputs[o];
      node.outputs.erase(node.outputs.begin() + static_cast<std::ptrdiff_t>(o));
      for (const BodyPlace& place : Bodies(current)) {
        if (place.node != n) continue;
        Graph body = BodyAt(edited, place);
        if (o >= body.outputs.size()) return false;
        body.outputs.erase(body.outputs.begin() + static_cast<std::ptrdiff_t>(o));
        ReplaceBody(edited, place, std::move(body));
      }
      std::erase_if(edited.model.graph.outputs, [&](const ValueInfo& v) { return v.name == gone; });
      if (attempt(std::move(edited))) return true;
    }
  }
  return false;
}

// One kept deletion inside the body; runs from the whole body down to single nodes.
bool DeleteInside(const Sketch& current, const Attempt& attempt, const BodyPlace& place) {
  const size_t count = BodyAt(current, place).nodes.size();
  const KnownValues values = ComputeBodyValues(current, place);
  for (size_t size = count; size > 0; size /= 2) {
    for (size_t first = 0; first < count; first += size) {
      std::vector<bool> doomed(count, false);
      for (size_t i = first; i < std::min(count, first + size); ++i) doomed[i] = true;
      for (const bool outside : {false, true}) {
        Sketch edited = current;
        if (RemoveBodyNodes(edited, place, doomed, values, outside) && attempt(std::move(edited))) {
          return true;
        }
      }
    }
  }
  return false;
}

bool BypassInside(const Sketch& current, const Attempt& attempt, const BodyPlace& place) {
  const Graph body = BodyAt(current, place);
  for (size_t i = 0; i < body.nodes.size(); ++i) {
    for (const std::string& output : body.nodes[i].outputs) {
      for (const std::string& input : body.nodes[i].inputs) {
        if (input.empty() || output.empty()) continue;
        Sketch edited = current;
        BypassBodyNode(edited, place, i, output, input);
        if (attempt(std::move(edited))) return true;
      }
    }
  }
  return false;
}

void ReduceBodies(const Sketch& current, const Attempt& attempt) {
  while (TakeOne(current, attempt) || DropResult(current, attempt)) {
  }
  // A kept edit may change which bodies there are: the places are looked up anew after each.
  bool kept = true;
  while (kept) {
    kept = false;
    for (const BodyPlace& place : Bodies(current)) {
      kept = DeleteInside(current, attempt, place) || BypassInside(current, attempt, place);
      if (kept) break;
    }
  }
}

}  // namespace

const ReductionPass& BodiesPass() {
  static const FunctionPass pass("bodies", "takes bodies of If, Loop, Scan out, or thins them",
                                 ReduceBodies);
  return pass;
}

}  // namespace moire
