// Candidate: a case and the verdict that a worker (or the supervisor, for a death) saw, on its way to
// triage. Stored in OUT/inbox as NAME.case and NAME.json; the JSON is written last, so a candidate
// whose JSON is there is whole.
#ifndef MOIRE_HARNESS_CAMPAIGN_CANDIDATE_H_
#define MOIRE_HARNESS_CAMPAIGN_CANDIDATE_H_

#include <string>
#include <vector>

#include "harness/case/error.h"
#include "oracles/verdict.h"

namespace moire {

struct Candidate {
  std::string case_bytes;
  Verdict verdict;
  std::string symptom;
  std::string group;  // symptom and what is known of the place before reduction: sightings of one
                      // group are triaged at growing distances
  int worker = 0;
  int64_t sightings = 1;  // since the last candidate of this group
  // A death or hang outside the runtime's stage: a mistake of Moire or of the ONNX library.
  bool ours = false;
};

Status WriteCandidate(const std::string& directory, const std::string& name,
                      const Candidate& candidate);
Result<Candidate> ReadCandidate(const std::string& directory, const std::string& name);
void RemoveCandidate(const std::string& directory, const std::string& name);
// Names of the whole candidates, sorted.
std::vector<std::string> ListCandidates(const std::string& directory);

}  // namespace moire

#endif  // MOIRE_HARNESS_CAMPAIGN_CANDIDATE_H_
