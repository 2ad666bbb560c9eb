// The passes in the order in which they run, from what removes most to what only tidies.
#include "synth/passes/passes.h"

namespace moire {

const std::vector<const ReductionPass*>& ReductionPassRegistry() {
  static const std::vector<const ReductionPass*> kPasses = {
      &FunctionsPass(), &RunsPass(),       &OutputsPass(), &CutPass(),         &NodesPass(),
      &BypassPass(),    &BodiesPass(),     &UnrollPass(),  &NodeOutputsPass(), &OperatorsPass(),
      &ConstantsPass(), &MergePass(),      &ShapesPass(),  &RanksPass(),       &TypesPass(),
      &OptionsPass(),   &AttributesPass(), &OpsetPass(),   &ValuesPass(),      &NamesPass(),
      &SinglesPass(),
  };
  return kPasses;
}

}  // namespace moire
