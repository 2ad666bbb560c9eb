// Pass "types": the same graph in plainer element types: float for the other floats, int64 for the
// other integers. A failure that shows in many types then ends as one case, and so as one cause.
#include "synth/edit.h"
#include "synth/passes/passes.h"
#include "synth/retype.h"

namespace moire {
namespace {

void Simplify(const Sketch& current, const Attempt& attempt) {
  for (const TypeTraits& traits : AllTypes()) {
    if (TypeCost(traits.type) == 0) continue;
    for (const DataType to :
         {IsFloat(traits.type) ? DataType::kFloat : DataType::kInt64, DataType::kInt32}) {
      if (IsFloat(traits.type) != IsFloat(to) || !(IsFloat(traits.type) || IsInteger(traits.type)))
        continue;
      Sketch edited = current;
      if (Retype(edited, traits.type, to) && attempt(std::move(edited))) break;
    }
  }
}

}  // namespace

const ReductionPass& TypesPass() {
  static const FunctionPass pass("types", "retypes the graph to float and int64", Simplify);
  return pass;
}

}  // namespace moire
