// Pass "options": run options back to their defaults.
#include "synth/passes/passes.h"

namespace moire {
namespace {

void ResetOptions(const Sketch& current, const Attempt& attempt) {
  RunOptions plain;
  plain.more_runs = current.options.more_runs;
  if (current.options == plain) return;
  Sketch all = current;
  all.options = plain;
  if (attempt(std::move(all))) return;
  Sketch threads = current;
  threads.options.intra_op_threads = 0;
  attempt(std::move(threads));
  Sketch mode = current;
  mode.options.parallel_execution = false;
  attempt(std::move(mode));
  // Every initializer outside is plainer than some; none is plainest.
  for (const int64_t bytes : {0, 1}) {
    if (current.options.external_data_bytes <= bytes) break;
    Sketch inside = current;
    inside.options.external_data_bytes = bytes;
    if (attempt(std::move(inside))) break;
  }
  for (size_t i = 0; i < current.options.disabled_optimizers.size();) {
    Sketch edited = current;
    auto& disabled = edited.options.disabled_optimizers;
    disabled.erase(disabled.begin() + static_cast<std::ptrdiff_t>(i));
    if (!attempt(std::move(edited))) ++i;
  }
}

}  // namespace

const ReductionPass& OptionsPass() {
  static const FunctionPass pass("options", "puts run options back to their defaults",
                                 ResetOptions);
  return pass;
}

}  // namespace moire
