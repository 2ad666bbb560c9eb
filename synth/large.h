// Cases that are too large for the reference as a whole, as whole production models are: single
// nodes of theirs, and runs of two or three, are cut out with the types and shapes that ONNX
// infers, at smaller sizes where they stay valid, and judged each by itself.
#ifndef MOIRE_SYNTH_LARGE_H_
#define MOIRE_SYNTH_LARGE_H_

#include <optional>
#include <string>
#include <vector>

#include "harness/execute/child.h"
#include "oracles/verdict.h"
#include "synth/reduce.h"

namespace moire {

// How a part's sizes are made smaller.
enum class PartSizes {
  kAll,      // every size above kPartSize, wherever it is named
  kSpatial,  // axes 2 and on of the part's inputs, as images are cropped
  kWhole,
};
inline constexpr int64_t kPartSize = 8;

// The node `last` of the main graph with those within `depth` - 1 steps before it that depend on
// the inputs, and whatever makes their constants. What else they read becomes inputs with generated
// values. nullopt where a type or a shape is not known, or a node before it is missing.
// `types` is the model after InferShapes.
std::optional<Case> CutPart(const Sketch& whole, const Model& types, size_t last, size_t depth,
                            PartSizes sizes);

struct LargeFinding {
  bool large = false;  // the reference cannot do the whole case
  int parts = 0;       // judged
  std::optional<Case> part;
  Verdict verdict;   // of the part
  std::string node;  // operator and first output of the part's last node
};
struct LargeOptions {
  double max_seconds = 60;
  std::optional<VerdictKind> wanted;  // only parts with this verdict; any bug without
};
// The first part that fails, single nodes before runs of them. What is not `large` is left alone.
// Runs in children; a part that kills its child is judged like any case. Errors: those of `open`,
// kEnvironment.
Result<LargeFinding> FindFailingPart(const Case& test_case, const OpenAll& open,
                                     const ChildOptions& child, const LargeOptions& options);

}  // namespace moire

#endif  // MOIRE_SYNTH_LARGE_H_
