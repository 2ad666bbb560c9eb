// Triage, in a process of its own: does a candidate repeat, does A match A, what is the smallest
// case that shows it, what is its cause; then a bundle, read back from disk and confirmed in a
// fresh process. Only what passes all of that is a finding. A candidate whose failing parts have
// all led to known causes before is counted and not reduced again.
#ifndef MOIRE_HARNESS_CAMPAIGN_TRIAGE_H_
#define MOIRE_HARNESS_CAMPAIGN_TRIAGE_H_

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "harness/campaign/avoid.h"
#include "harness/campaign/candidate.h"
#include "harness/campaign/store.h"
#include "harness/execute/child.h"
#include "synth/finding.h"

namespace moire {

enum class TriageStatus { kConfirmed, kUnconfirmed, kOurs };

struct TriageResult {
  TriageStatus status = TriageStatus::kUnconfirmed;
  std::string reason;             // why it is not confirmed
  StoredFinding finding;          // confirmed and ours
  std::optional<AvoidRule> rule;  // crash, hang, memory: what to steer around
  // Cause of a finding of the campaign that shows the same bug; empty: none is known to.
  std::string same_as;
  // Confirmed before: only `finding.cause` is set, and the sighting is counted.
  bool known_part = false;
};

std::string ToJson(const TriageResult& result);
Result<TriageResult> TriageResultFromJson(std::string_view json);

// How often a failing part, or a group of sightings, has led to which cause.
struct CauseCounts {
  std::map<std::string, int> causes;
  int triaged = 0;
  int unconfirmed = 0;

  // Led to one cause twice, or to several so often that one more says nothing new.
  bool Settled() const;
  // Never confirmed, and tried often enough.
  bool Hopeless() const;
  const std::string& Likely() const;  // the most frequent; causes must not be empty
};

// Opens the configurations once and runs every check in a fork of itself: a process in which the
// runtime is loaded and nothing has run. It starts no runtime itself and may be used for any number
// of candidates.
class Triager {
 public:
  // `out` is the campaign's directory; bundles land in OUT/findings. `seconds` limit a candidate.
  static Result<Triager> Open(std::vector<std::string> specs, std::string out, double seconds);
  Result<TriageResult> Triage(const Candidate& candidate);

 private:
  Triager() = default;
  Result<TriageResult> Investigated(const Case& test_case, const Verdict& verdict,
                                    std::string* ours);

  std::vector<std::string> specs_;
  std::string out_;
  double seconds_ = 60;
  OpenAll open_;
  // The cause in force whose rule matches a death, where deaths of this group led to it before.
  std::optional<std::string> KnownDeath(const Candidate& candidate, const Case& test_case);

  // Cause of the first finding on disk that shows the bug of `finding`; empty: none does.
  std::string SameAs(const Finding& finding) const;

  std::set<std::string> compared_;             // causes that SameAs was asked of
  std::map<std::string, CauseCounts> parts_;   // by FailingPart::key
  std::map<std::string, CauseCounts> deaths_;  // by Candidate::group
};

}  // namespace moire

#endif  // MOIRE_HARNESS_CAMPAIGN_TRIAGE_H_
