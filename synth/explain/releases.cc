#include "synth/explain/releases.h"

#include <algorithm>
#include <charconv>

#include "harness/case/onnx_adapter.h"
#include "oracles/configuration_name.h"
#include "synth/explain/judge_probes.h"

namespace moire {
namespace {

constexpr double kSecondsARelease = 60;

std::vector<int> Numbers(std::string_view version) {
  std::vector<int> numbers;
  while (!version.empty()) {
    int number = 0;
    const auto [end, error] = std::from_chars(version.data(), version.data() + version.size(), number);
    if (error != std::errc()) break;
    numbers.push_back(number);
    version.remove_prefix(static_cast<size_t>(end - version.data()));
    if (!version.starts_with('.')) break;
    version.remove_prefix(1);
  }
  return numbers;
}

std::vector<std::string> InstalledVersions(std::string_view backend) {
  std::vector<std::string> versions;
  for (const BackendEntry& entry : BackendRegistry()) {
    if (entry.name != backend) continue;
    for (const BackendInfo& info : entry.list()) {
      if (info.installed && !info.version.empty()) versions.push_back(info.version);
    }
  }
  std::ranges::sort(versions, OlderRelease);
  return versions;
}

}  // namespace

bool OlderRelease(std::string_view a, std::string_view b) { return Numbers(a) < Numbers(b); }

Status CompareReleases(const Finding& finding, const ChildOptions& options,
                       Explanation& explanation) {
  const std::string& name = finding.verdict.configuration;
  const std::string part(BackendPart(name));
  const size_t at = part.find('@');
  if (at == std::string::npos || part.find('/') != std::string::npos) return {};
  MOIRE_ASSIGN(const Model model, ParseModel(finding.test_case.model));
  // Named by its settings alone, so that one spec opens one configuration.
  const Probe probe{{model, finding.test_case.inputs, finding.test_case.options}, {}};
  for (const std::string& version : InstalledVersions(part.substr(0, at))) {
    const std::string spec = part.substr(0, at + 1) + version + name.substr(part.size());
    const Result<std::vector<Label>> labels = JudgeProbes(
        std::span(&probe, 1), finding.verdict, OpenSpecs({spec}), options, kSecondsARelease);
    if (!labels) continue;  // this release does not open
    if (labels->front() == Label::kFails) explanation.bad_releases.push_back(version);
    if (labels->front() == Label::kPasses) explanation.good_releases.push_back(version);
  }
  if (explanation.bad_releases.empty()) return {};
  explanation.first_bad_release = explanation.bad_releases.front();
  for (const std::string& good : explanation.good_releases) {
    if (OlderRelease(good, explanation.first_bad_release)) explanation.last_good_release = good;
  }
  return {};
}

}  // namespace moire
