#include "synth/explain/child_features.h"

#include "harness/execute/wire.h"
#include "synth/explain/each_in_children.h"

namespace moire {
namespace {

// Each costs its deadline; what follows is most likely alike.
constexpr size_t kMostDeaths = 4;

std::string Written(const Features& features) {
  WireWriter record;
  record.Put(uint64_t{features.size()});
  for (const auto& [name, feature] : features) {
    record.Put(std::string_view(name));
    record.Put(feature.is_word);
    record.Put(feature.number);
    record.Put(std::string_view(feature.word));
    record.Put(feature.cost);
    record.Put(feature.is_flag);
  }
  return record.bytes();
}

std::optional<Features> Read(std::string_view bytes) {
  WireReader record(bytes);
  Features features;
  for (size_t count = record.GetCount(); count > 0 && record.ok(); --count) {
    const std::string name = record.GetString();
    Feature& feature = features[name];
    feature.is_word = record.Get<bool>();
    feature.number = record.Get<double>();
    feature.word = record.GetString();
    feature.cost = record.Get<double>();
    feature.is_flag = record.Get<bool>();
  }
  if (!record.ok()) return std::nullopt;
  return features;
}

}  // namespace

ChildFeatures FeaturesInChildren(std::span<const Probe> probes, const ChildLimits& limits,
                                 double cpu_seconds,
                                 const std::function<Features(const Probe&)>& features_of) {
  EachOptions options{.limits = limits,
                      .runtime_modules = {},
                      .seconds = 60 + 0.1 * static_cast<double>(probes.size()),
                      .most_deaths = kMostDeaths};
  options.limits.cpu_seconds = cpu_seconds;
  options.limits.reference_ratio = 0;
  const auto start = [&](SharedState& state) -> Result<ChildStep> {
    return [&, observer = std::make_shared<SharedStageObserver>(state)](size_t i) {
      observer->Enter(Stage::kInfer, -1);
      return Written(features_of(probes[i]));
    };
  };
  const auto written = EachInChildren(probes.size(), start, options);
  ChildFeatures all;
  for (size_t i = 0; i < probes.size(); ++i) {
    std::optional<Features> read;
    if (written && (*written)[i]) read = Read(*(*written)[i]);
    all.stated_only += read ? 0 : 1;
    all.features.push_back(read ? std::move(*read) : StatedFeaturesOf(probes[i]));
  }
  return all;
}

}  // namespace moire
