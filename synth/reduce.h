// Reduction: makes a failing case small while it keeps its symptom. One pass is one small file that
// proposes edits; a registry lists the passes; one search drives them all and verifies every edit.
#ifndef MOIRE_SYNTH_REDUCE_H_
#define MOIRE_SYNTH_REDUCE_H_

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "harness/case/case.h"
#include "harness/case/error.h"
#include "harness/case/model.h"

namespace moire {

// The interestingness test: does this case still fail with the symptom? Deterministic for
// non-flaky failures; bounded in time by whoever provides it.
using Interesting = std::function<bool(const Case&)>;

// A case taken apart for editing.
struct Sketch {
  Model model;
  std::vector<NamedTensor> inputs;
  RunOptions options;
};
Case ToCase(const Sketch& sketch);

// The contract of a pass. Propose edits one after another by `attempt`, which repairs the edited
// sketch (dangling names, dead nodes, types, shapes), tests it and returns whether it was kept; when
// kept, `current` is the new state and the pass goes on from it. A pass never makes a case larger
// in nodes, bytes or elements, and ends when none of its single edits is kept.
class ReductionPass {
 public:
  virtual ~ReductionPass() = default;
  virtual std::string_view name() const = 0;
  virtual std::string_view help() const = 0;
  virtual void Run(const Sketch& current, const std::function<bool(Sketch)>& attempt) const = 0;
};
const std::vector<const ReductionPass*>& ReductionPassRegistry();

struct ReduceOptions {
  int max_checks = 2000;
  double max_seconds = 30;
  // The result is no larger than the original, or than this.
  size_t max_bytes = 0;
  std::vector<std::string> only;  // names of the passes to run; empty: all of them
  std::vector<std::string> skip;  // names of passes that are left out
};
// The passes that the options leave, in order; kInvalidInput names one that there is not.
Result<std::vector<const ReductionPass*>> SelectPasses(const ReduceOptions& options);

struct ReduceResult {
  Case reduced;
  int64_t nodes_before = 0, nodes_after = 0;
  size_t bytes_before = 0, bytes_after = 0;
  int checks = 0;
  // The passes reached a fixed point within the limits, and no edit of the minimality list
  // (minimality.h) is left that still fails.
  bool minimal = false;
};

// kInvalidInput when the original does not fail.
Result<ReduceResult> Reduce(const Case& original, const Interesting& interesting,
                            const ReduceOptions& options = {});

}  // namespace moire

#endif  // MOIRE_SYNTH_REDUCE_H_
