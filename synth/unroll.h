// A Loop or Scan written out: its iterations one after the other in the main graph.
#ifndef MOIRE_SYNTH_UNROLL_H_
#define MOIRE_SYNTH_UNROLL_H_

#include <optional>
#include <vector>

#include "synth/edit.h"
#include "synth/subgraph.h"

namespace moire {

struct Unrolled {
  Sketch sketch;
  // For each node of the sketch's main graph, the iteration that it belongs to; -1: to none.
  std::vector<int> iteration;
  int iterations = 0;
};
// Up to 16 iterations; nullopt where there are more or none, how many is not known, or a value that
// is scanned is not known. Names of iteration j end in "#j".
std::optional<Unrolled> Unroll(const Sketch& sketch, const BodyPlace& place,
                               const KnownValues& values);

}  // namespace moire

#endif  // MOIRE_SYNTH_UNROLL_H_
