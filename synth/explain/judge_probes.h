// Runs probes in children and says which fail as the wanted verdict does.
#ifndef MOIRE_SYNTH_EXPLAIN_JUDGE_PROBES_H_
#define MOIRE_SYNTH_EXPLAIN_JUDGE_PROBES_H_

#include <functional>
#include <span>

#include "harness/execute/child.h"
#include "oracles/verdict.h"
#include "synth/explain/features.h"

namespace moire {

enum class Label : uint8_t {
  kUnjudged,  // invalid, undecidable, unsupported, or another failure
  kPasses,
  kFails,
};

// What counts as the wanted failure: one with the same error, or, as releases word their messages
// anew and lay out their memory otherwise, any of its kind and stage.
enum class Likeness : uint8_t { kOfErrors, kOfReleases };

// Labels in the order of the probes. `open` opens one configuration for every level that the probes
// name (or one where they name none). A child that dies of a probe costs that probe its label.
// Stops after `seconds`: what is left stays unjudged. `malformed`: the case that failed breaks
// ONNX, so that being refused is how it passes.
Result<std::vector<Label>> JudgeProbes(std::span<const Probe> probes, const Verdict& wanted,
                                       const OpenAll& open, const ChildOptions& options,
                                       double seconds, bool malformed = false,
                                       Likeness likeness = Likeness::kOfErrors);
bool BreaksOnnx(const Sketch& sketch);

}  // namespace moire

#endif  // MOIRE_SYNTH_EXPLAIN_JUDGE_PROBES_H_
