// The supervisor of `moire fuzz`: one libFuzzer worker a core, watched from outside; triage of what
// they find; the store; the live line; the summary. Killing it or any worker at any moment loses
// nothing that was reported; running it again on the same directory goes on.
#ifndef MOIRE_HARNESS_CAMPAIGN_SUPERVISOR_H_
#define MOIRE_HARNESS_CAMPAIGN_SUPERVISOR_H_

#include <string>
#include <vector>

#include "harness/campaign/known.h"
#include "harness/campaign/store.h"
#include "harness/campaign/summary.h"
#include "harness/campaign/triage_queue.h"
#include "harness/campaign/worker_process.h"

namespace moire {

struct FuzzOptions {
  std::vector<std::string> backends = {"ort"};  // SPECs; without settings: every level
  double seconds = 0;       // 0: no limit
  uint64_t cases = 0;       // 0: no limit
  int jobs = 1;
  uint64_t seed = 1;
  std::string out = "moire-out";
  std::vector<std::string> corpora;  // more cases to start from: directories of cases
  std::vector<std::string> known;
  std::string feedback = "breakpoints";
  int min_nodes = 1;
  int max_nodes = 30;
  bool whole_standard = false;  // operators too whose findings have not all been read
  std::string schemas;          // list of contributed operators to generate (docs/formats.md)
  bool value_search = true;    // values that keep outputs finite and decidable
  bool fail_on_finding = false;
  bool stop_on_finding = false;
  std::string rerun;        // a journal
  std::string target;       // the libFuzzer binary
  std::string program;      // the moire binary
};

// Runs the campaign to its end (time, cases, Ctrl-C, --stop-on-finding). Errors are those that keep
// it from starting or going on: no rights, full disk, unknown backend.
Result<CampaignSummary> RunCampaign(const FuzzOptions& options);

}  // namespace moire

#endif  // MOIRE_HARNESS_CAMPAIGN_SUPERVISOR_H_
