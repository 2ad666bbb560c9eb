// Pass "merge": one source in place of two of the same type. What fails with one tensor read twice
// and with two tensors ends as the first.
#include "synth/edit.h"
#include "synth/passes/passes.h"

namespace moire {
namespace {

struct Source {
  std::string name;
  DataType type;
};

std::vector<Source> SourcesOf(const Sketch& sketch) {
  std::vector<Source> sources;
  for (const NamedTensor& input : sketch.inputs) {
    if (!input.IsMap()) sources.push_back({input.name, input.tensor.type});
  }
  for (const NamedTensor& constant : sketch.model.graph.initializers) {
    sources.push_back({constant.name, constant.tensor.type});
  }
  return sources;
}

bool TryMerge(const Sketch& current, const Attempt& attempt) {
  const std::vector<Source> sources = SourcesOf(current);
  for (const Source& kept : sources) {
    for (const Source& dropped : sources) {
      if (kept.name == dropped.name || kept.type != dropped.type) continue;
      Sketch edited = current;
      Redirect(edited, dropped.name, kept.name);
      if (attempt(std::move(edited))) return true;
    }
  }
  return false;
}

void Merge(const Sketch& current, const Attempt& attempt) {
  while (TryMerge(current, attempt)) {
  }
}

}  // namespace

const ReductionPass& MergePass() {
  static const FunctionPass pass("merge", "reads one source in place of two", Merge);
  return pass;
}

}  // namespace moire
