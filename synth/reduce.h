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
// sketch (dangling names, dead nodes, types, shapes), tests it and returns whether it was kept;
// when kept, `current` is the new state and the pass goes on from it. A pass never makes a case
// larger in nodes, bytes or elements, and ends when none of its single edits is kept.
class ReductionPass {
 public:
  virtual ~ReductionPass() = default;
  virtual std::string_view name() const = 0;
  virtual std::string_view help() const = 0;
  virtual void Run(const Sketch& current, const std::function<bool(Sketch)>& attempt) const = 0;
};
const std::vector<const ReductionPass*>& ReductionPassRegistry();

// Where a reduction is; sizes are those of the best case so far.
struct ReduceProgress {
  int64_t nodes = 0;
  int64_t elements = 0;  // of inputs, initializers and tensor attributes
  size_t bytes = 0;      // of the serialised case
  int checks = 0;
  int known = 0;       // of the checks: answered by the journal
  double seconds = 0;  // of this process
};

class Journal;

// Which region to edit next, and how.
enum class SearchOrder {
  kFixed,    // every pass in the registry's order, until none of their edits is kept
  kLearned,  // regions by what is known of their nodes, rules by what they were worth (learned.h)
  kChunks,   // baseline: deletion of runs of nodes alone
  kCut,      // baseline: cutting at the first tensor that fails, alone
};
// "fixed", "learned", "chunks", "cut"; kInvalidInput.
Result<SearchOrder> ParseSearchOrder(std::string_view name);

struct ReduceOptions {
  int max_checks = 2000;
  // The result is no larger than the original, or than this.
  size_t max_bytes = 0;
  double max_seconds = 30;        // from the first candidate that the journal does not know
  std::vector<std::string> only;  // names of the passes to run; empty: all of them
  std::vector<std::string> skip;  // names of passes that are left out
  // Judgements that are known, and where new ones go; null: none. See journal.h.
  Journal* journal = nullptr;
  // Asked before each check, and after it: once true, the search ends with the best so far, and
  // the check's answer does not count.
  std::function<bool()> stopped = nullptr;
  std::function<void(const ReduceProgress&)> on_check = nullptr;  // after each check
  std::function<void(const Case&)> on_best = nullptr;  // each case that is the best so far
  SearchOrder search = SearchOrder::kFixed;
  uint64_t seed = 0;       // of the learned order
  std::string experience;  // file that the learned order reads and adds to (experience.h); or none
  // Processes that judge candidates at once; the result does not depend on it (speculation.h). More
  // than one needs a process without threads, and `interesting` has to work after a fork.
  int jobs = 1;
  // In each such process, first of all; once `cancelled` is true, a check is to end soon.
  std::function<void(const std::function<bool()>& cancelled)> on_fork = nullptr;
};
// The passes that the options leave, in order; kInvalidInput names one that there is not.
Result<std::vector<const ReductionPass*>> SelectPasses(const ReduceOptions& options);

struct ReduceResult {
  Case reduced;
  int64_t nodes_before = 0, nodes_after = 0;
  size_t bytes_before = 0, bytes_after = 0;
  int checks = 0;    // candidates judged, those that the journal knew included
  int known = 0;     // of them: answered by the journal
  int repaired = 0;  // candidates that could not be run until they were repaired, and then judged
  int repaired_kept = 0;  // of them kept
  bool finished = false;  // neither a limit nor `stopped` ended the search
  // The passes reached a fixed point within the limits, and no edit of the minimality list
  // (minimality.h) is left that still fails.
  bool minimal = false;
};

// kInvalidInput when the original does not fail.
Result<ReduceResult> Reduce(const Case& original, const Interesting& interesting,
                            const ReduceOptions& options = {});

}  // namespace moire

#endif  // MOIRE_SYNTH_REDUCE_H_
