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
    const auto [end, error] =
        std::from_chars(version.data(), version.data() + version.size(), number);
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

// Operator sets to try on releases that refuse the case's own, newest first, and the IR version
// that came with them (docs/Versioning.md of ONNX).
struct OlderSet {
  int64_t opset;
  int64_t ir_version;
};
constexpr OlderSet kOlderSets[] = {{23, 11}, {22, 10}, {21, 10}, {20, 9}, {19, 9},
                                   {18, 8},  {17, 8},  {15, 8},  {13, 7}, {11, 6}};

class ReleaseJudge {
 public:
  ReleaseJudge(const Finding& finding, const ChildOptions& options, Probe probe)
      : finding_(finding), options_(options), probe_(std::move(probe)) {
    const std::string& name = finding.verdict.configuration;
    const std::string part(BackendPart(name));
    backend_ = part.substr(0, part.find('@') + 1);
    own_ = part.substr(backend_.size());
    settings_ = name.substr(part.size());
  }

  // A release that passes may only not know the operator set, and so leave an optimiser out: it
  // passes where no operator set makes it fail.
  Label Judge(const std::string& version) {
    Label label = Run(probe_, version);
    for (const OlderSet& older : kOlderSets) {
      if (label == Label::kFails || version == own_) break;
      if (older.opset >= probe_.sketch.model.Opset("")) continue;
      const Probe lowered = Lowered(older);
      // It has to be the same failure still: the finding's own release says so.
      const auto [known, fresh] = own_fails_.try_emplace(older.opset, false);
      if (fresh) known->second = Run(lowered, own_) == Label::kFails;
      if (known->second) label = std::max(label, Run(lowered, version));
    }
    return label;
  }

 private:
  Probe Lowered(const OlderSet& older) const {
    Probe lowered = probe_;
    lowered.sketch.model.ir_version = std::min(older.ir_version, lowered.sketch.model.ir_version);
    for (OpsetImport& import : lowered.sketch.model.opsets) {
      if (import.domain.empty() || import.domain == "ai.onnx") import.version = older.opset;
    }
    return lowered;
  }

  Label Run(const Probe& probe, const std::string& version) const {
    const OpenAll open = OpenSpecs({backend_ + version + settings_});
    const Result<std::vector<Label>> labels = JudgeProbes(
        std::span(&probe, 1), finding_.verdict, open, options_, kSecondsARelease,
        BreaksOnnx(probe_.sketch), version == own_ ? Likeness::kOfErrors : Likeness::kOfReleases);
    return labels ? labels->front()
                  : Label::kUnjudged;  // a release that does not open says nothing
  }

  const Finding& finding_;
  const ChildOptions& options_;
  Probe probe_;
  std::string backend_, own_, settings_;  // "ort@", "1.32.0", ":level=all"
  std::map<int64_t, bool> own_fails_;     // by operator set
};

}  // namespace

bool OlderRelease(std::string_view a, std::string_view b) { return Numbers(a) < Numbers(b); }

Status CompareReleases(const Finding& finding, const ChildOptions& options,
                       Explanation& explanation) {
  const std::string part(BackendPart(finding.verdict.configuration));
  const size_t at = part.find('@');
  if (at == std::string::npos || part.find('/') != std::string::npos) return {};
  MOIRE_ASSIGN(const Model model, ParseModel(finding.test_case.model));
  ReleaseJudge judge(finding, options,
                     {{model, finding.test_case.inputs, finding.test_case.options}, {}});
  for (const std::string& version : InstalledVersions(part.substr(0, at))) {
    const Label label = judge.Judge(version);
    if (label == Label::kFails) explanation.bad_releases.push_back(version);
    if (label == Label::kPasses) explanation.good_releases.push_back(version);
  }
  // A bug may have come, gone and come again: what counts is since when the finding's own release
  // has it.
  const std::string own = part.substr(at + 1);
  for (const std::string& good : explanation.good_releases) {
    if (OlderRelease(good, own)) explanation.last_good_release = good;
  }
  const auto first = std::ranges::find_if(explanation.bad_releases, [&](const std::string& bad) {
    return explanation.last_good_release.empty() ||
           OlderRelease(explanation.last_good_release, bad);
  });
  if (first != explanation.bad_releases.end()) explanation.first_bad_release = *first;
  return {};
}

}  // namespace moire
