// Reduction in children: the search runs in a child that tells its parent of every step, so that a
// candidate that kills or hangs the runtime costs a new child and no more: the search goes on from
// the best case so far, without that candidate.
#ifndef MOIRE_SYNTH_REDUCE_CHILD_H_
#define MOIRE_SYNTH_REDUCE_CHILD_H_

#include <string>

#include "harness/execute/child.h"
#include "oracles/verdict.h"
#include "synth/reduce.h"
#include "synth/repeats.h"

namespace moire {

struct ChildReduction {
  ReduceResult result;
  Verdict held;  // the symptom that `result` was reduced with: the one wanted, or what causes it
  std::string identity;  // why A against A does not match; empty: it does
  std::string blamed_optimizer;
  bool showed = false;  // the symptom showed at all
  int deaths = 0;       // children lost to candidates
  FailureRate rate;     // of the original; no runs where it was not asked for
  Repeats repeats;      // that judged each candidate
};

struct ReduceInChildOptions {
  ReduceOptions reduce;
  ChildOptions child;
  bool blame = true;
  // Find out first how often the original fails, and judge candidates by enough runs for that.
  bool flaky = false;
};

// Checks identity, reduces `test_case` holding the symptom of `wanted`, and blames an optimiser.
// Two sightings of one fault should end as one case, so the plainest symptom of it is held: a
// mismatch that shows as a NaN or an infinity as a wrong value where that shows as well; a mismatch
// or a refusal that is the consequence of a wrong value before it as that wrong value.
Result<ChildReduction> ReduceInChild(const Case& test_case, const Verdict& wanted,
                                     const OpenAll& open, const ReduceInChildOptions& options);

}  // namespace moire

#endif  // MOIRE_SYNTH_REDUCE_CHILD_H_
