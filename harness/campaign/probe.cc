#include "harness/campaign/probe.h"

#include <string>

#include "harness/execute/watched.h"

namespace moire {
namespace {

// Answers of all probes up to now, in order: the same settings and answers give the same probes.
constexpr char kImplemented = '1';
constexpr char kNot = '0';

// Of all probes that one child runs.
constexpr double kWallSeconds = 600;

}  // namespace

void ProbeInChildren(const GeneratorSettings& settings, Configuration& configuration,
                     Learned& learned) {
  ChildLimits limits;
  limits.wall_seconds = kWallSeconds;
  std::string answers;
  while (true) {
    const ChildResult end = RunInChild(
        [&](SharedState& state, const std::function<void(std::string_view)>& send) {
          // The worker's own would write into the mapping that the supervisor reads.
          InstallFatalSignalHandlers(state, {"onnxruntime"});
          SharedStageObserver observer(state);
          size_t index = 0;
          Learned forgotten = learned;
          ProbeImplemented(
              settings,
              [&](const GeneratedCase& probe) {
                if (index < answers.size()) return answers[index++] == kImplemented;
                ++index;
                const Case test_case = ToCase(probe);
                observer.Enter(Stage::kConfiguration, 0);
                const bool implemented =
                    configuration.Run(test_case).outcome != Outcome::kUnsupported;
                observer.Enter(Stage::kIdle, -1);
                send(std::string_view(implemented ? &kImplemented : &kNot, 1));
                return implemented;
              },
              forgotten);
          return 0;
        },
        limits);
    answers += end.output;
    if (end.end == ChildEnd::kExited && end.exit_code == 0) break;
    if (end.stage != Stage::kConfiguration) break;  // no probe's doing: what is known is used
    answers += kImplemented;
  }
  size_t index = 0;
  ProbeImplemented(
      settings,
      [&](const GeneratedCase&) {
        const size_t at = index++;
        return at >= answers.size() || answers[at] == kImplemented;
      },
      learned);
}

}  // namespace moire
