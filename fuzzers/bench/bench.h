// How much of a bare runtime's speed the whole loop keeps: `moire bench`. Runs consecutive cases as
// a campaign does (mutate or generate, reference, every configuration, judge, feedback), and each
// of them right afterwards through the barest loop over the runtime's C API, with the same session
// options. Then the same cases with and without breakpoints, and a sampled share of each stage.
// Depends on the campaign's worker, feedback and backends.
#ifndef MOIRE_FUZZERS_BENCH_BENCH_H_
#define MOIRE_FUZZERS_BENCH_BENCH_H_

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "harness/case/error.h"

namespace moire {

struct BenchOptions {
  std::string target;  // release or path of ONNX Runtime; empty: the default one
  std::string settings = "level=none+all";
  int64_t cases = 5000;
  int64_t armed_cases = 2000;  // of them, for the comparison with and without breakpoints
  int64_t stage_cases = 500;   // more, for the shares of the stages
  int nodes = 10;
  uint64_t seed = 1;
  bool value_search = true;                                   // as a campaign does
  std::function<void(int64_t done, int64_t total)> progress;  // called in the child
};

struct BenchReport {
  std::string library;
  int64_t cases = 0;
  // Cases that end the process, found out beforehand; those that a campaign learns to avoid. They
  // are in no figure.
  int64_t deadly = 0;
  int64_t restarts = 0;  // cases that got through and took the process with them
  int64_t accepted = 0;  // ran at every configuration in the bare loop
  // CPU time; both loops run in one thread, so on an idle machine wall time gives the same.
  double loop_seconds = 0;
  double bare_seconds = 0;
  double loop_ratio = 0;  // bare_seconds / loop_seconds
  double loop_wall_ratio = 0;
  double median_elements = 0;  // of all tensors of a case whose shapes are known
  double median_nodes = 0;
  uint64_t blocks_armed = 0;
  double arming_seconds = 0;
  // Cases a CPU second with breakpoints over without: ratio of the medians over alternating chunks.
  double armed_speed_ratio = 0;
  std::map<std::string, double> stage_shares;  // of wall time, by sampling; sums to 1
};

// Runs in children. Errors: those of opening the backend; kInternal when children die all the time.
Result<BenchReport> Bench(const BenchOptions& options = {});

std::string ToJson(const BenchReport& report);

}  // namespace moire

#endif  // MOIRE_FUZZERS_BENCH_BENCH_H_
