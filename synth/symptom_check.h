// The interestingness test of a symptom: runs a case in the configurations that it concerns and
// tells whether it shows. Differences and refusals are checked in this process, deaths in children
// that are forked from it, so the process should be one that may die: see investigate.cc.
#ifndef MOIRE_SYNTH_SYMPTOM_CHECK_H_
#define MOIRE_SYNTH_SYMPTOM_CHECK_H_

#include <memory>
#include <optional>

#include "harness/execute/child.h"
#include "oracles/verdict.h"

namespace moire {

// Crash, hang, memory: what is checked in a child only.
bool IsDeath(VerdictKind kind);
// What has to stay: the kind, the class of the configurations on each side, the class of error.
bool SameSymptom(const Verdict& wanted, const Verdict& seen);
// The verdict among `verdicts` that shows the wanted symptom; null when none does.
const Verdict* FindSymptom(const Verdict& wanted, const std::vector<Verdict>& verdicts);

class SymptomCheck {
 public:
  // Keeps those of the opened configurations that the verdict names.
  SymptomCheck(Configurations opened, const Verdict& wanted, const ChildOptions& options,
               StageObserver* observer);
  // The verdict that shows the symptom, if one does.
  std::optional<Verdict> Find(const Case& test_case);
  // Every verdict of a run in this process: not for what kills it.
  std::vector<Verdict> Judge(const Case& test_case);
  bool Shows(const Case& test_case) { return Find(test_case).has_value(); }
  const Verdict& wanted() const { return wanted_; }
  void set_wanted(const Verdict& wanted) { wanted_ = wanted; }
  // A death of the same signal counts wherever it happens: releases and threads move the frames.
  void set_any_place(bool any_place) { any_place_ = any_place; }
  // The blamed configuration; null when it was not opened.
  Configuration* blamed();

 private:
  std::optional<Verdict> FindDeath(const Case& test_case);

  Configurations configurations_;
  Verdict wanted_;
  ChildOptions options_;
  StageObserver* observer_;
  bool any_place_ = false;
};

}  // namespace moire

#endif  // MOIRE_SYNTH_SYMPTOM_CHECK_H_
