// moire_backend_bench [TARGET [CASES [PASSES]]]: what Configuration::Run of the ort backend takes
// over the bare loop, on 10-node models at levels none and all. Not a test.
#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <string>
#include <vector>

#include "harness/backends/backend.h"
#include "harness/backends/bench_bare.h"
#include "harness/backends/testing/sample_cases.h"

namespace moire {
namespace {

int Bench(const std::string& target, uint64_t num_cases, int passes) {
  std::vector<Case> cases;
  for (uint64_t seed = 0; seed < num_cases; ++seed) {
    cases.push_back(testing::ChainCase(seed, 10));
  }
  fmt::print("{:>8} {:>12} {:>12} {:>8}\n", "level", "bare us", "Run us", "ratio");
  for (const char* level : {"none", "all"}) {
    auto bare = BareLoop::Prepare(target, fmt::format("level={}", level), cases);
    auto opened = OpenConfigurations(
        fmt::format("ort{}:level={}", target.empty() ? target : "@" + target, level));
    if (!bare || !opened) {
      fmt::print(stderr, "error: {}\n", (bare ? opened.error() : bare.error()).message);
      return 2;
    }
    Configuration& ours = *opened->front();
    // The fastest pass of each case counts: on a shared machine all noise is additive. The two
    // alternate within a case, first one then the other in front.
    std::vector<double> bare_best(cases.size(), 1e9);
    std::vector<double> ours_best(cases.size(), 1e9);
    uint64_t failed = 0;
    for (int pass = 0; pass < passes; ++pass) {
      for (size_t i = 0; i < cases.size(); ++i) {
        const auto run_bare = [&] { bare_best[i] = std::min(bare_best[i], bare->Run(i).seconds); };
        if (pass % 2 == 0) run_bare();
        const auto begin = std::chrono::steady_clock::now();
        {
          const Observation seen = ours.Run(cases[i]);
          failed += seen.outcome != Outcome::kOutputs;
        }
        const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
        ours_best[i] = std::min(ours_best[i], took.count());
        if (pass % 2 == 1) run_bare();
      }
    }
    double bare_seconds = 0;
    double ours_seconds = 0;
    for (double seconds : bare_best) bare_seconds += seconds;
    for (double seconds : ours_best) ours_seconds += seconds;
    const double per_case = 1e6 / static_cast<double>(cases.size());
    fmt::print("{:>8} {:>12.1f} {:>12.1f} {:>8.4f}\n", level, bare_seconds * per_case,
               ours_seconds * per_case, ours_seconds / bare_seconds);
    if (failed > 0) fmt::print("{} of {} runs failed\n", failed, cases.size() * passes);
  }
  return 0;
}

}  // namespace
}  // namespace moire

int main(int argc, char** argv) {
  const std::string target = argc > 1 ? argv[1] : "";
  const auto number = [&](int i, unsigned long otherwise) {
    return argc > i ? std::strtoul(argv[i], nullptr, 10) : otherwise;
  };
  return moire::Bench(target, number(2, 200), static_cast<int>(number(3, 9)));
}
