// moire_conformance DIRECTORY: runs the reference on the cases of a directory in the ONNX
// backend-test layout and prints what did not pass. Exit codes: 0 nothing failed, 1 failures,
// 2 wrong usage.
#include <fmt/core.h>

#include <CLI/CLI.hpp>

#include "oracles/reference/conformance/conformance.h"

int main(int argc, char** argv) {
  CLI::App app("Runs the reference interpreter on cases with known results.");
  std::string directory;
  moire::ConformanceOptions options;
  bool verbose = false;
  app.add_option("directory", directory, "one case, or a directory of cases")->required();
  app.add_option("--filter", options.filter, "only cases whose name contains this");
  app.add_flag("--verbose", verbose, "print every case");
  int64_t least = 0;
  app.add_option("--at-least", least, "fail unless so many cases pass");
  CLI11_PARSE(app, argc, argv);

  const auto report = moire::RunConformance(directory, options);
  if (!report) {
    fmt::print(stderr, "moire_conformance: {}\n", report.error().message);
    return 2;
  }
  constexpr const char* kOutcomes[] = {"passed", "undetermined", "not implemented", "FAILED"};
  for (const moire::CaseReport& one : report->cases) {
    if (one.outcome == moire::CaseOutcome::kPassed && !verbose) continue;
    fmt::print("{:<15} {}: {} ({} of {} decided)\n", kOutcomes[static_cast<size_t>(one.outcome)],
               one.name, one.reason, one.decided, one.elements);
  }
  fmt::print(
      "{} cases: {} passed, {} undetermined, {} not implemented, {} failed; {} of {} elements "
      "decided\n",
      report->cases.size(), report->passed, report->undetermined, report->not_implemented,
      report->failed, report->decided, report->elements);
  return report->failed == 0 && report->passed >= least ? 0 : 1;
}
