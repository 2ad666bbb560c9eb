// `moire explain`: what a failure depends on. Neighbours of the reduced case are run, the smallest
// predicate is found that separates those that fail from those that pass, releases are compared,
// and the optimiser is named without which it vanishes. How: docs/reducing.md.
#ifndef MOIRE_SYNTH_EXPLAIN_EXPLAIN_H_
#define MOIRE_SYNTH_EXPLAIN_EXPLAIN_H_

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "harness/execute/child.h"
#include "synth/explain/predicate.h"
#include "synth/finding.h"

namespace moire {

struct ExplainOptions {
  ChildOptions child;
  double seconds = 120;
  uint64_t seed = 1;
  int rounds = 24;       // of fresh neighbours, at most
  int round_size = 150;  // drawn in one
  bool releases = true;
  bool blame = true;
};

struct Explanation {
  Predicate predicate;
  int failing = 0;  // neighbours that the predicate was made from
  int passing = 0;
  int fresh = 0;  // neighbours drawn after it stood, and how many it got right
  int fresh_right = 0;
  // Of all neighbours: those whose nodes' results are not known, see child_features.h.
  int stated_only = 0;
  std::vector<std::string> passing_changes;  // single changes that make it pass
  std::string first_bad_release;             // of the installed ones
  std::string last_good_release;             // the newest one before it that passes
  std::vector<std::string> bad_releases;
  std::vector<std::string> good_releases;
  std::string pass;  // the optimiser to blame; empty: none
};

// The finding's configuration at every level is what is probed. kInvalidInput: it does not fail.
Result<Explanation> Explain(const Finding& finding, const ExplainOptions& options = {});
// The same with configurations that `open` opens: one for each level, or one without. Releases and
// optimisers are left out.
Result<Explanation> Explain(const Finding& finding, const OpenAll& open,
                            const std::vector<std::string>& levels, const ExplainOptions& options);

nlohmann::json ExplanationToJson(const Explanation& explanation);
std::string ExplanationToText(const Explanation& explanation);

}  // namespace moire

#endif  // MOIRE_SYNTH_EXPLAIN_EXPLAIN_H_
