// How many checks a second a reduction makes, beside the barest loop that does the same runs.
#ifndef MOIRE_TESTS_BANK_RATES_H_
#define MOIRE_TESTS_BANK_RATES_H_

#include <cstdint>
#include <string>

#include "harness/case/error.h"

namespace moire::bank {

struct RateOptions {
  std::string release;  // of ONNX Runtime; empty: the default one
  int cases = 20;       // reductions
  int nodes = 10;
  bool crash = false;  // a fault that kills; otherwise wrong values
};
// Both loops run in one thread and wait for what they fork: on an idle core wall time, which counts
// what other programs take as well, gives what CPU time gives, that of the children included.
struct LoopTime {
  double cpu = 0, wall = 0;
};
struct RateReport {
  int64_t checks = 0;     // of all reductions
  int64_t compared = 0;   // of them those whose candidate the runtime accepts
  LoopTime ours;          // of the reductions, editing and repair included
  LoopTime bare;          // of the bare loop over the `compared` candidates
  double mean_nodes = 0;  // of a candidate
  // A CPU second.
  double rate() const { return static_cast<double>(checks) / ours.cpu; }
  double bare_rate() const { return static_cast<double>(compared) / bare.cpu; }
  double ratio() const { return rate() / bare_rate(); }
  double wall_ratio() const {
    return static_cast<double>(checks) / ours.wall * bare.wall / static_cast<double>(compared);
  }
};
// Reduces generated cases in a runtime that always fails, with the passes that leave nodes alone,
// in one process; then runs every candidate through the bare loop: for differences at levels none
// and all, for crashes at level all in a process forked for it (fork, create, run, wait). Runs in a
// child. Errors: those of opening the runtime, kInternal.
Result<RateReport> MeasureRate(const RateOptions& options);

}  // namespace moire::bank

#endif  // MOIRE_TESTS_BANK_RATES_H_
