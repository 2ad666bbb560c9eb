// The contract of an edit: one small function over a loaded graph, and a row in a table.
//
// An edit changes the graph through GraphBuilder and says what became of it: kNothing (it found
// nothing to do; the graph must be as before), kDone (types and shapes are still right everywhere)
// or kReshaped (shapes behind the edit may have changed: the mutator infers again and repairs).
// Deterministic.
#ifndef MOIRE_FUZZERS_MUTATE_EDITS_H_
#define MOIRE_FUZZERS_MUTATE_EDITS_H_

#include <span>
#include <string_view>

#include "fuzzers/generate/graph_builder.h"

namespace moire {

enum class Edited { kNothing, kDone, kReshaped };

using Edit = Edited (*)(GraphBuilder& graph);

struct EditEntry {
  std::string_view name;
  Edit edit;
  unsigned weight;
};

std::span<const EditEntry> ValueEdits();      // edit_values.cc: tensors, where they come from
std::span<const EditEntry> NodeEdits();       // edit_nodes.cc: attributes, insert, delete, replace
std::span<const EditEntry> TypeShapeEdits();  // edit_shapes.cc: element type, dims, opset

// Breaks a rule of ONNX on purpose: bad attributes, indices, shapes. The case is flagged.
void Malform(GeneratedCase& victim, Random& random);

}  // namespace moire

#endif  // MOIRE_FUZZERS_MUTATE_EDITS_H_
