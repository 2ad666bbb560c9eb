// Pass "types": the same graph in plainer element types, the plainest that still fails: float
// before the other floats, int64 before the other integers. A failure that shows in many types then
// ends as one case, and so as one cause. What needs the ends of an integer type (wrapping,
// saturation) needs those of the other type as well, so values are also tried in proportion to the
// width.
#include <algorithm>

#include "synth/edit.h"
#include "synth/passes/passes.h"
#include "synth/retype.h"

namespace moire {
namespace {

// The types in place of which `from` may stand, plainest first.
std::vector<DataType> Plainer(DataType from) {
  std::vector<DataType> types;
  for (const TypeTraits& traits : AllTypes()) {
    const bool alike =
        IsFloat(from) ? IsFloat(traits.type) : IsInteger(from) && IsInteger(traits.type);
    if (alike && TypeCost(traits.type) < TypeCost(from)) types.push_back(traits.type);
  }
  std::ranges::sort(types, {}, TypeCost);
  return types;
}

bool TryRetype(const Sketch& current, const Attempt& attempt, DataType from, DataType to) {
  for (const bool scaled : {false, true}) {
    if (scaled && !IsInteger(from)) continue;
    Sketch edited = current;
    if (Retype(edited, from, to, scaled) && attempt(std::move(edited))) return true;
  }
  return false;
}

void Simplify(const Sketch& current, const Attempt& attempt) {
  for (const TypeTraits& traits : AllTypes()) {
    const std::vector<DataType> plainer = Plainer(traits.type);
    std::ranges::find_if(plainer,
                         [&](DataType to) { return TryRetype(current, attempt, traits.type, to); });
  }
}

}  // namespace

const ReductionPass& TypesPass() {
  static const FunctionPass pass("types", "retypes the graph to float and int64", Simplify);
  return pass;
}

}  // namespace moire
