// The reduction passes, one function each, for registry.cc and their tests.
#ifndef MOIRE_SYNTH_PASSES_PASSES_H_
#define MOIRE_SYNTH_PASSES_PASSES_H_

#include "synth/reduce.h"

namespace moire {

const ReductionPass& OutputsPass();
const ReductionPass& CutPass();
const ReductionPass& NodesPass();
const ReductionPass& ChunksPass();  // a baseline: runs where it is named alone
const ReductionPass& BypassPass();
const ReductionPass& NodeOutputsPass();
const ReductionPass& ShapesPass();
const ReductionPass& OperatorsPass();
const ReductionPass& MergePass();
const ReductionPass& RanksPass();
const ReductionPass& ConstantsPass();
const ReductionPass& AttributesPass();
const ReductionPass& TypesPass();
const ReductionPass& ValuesPass();
const ReductionPass& OptionsPass();
const ReductionPass& RunsPass();
const ReductionPass& NamesPass();
const ReductionPass& BodiesPass();
const ReductionPass& UnrollPass();     // the only one whose edits may be larger, but for the next
const ReductionPass& FunctionsPass();  // runs once, before the others
const ReductionPass& OpsetPass();
const ReductionPass& SinglesPass();

using Attempt = std::function<bool(Sketch)>;

// A pass from a function: most are no more than that.
class FunctionPass : public ReductionPass {
 public:
  using Function = void (*)(const Sketch& current, const Attempt& attempt);
  FunctionPass(std::string_view name, std::string_view help, Function run)
      : name_(name), help_(help), run_(run) {}
  std::string_view name() const override { return name_; }
  std::string_view help() const override { return help_; }
  void Run(const Sketch& current, const Attempt& attempt) const override { run_(current, attempt); }

 private:
  std::string_view name_;
  std::string_view help_;
  Function run_;
};

}  // namespace moire

#endif  // MOIRE_SYNTH_PASSES_PASSES_H_
