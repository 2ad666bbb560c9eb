#include "synth/identity.h"

#include <cmath>

#include "harness/case/onnx_adapter.h"
#include "harness/execute/wire.h"
#include "oracles/error_class.h"

namespace moire {
namespace {

constexpr int kRuns = 3;

bool SameTensor(const Tensor& a, const Tensor& b) {
  if (a == b) return true;
  if (a.type != b.type || a.shape != b.shape || !IsFloat(a.type)) return false;
  for (int64_t i = 0; i < a.size(); ++i) {
    const double x = GetFloat(a, i);
    const double y = GetFloat(b, i);
    const bool same = std::isnan(x) ? std::isnan(y) : x == y && std::signbit(x) == std::signbit(y);
    if (!same) return false;
  }
  return true;
}

}  // namespace

IdentityResult SameObservation(const Observation& a, const Observation& b) {
  const auto differ = [](std::string reason) {
    return IdentityResult{Identity::kRunsDiffer, std::move(reason)};
  };
  if (a.outcome != b.outcome)
    return differ("one run ends with outputs or an error, the other does not");
  if (a.outcome != Outcome::kOutputs) {
    if (MessageClass(a.reason) != MessageClass(b.reason)) {
      return differ(fmt::format("one run says '{}', the other '{}'", a.reason, b.reason));
    }
    return {};
  }
  if (a.outputs.size() != b.outputs.size()) return differ("the numbers of outputs differ");
  for (size_t i = 0; i < a.outputs.size(); ++i) {
    if (!SameTensor(a.outputs[i].tensor, b.outputs[i].tensor)) {
      return differ(fmt::format("output {} differs between two runs", i));
    }
  }
  return {};
}

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
