#include "synth/explain/each_in_children.h"

#include <chrono>

#include "harness/execute/wire.h"

namespace moire {

Result<std::vector<std::optional<std::string>>> EachInChildren(
    size_t count, const std::function<Result<ChildStep>(SharedState&)>& start,
    const EachOptions& options) {
  // Past its time a step may still end by itself.
  constexpr double kGraceSeconds = 30;
  std::vector<std::optional<std::string>> results(count);
  const auto begin = std::chrono::steady_clock::now();
  const auto left = [&] {
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - begin;
    return options.seconds - elapsed.count();
  };
  size_t deaths = 0;
  for (size_t next = 0; next < count && left() > 0;) {
    ChildLimits limits = options.limits;
    limits.wall_seconds = left() + kGraceSeconds;
    limits.idle_seconds = limits.wall_seconds;  // it may wait for children of its own
    const ChildResult end = RunInChild(
        [&](SharedState& state, const std::function<void(std::string_view)>& send) {
          SilenceOutput();
          InstallFatalSignalHandlers(state, options.runtime_modules);
          const Result<ChildStep> step = start(state);
          if (!step) return 1;
          for (size_t i = next; i < count && left() > 0; ++i) {
            WireWriter record;
            record.Put(std::string_view((*step)(i)));
            send(record.bytes());
          }
          return 0;
        },
        limits);
    if (end.end == ChildEnd::kExited && end.exit_code != 0) {
      return Fail(ErrorCode::kInternal, "a child could not begin");
    }
    WireReader records(end.output);
    while (next < count && !records.done()) {
      std::string result = records.GetString();
      if (!records.ok()) break;  // it died as it wrote
      results[next++] = std::move(result);
    }
    if (end.end == ChildEnd::kExited || next == count) break;
    ++next;
    if (++deaths >= options.most_deaths) break;
  }
  return results;
}

}  // namespace moire
