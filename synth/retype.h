// Element types of a whole sketch, for the pass "types" and for the neighbours of an explanation.
#ifndef MOIRE_SYNTH_RETYPE_H_
#define MOIRE_SYNTH_RETYPE_H_

#include "synth/edit.h"

namespace moire {

// Every tensor, attribute and declared output of type `from` becomes `to`. False where a value has
// no counterpart. `scaled`: integers in proportion to the width of their type.
bool Retype(Sketch& sketch, DataType from, DataType to, bool scaled = false);

}  // namespace moire

#endif  // MOIRE_SYNTH_RETYPE_H_
