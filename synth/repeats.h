// Flaky failures: how often the original fails, and how many runs a candidate needs so that the
// judgement holds at the stated confidence. Knows nothing of what a run is.
#ifndef MOIRE_SYNTH_REPEATS_H_
#define MOIRE_SYNTH_REPEATS_H_

#include <functional>

#include "synth/reduce.h"

namespace moire {

struct FailureRate {
  int runs = 0;
  int failures = 0;
  double rate() const { return runs == 0 ? 0 : static_cast<double>(failures) / runs; }
  bool fails() const { return failures > 0; }
  bool flaky() const { return failures > 0 && failures < runs; }
};

struct RateOptions {
  int first = 5;         // runs that all have to agree for the failure to count as steady
  int most = 40;         // runs to estimate the rate of one that is not, and to look for a failure
  double seconds = 120;  // the estimate stops there, after `first` runs
};
FailureRate EstimateRate(const std::function<bool()>& fails, const RateOptions& options = {});

// A candidate fails when at least `needed` of `runs` runs fail. One of one for a steady failure;
// for a flaky one two, so that a candidate which fails much more rarely is not taken for as good,
// in as many runs as find them with probability kConfidence in a case that fails as often as the
// original.
struct Repeats {
  int runs = 1;
  int needed = 1;
};
inline constexpr double kConfidence = 0.99;
Repeats RepeatsFor(const FailureRate& original);
// Stops as soon as the answer is known.
bool FailsOften(const std::function<bool()>& fails, const Repeats& repeats);
// The interestingness test that asks `once` often enough.
Interesting Repeated(Interesting once, const Repeats& repeats);

}  // namespace moire

#endif  // MOIRE_SYNTH_REPEATS_H_
