// Does one thing after another in a child, and goes on in a new one behind the item that it died
// of.
#ifndef MOIRE_SYNTH_EXPLAIN_EACH_IN_CHILDREN_H_
#define MOIRE_SYNTH_EXPLAIN_EACH_IN_CHILDREN_H_

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "harness/case/error.h"
#include "harness/execute/child.h"

namespace moire {

// What is to be done with item i, in a child; what it returns is handed to the caller.
using ChildStep = std::function<std::string(size_t)>;

struct EachOptions {
  ChildLimits limits;  // of a child; a limit of a stage counts where the step enters stages
  std::vector<std::string> runtime_modules;
  double seconds = 60;            // of all; what is left then has no result
  size_t most_deaths = SIZE_MAX;  // after so many, what is left has no result
};

// Results in the order of the items, without one where a child died of it or where it was not got
// to. `start` runs once in each child. kInternal: it made no step (whatever it loaded went with its
// child), so the caller can find out why by trying itself.
Result<std::vector<std::optional<std::string>>> EachInChildren(
    size_t count, const std::function<Result<ChildStep>(SharedState&)>& start,
    const EachOptions& options);

}  // namespace moire

#endif  // MOIRE_SYNTH_EXPLAIN_EACH_IN_CHILDREN_H_
