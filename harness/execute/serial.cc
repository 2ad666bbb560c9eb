#include "harness/execute/serial.h"

#include <sstream>
#include <string_view>

namespace moire {
namespace {

// First word of a line that tells of an error of `open`.
constexpr std::string_view kError = "error";

int RunFrom(size_t first, size_t count, const OpenAll& open, const Job& job, SharedState& state,
            const std::function<void(std::string_view)>& send) {
  SilenceOutput();
  SharedStageObserver observer(state);
  auto configurations = open();
  if (!configurations) {
    send(fmt::format("{} {} {}\n", kError, static_cast<int>(configurations.error().code),
                     OneLine(configurations.error().message)));
    return 0;
  }
  for (size_t i = first; i < count; ++i) {
    observer.Enter(Stage::kParse, -1);
    send(fmt::format("{} {}\n", i, OneLine(job(i, *configurations, observer))));
    observer.Enter(Stage::kIdle, -1);
  }
  return 0;
}

// Takes in a child's lines; the first job that they say nothing of.
Result<size_t> TakeIn(const std::string& output, size_t next, const TakeLine& take) {
  std::istringstream lines(output);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream fields(line);
    std::string rest;
    if (line.starts_with(kError)) {
      int code = 0;
      fields >> rest >> code >> std::ws;
      std::getline(fields, rest);
      return std::unexpected(Error{static_cast<ErrorCode>(code), rest});
    }
    size_t index = 0;
    if (!(fields >> index) || index != next) break;
    fields.get();
    std::getline(fields, rest);
    take(next++, rest);
  }
  return next;
}

}  // namespace

std::string OneLine(std::string text) {
  for (char& c : text) {
    if (c == '\n' || c == '\r') c = ' ';
  }
  return text;
}

Status RunSerially(size_t count, const OpenAll& open, const ChildLimits& limits, const Job& job,
                   const TakeLine& take) {
  for (size_t next = 0; next < count;) {
    const ChildResult child = RunInChild(
        [&](SharedState& state, const std::function<void(std::string_view)>& send) {
          return RunFrom(next, count, open, job, state, send);
        },
        limits);
    MOIRE_ASSIGN(next, TakeIn(child.output, next, take));
    if (next >= count) break;
    const Observation end = ObservationOfEnd(child, "");
    const std::string how = child.end == ChildEnd::kSignalled
                                ? fmt::format("died of signal {}", child.signal)
                                : fmt::format("{}: {}", Name(end.outcome), OneLine(end.reason));
    take(next++, Fail(ErrorCode::kInternal, "{}", how));
  }
  return {};
}

}  // namespace moire
