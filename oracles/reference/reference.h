// The reference interpreter: the judge of last resort. Evaluates a model in double, with the range
// of legal results for every element of every output. Depends on harness/case alone.
#ifndef MOIRE_ORACLES_REFERENCE_REFERENCE_H_
#define MOIRE_ORACLES_REFERENCE_REFERENCE_H_

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "oracles/reference/kernel.h"

namespace moire {

enum class ReferenceStatus {
  kEvaluated,   // outputs are there; each may still be opaque
  kRejected,    // the model or its inputs break ONNX; reason says where
  kOverBudget,  // more work than the budget; nothing can be said
};

struct ReferenceResult {
  ReferenceStatus status = ReferenceStatus::kEvaluated;
  bool must_reject = false;  // rejected for values that ONNX calls an error: accepting is wrong
  // An undecidable value (an index from ArgMax over a tie, a computed shape) decides whether there
  // is an error: neither accepting nor rejecting is wrong.
  bool may_reject = false;
  std::string reason;        // one line; names the node
  std::vector<RangeTensor> outputs;  // one for each graph output, in order
  Spent spent;
};

struct ReferenceOptions {
  Budget budget;
  // Called for each node with its outputs, in order of evaluation (main graph only). For waypoints,
  // the value search and "first divergent tensor".
  std::function<void(const Node&, std::span<const RangeTensor>)> on_node;
  // Graph inputs that are no dense tensors, by name.
  std::span<const NamedOnnxValue> values{};
};

// Inputs are matched by name; an initializer serves as default. Missing input: kRejected.
ReferenceResult Evaluate(const Model& model, std::span<const NamedTensor> inputs,
                         const ReferenceOptions& options = {});

}  // namespace moire

#endif  // MOIRE_ORACLES_REFERENCE_REFERENCE_H_
