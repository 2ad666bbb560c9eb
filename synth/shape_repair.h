// Shapes as a system of constraints: an edit that leaves sizes which do not fit together (a dim
// that a Reshape, a Conv or a Concat ties to others, a bypass that joins values of two shapes) is a
// sketch, and Z3 looks for the sizes around it that make it whole. The same system gives the
// smallest shapes of a graph at once. Operators whose shapes are not modelled keep what they had.
#ifndef MOIRE_SYNTH_SHAPE_REPAIR_H_
#define MOIRE_SYNTH_SHAPE_REPAIR_H_

#include <optional>

#include "synth/edit.h"

namespace moire {

// `before` is a sketch that the reference evaluates, `values` what it computes for it; `edited` one
// that came from it by an edit, without dangling names. The edited sketch with other sizes of
// inputs, initializers and the integer tensors that name them, where some fit together: sizes that
// the edit changed stay as the edit has them, the others as they were as far as possible. nullopt
// where there are none, or nothing would change.
std::optional<Sketch> RepairShapes(const Sketch& edited, const Sketch& before,
                                   const KnownValues& values);
// With the smallest sum of dims, none below 1; nullopt where it is small already or the smallest
// cannot be found within the solver's limits.
std::optional<Sketch> SmallestShapes(const Sketch& sketch, const KnownValues& values);

}  // namespace moire

#endif  // MOIRE_SYNTH_SHAPE_REPAIR_H_
