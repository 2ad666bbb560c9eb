// What a bundle holds for those who file it: repro.cc, a pytest file, the environment, the text of
// an issue, and the explanation once `moire explain` has made one.
#ifndef MOIRE_SYNTH_BUNDLE_EXTRAS_H_
#define MOIRE_SYNTH_BUNDLE_EXTRAS_H_

#include <string>

#include "harness/case/error.h"
#include "synth/finding.h"

namespace moire {

// What `moire explain` knows, as words; empty members are left out of the issue.
struct IssueDetails {
  std::string predicate = {};
  std::string first_bad_release = {};
  std::string last_good_release = {};
  std::vector<std::string> bad_releases = {};
  std::vector<std::string> good_releases = {};
  std::string pass = {};
  std::vector<std::string> passing_changes = {};
};
// Title, steps, expected with what the operator's ONNX page says, actual, affected versions.
std::string IssueText(const Finding& finding, const IssueDetails& details);

// repro.cc (where it can be written), test_finding.py, environment.json, issue.md.
Status WriteBundleExtras(const std::string& directory, const Finding& finding);

}  // namespace moire

#endif  // MOIRE_SYNTH_BUNDLE_EXTRAS_H_
