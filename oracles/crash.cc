// Oracle "crash": a configuration died of a signal. Always a bug, whatever the case: a model that
// ONNX forbids must be refused, and a value that ONNX leaves open may be any value.
#include "oracles/families.h"

namespace moire {
namespace {

// Frames that name the crash: the top ones inside the runtime. Those of Moire itself ("main") tell
// who called, which differs between a campaign and a replay.
constexpr size_t kFramesInClass = 3;
constexpr std::string_view kOwnFrame = "main+";

std::string_view SignalName(int signal) {
  struct Row {
    int number;
    std::string_view name;
  };
  // Linux numbers, the same on every architecture that Moire runs on.
  static constexpr Row kSignals[] = {{4, "SIGILL"},   {5, "SIGTRAP"},  {6, "SIGABRT"},
                                     {7, "SIGBUS"},   {8, "SIGFPE"},   {9, "SIGKILL"},
                                     {11, "SIGSEGV"}, {15, "SIGTERM"}, {31, "SIGSYS"}};
  for (const Row& row : kSignals) {
    if (row.number == signal) return row.name;
  }
  return "signal";
}

class Crash : public Oracle {
 public:
  std::string_view name() const override { return "crash"; }
  void Judge(const Evidence& evidence, std::vector<Verdict>& verdicts) const override {
    for (const Observation& seen : evidence.observations) {
      if (seen.outcome != Outcome::kCrashed) continue;
      std::string error_class(SignalName(seen.signal));
      if (error_class == "signal") error_class += fmt::format(" {}", seen.signal);
      for (size_t i = 0; i < seen.frames.size() && i < kFramesInClass; ++i) {
        if (!seen.frames[i].starts_with(kOwnFrame)) error_class += " " + seen.frames[i];
      }
      verdicts.push_back({.kind = VerdictKind::kCrash,
                          .oracle = "crash",
                          .configuration = seen.configuration,
                          .against = {},
                          .severity = kStructural,
                          .reason = fmt::format("died of {}{}{}", error_class,
                                                seen.reason.empty() ? "" : "; ", seen.reason),
                          .error_class = error_class,
                          .expected = "outputs or an error",
                          .actual = std::string(SignalName(seen.signal))});
    }
  }
};

}  // namespace

const Oracle& CrashOracle() {
  static const Crash oracle;
  return oracle;
}

}  // namespace moire
