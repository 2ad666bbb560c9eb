// Execute in children, so that no case can take the caller with it: for `run`, `replay`, confirmation
// and the reduction of crashes. Crashes, hangs and memory become observations and verdicts.
#ifndef MOIRE_HARNESS_EXECUTE_CHILD_H_
#define MOIRE_HARNESS_EXECUTE_CHILD_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "harness/execute/execute.h"
#include "harness/execute/watched.h"

namespace moire {

using Configurations = std::vector<std::unique_ptr<Configuration>>;
// Opens what is to be run. Called inside each child, so that the caller never loads a runtime.
using OpenAll = std::function<Result<Configurations>()>;
OpenAll OpenSpecs(std::vector<std::string> specs);

struct ChildOptions {
  // Where the reference is quick, a hang takes 5 s of CPU time to prove.
  ChildLimits limits = {.cpu_seconds = 6,
                        .reference_ratio = 1001,
                        .wall_seconds = 300,
                        .idle_seconds = 10,
                        .memory_bytes = uint64_t{4} << 30};
  Budget budget;
  bool keep_outputs = false;  // observations carry their outputs
  bool check_growth = false;  // run the case 100 times more and see whether memory is kept
  std::vector<std::string> runtime_modules = {"onnxruntime"};
};

// What a run in children says. `reference` holds no outputs (evaluate again for them: the child has
// shown that it ends); `model` is left empty.
struct ChildExecution {
  Execution execution;
  std::vector<std::string> configurations;  // names, in order
  bool parsed = false;
  // Set where a child died or hung outside the runtime: our own mistake or the ONNX library's, with the
  // stage. Verdicts of kind kOracleError tell the same.
  std::string ours;
};

// Runs the case and adds what it cost this process: CPU time and the peak of resident memory above the level
// before. With `check_growth`, a quick case is repeated, and what keeps memory says so (oracles/growth.h).
Observation MeasuredRun(Configuration& configuration, const Case& test_case, bool check_growth);

// For children: what a runtime prints as it dies is of no use to the caller's terminal.
void SilenceOutput();

// What the end of a child that ran one configuration says about that configuration.
Observation ObservationOfEnd(const ChildResult& end, std::string configuration);

// First one child runs everything. If it does not come to a good end, each configuration runs in a
// child of its own, so that a broken heap is blamed on the one that broke it, and a last child judges.
// Errors: those of `open` (kNotFound, kInvalidInput), and kEnvironment where no child can be made.
Result<ChildExecution> ExecuteInChild(const Case& test_case, const OpenAll& open,
                                      const ChildOptions& options = {});

}  // namespace moire

#endif  // MOIRE_HARNESS_EXECUTE_CHILD_H_
