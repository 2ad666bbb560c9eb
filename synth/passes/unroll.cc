// Pass "unroll": writes a Loop or Scan out. First each iteration alone, with the values that the
// reference has on its way in; where the failure needs more than one, all of them, which may make
// the case larger for a while: see Search::RunPass.
#include "synth/unroll.h"

#include "synth/passes/passes.h"

namespace moire {
namespace {

bool UnrollOne(const Sketch& current, const Attempt& attempt) {
  const KnownValues values = ComputeValues(current);
  for (const BodyPlace& place : Bodies(current)) {
    std::optional<Unrolled> unrolled = Unroll(current, place, values);
    if (!unrolled) continue;
    const KnownValues inside = ComputeValues(unrolled->sketch);
    for (int j = 0; j < unrolled->iterations; ++j) {
      std::vector<bool> doomed;
      for (const int iteration : unrolled->iteration) {
        doomed.push_back(iteration >= 0 && iteration != j);
      }
      Sketch alone = unrolled->sketch;
      if (RemoveNodes(alone, doomed, inside) && attempt(std::move(alone))) return true;
    }
    if (attempt(std::move(unrolled->sketch))) return true;
  }
  return false;
}

void UnrollLoops(const Sketch& current, const Attempt& attempt) {
  while (UnrollOne(current, attempt)) {
  }
}

}  // namespace

const ReductionPass& UnrollPass() {
  static const FunctionPass pass("unroll", "writes the iterations of a Loop or Scan out",
                                 UnrollLoops);
  return pass;
}

}  // namespace moire
