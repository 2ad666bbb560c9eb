// Pass "singles": the minimality list, one edit after another, until none is kept. It runs last,
// and a case that it leaves alone is 1-minimal.
#include "synth/minimality.h"
#include "synth/passes/passes.h"

namespace moire {
namespace {

void TrySingles(const Sketch& current, const Attempt& attempt) {
  const auto try_one = [&](const std::string&, Sketch edited) {
    return !attempt(std::move(edited));
  };
  // The walk is over a copy: a kept edit changes `current`, and the walk begins anew.
  while (true) {
    const Sketch before = current;
    if (ForEachSingleEdit(before, try_one)) return;
  }
}

}  // namespace

const ReductionPass& SinglesPass() {
  static const FunctionPass pass("singles", "the minimality list, edit by edit", TrySingles);
  return pass;
}

}  // namespace moire
