// Triage of one candidate, in a process of its own: does it repeat, does A match A, what is the
// smallest case that shows it, what is its cause; then a bundle, read back from disk and confirmed in
// a fresh process. Only what passes all of that is a finding.
#ifndef MOIRE_HARNESS_CAMPAIGN_TRIAGE_H_
#define MOIRE_HARNESS_CAMPAIGN_TRIAGE_H_

#include <optional>
#include <string>
#include <vector>

#include "harness/campaign/avoid.h"
#include "harness/campaign/candidate.h"
#include "harness/campaign/store.h"

namespace moire {

enum class TriageStatus { kConfirmed, kUnconfirmed, kOurs };

struct TriageResult {
  TriageStatus status = TriageStatus::kUnconfirmed;
  std::string reason;       // why it is not confirmed
  StoredFinding finding;    // confirmed and ours
  std::optional<AvoidRule> rule;  // crash, hang, memory: what to steer around
};

std::string ToJson(const TriageResult& result);
Result<TriageResult> TriageResultFromJson(std::string_view json);

// Runs in the triage child. `out` is the campaign's directory; the bundle lands in OUT/findings.
Result<TriageResult> Triage(const Candidate& candidate, const std::vector<std::string>& specs,
                            const std::string& out, double seconds);

}  // namespace moire

#endif  // MOIRE_HARNESS_CAMPAIGN_TRIAGE_H_
