// What reduction does with the bodies of If, Loop and Scan: takes a body out into the main graph,
// and removes nodes inside one. Values inside a body are those of the taken branch, or of the first
// iteration.
#ifndef MOIRE_SYNTH_SUBGRAPH_H_
#define MOIRE_SYNTH_SUBGRAPH_H_

#include <optional>

#include "synth/edit.h"

namespace moire {

// A body: attribute `attribute` of node `node` of the main graph.
struct BodyPlace {
  size_t node = 0;
  size_t attribute = 0;
};
std::vector<BodyPlace> Bodies(const Sketch& sketch);
const Graph& BodyAt(const Sketch& sketch, const BodyPlace& place);
void ReplaceBody(Sketch& sketch, const BodyPlace& place, Graph body);

// The sketch with the node replaced by its body: of an If the branch, of a Loop its first
// iteration, of a Scan its first slice. `values` are those of the sketch; nullopt where one that
// is needed is not known, or the node is none of the three.
std::optional<Sketch> TakeBody(const Sketch& sketch, const BodyPlace& place,
                               const KnownValues& values);
// Values inside the body too, as far as the reference gets when the body is taken.
KnownValues ComputeBodyValues(const Sketch& sketch, const BodyPlace& place);

// RemoveNodes inside a body: what the others still read becomes an initializer of the body, or
// with `outside` an input of the main graph. False where a value is not known, or the body's own
// outputs cannot be made.
bool RemoveBodyNodes(Sketch& sketch, const BodyPlace& place, const std::vector<bool>& doomed,
                     const KnownValues& values, bool outside);
// Reads of what node `index` of the body makes become reads of `input`.
void BypassBodyNode(Sketch& sketch, const BodyPlace& place, size_t index, const std::string& output,
                    const std::string& input);

}  // namespace moire

#endif  // MOIRE_SYNTH_SUBGRAPH_H_
