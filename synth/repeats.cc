#include "synth/repeats.h"

#include <algorithm>
#include <chrono>
#include <cmath>

namespace moire {
namespace {

constexpr int kMostRepeats = 200;
// Below this rate a candidate would need more runs than kMostRepeats.
constexpr double kLeastRate = 0.03;

// Probability of fewer than two failures in n runs.
double MissesTwo(double rate, int n) {
  const double none = std::pow(1 - rate, n);
  return none + n * rate * std::pow(1 - rate, n - 1);
}

}  // namespace

FailureRate EstimateRate(const std::function<bool()>& fails, const RateOptions& options) {
  const auto start = std::chrono::steady_clock::now();
  FailureRate seen;
  while (seen.runs < options.most) {
    if (seen.runs >= options.first && seen.failures == seen.runs) break;
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
    if (seen.runs >= options.first && elapsed.count() > options.seconds) break;
    seen.failures += fails() ? 1 : 0;
    ++seen.runs;
  }
  return seen;
}

Repeats RepeatsFor(const FailureRate& original) {
  if (!original.flaky()) return {};
  // The low end of the estimate: one standard error below.
  const double p = original.rate();
  const double low = std::max(kLeastRate, p - std::sqrt(p * (1 - p) / original.runs));
  int runs = 2;
  while (runs < kMostRepeats && MissesTwo(low, runs) > 1 - kConfidence) ++runs;
  return {runs, 2};
}

bool FailsOften(const std::function<bool()>& fails, const Repeats& repeats) {
  int failures = 0;
  for (int run = 0; run < repeats.runs && failures < repeats.needed; ++run) {
    // The runs that are left cannot make up for the failures that are missing.
    if (repeats.needed - failures > repeats.runs - run) return false;
    failures += fails() ? 1 : 0;
  }
  return failures >= repeats.needed;
}

Interesting Repeated(Interesting once, const Repeats& repeats) {
  return [once = std::move(once), repeats](const Case& test_case) {
    return FailsOften([&] { return once(test_case); }, repeats);
  };
}

}  // namespace moire
