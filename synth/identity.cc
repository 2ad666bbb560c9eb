#include "synth/identity.h"

#include <utility>

#include "harness/case/onnx_adapter.h"
#include "harness/execute/wire.h"
#include "oracles/same_observation.h"

namespace moire {
namespace {

constexpr int kRuns = 3;

IdentityResult SameObservation(const Observation& a, const Observation& b) {
  std::string difference = DifferenceOf(a, b);
  if (difference.empty()) return {};
  return {Identity::kRunsDiffer, std::move(difference)};
}

}  // namespace

IdentityResult CheckIdentity(const Case& test_case, Configuration& configuration) {
  const Observation first = configuration.Run(test_case);
  for (int run = 1; run < kRuns; ++run) {
    IdentityResult result = SameObservation(first, configuration.Run(test_case));
    if (result.identity != Identity::kSame) return result;
  }
  const Result<Model> model = ParseModel(test_case.model);
  if (!model) return {};  // what we cannot parse has no twin
  Case twin = test_case;
  twin.model = SerializeModel(*model);
  if (twin.model == test_case.model) return {};
  IdentityResult result = SameObservation(first, configuration.Run(twin));
  if (result.identity != Identity::kSame) {
    result = {Identity::kTwinDiffers,
              "the re-serialised model behaves differently: " + result.reason};
  }
  return result;
}

IdentityResult CheckIdentityInChild(const Case& test_case, const std::string& configuration,
                                    const OpenAll& open, const ChildOptions& options) {
  const ChildResult end = RunInChild(
      [&](SharedState& state, const std::function<void(std::string_view)>& send) {
        SilenceOutput();
        InstallFatalSignalHandlers(state, options.runtime_modules);
        const Result<Configurations> opened = open();
        if (!opened) return 0;
        for (const auto& candidate : *opened) {
          if (candidate->name() != configuration) continue;
          SharedStageObserver(state).Enter(Stage::kConfiguration, 0);
          const IdentityResult result = CheckIdentity(test_case, *candidate);
          WireWriter record;
          record.Put(result.identity);
          record.Put(std::string_view(result.reason));
          send(record.bytes());
        }
        return 0;
      },
      options.limits);
  WireReader reader(end.output);
  IdentityResult result;
  result.identity = reader.Get<Identity>();
  result.reason = reader.GetString();
  return reader.ok() ? result : IdentityResult{};
}

}  // namespace moire
