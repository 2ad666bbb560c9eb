// Pass "runs": of a case that is run on several inputs in one session, one run alone or fewer.
#include "synth/passes/passes.h"

namespace moire {
namespace {

void DropRuns(const Sketch& current, const Attempt& attempt) {
  std::vector<InputSet> runs = {current.inputs};
  runs.insert(runs.end(), current.options.more_runs.begin(), current.options.more_runs.end());
  const auto with = [&](const std::vector<InputSet>& kept) {
    Sketch edited = current;
    edited.inputs = kept.front();
    edited.options.more_runs.assign(kept.begin() + 1, kept.end());
    return edited;
  };
  if (runs.size() == 1) return;
  for (const InputSet& run : runs) {
    if (attempt(with({run}))) return;
  }
  for (size_t i = 0; i < runs.size() && runs.size() > 2;) {
    std::vector<InputSet> fewer = runs;
    fewer.erase(fewer.begin() + static_cast<std::ptrdiff_t>(i));
    if (attempt(with(fewer))) {
      runs = std::move(fewer);
    } else {
      ++i;
    }
  }
}

}  // namespace

const ReductionPass& RunsPass() {
  static const FunctionPass pass("runs", "of several runs in one session keeps one, or fewer",
                                 DropRuns);
  return pass;
}

}  // namespace moire
