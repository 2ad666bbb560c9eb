// One worker process as the supervisor sees it: started, watched through the shared mappings, killed
// when it passes a limit, and asked after its death what it was doing.
#ifndef MOIRE_HARNESS_CAMPAIGN_WORKER_PROCESS_H_
#define MOIRE_HARNESS_CAMPAIGN_WORKER_PROCESS_H_

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "harness/campaign/candidate.h"
#include "harness/campaign/worker_config.h"
#include "harness/campaign/worker_stats.h"
#include "harness/execute/watched.h"

namespace moire {

// Why the supervisor killed a worker; kNone: it died by itself.
enum class KillReason { kNone, kBusy, kIdle, kMemory };

struct WorkerDeath {
  bool finished = false;        // ended with 0: its cases are done
  std::string last_line;        // of its log, when it finished
  std::string fatal;            // could not start: its last line
  std::optional<Candidate> candidate;  // what the death says
};

class WorkerProcess {
 public:
  // `directory` is the worker's own: state, stats, log, new corpus entries.
  static Result<WorkerProcess> Prepare(std::string directory, int index);
  WorkerProcess(WorkerProcess&&) noexcept = default;
  WorkerProcess& operator=(WorkerProcess&&) noexcept = default;

  // Starts the target with libFuzzer's flags; corpora are read, the first is written.
  Status Start(const std::string& target, WorkerConfig config, unsigned seed,
               const std::vector<std::string>& corpora);
  // Looks once; kills the process when it passed a limit. A death is returned once.
  std::optional<WorkerDeath> Poll(const std::vector<std::string>& configuration_names);
  // Asks it to end (SIGKILL: nothing is lost, all is in the mappings and files).
  void Stop();
  bool running() const { return pid_ > 0; }
  pid_t pid() const { return pid_; }
  WorkerStats& stats() { return *stats_; }
  const std::string& directory() const { return directory_; }
  std::string new_corpus() const { return directory_ + "/new"; }

 private:
  WorkerProcess() = default;
  WorkerDeath Explain(int status, const std::vector<std::string>& configuration_names);
  void Kill(KillReason reason);

  std::string directory_;
  int index_ = 0;
  pid_t pid_ = -1;
  SharedState* state_ = nullptr;  // mapped for the life of the campaign
  WorkerStats* stats_ = nullptr;
  KillReason killed_ = KillReason::kNone;
  uint64_t sequence_ = 0;
  double stage_cpu_ = 0;      // CPU time of the process when the stage began
  double idle_cpu_ = 0;       // at the last sign of life
  uint64_t stage_rss_ = 0;
  uint64_t peak_rss_ = 0;
  double spent_cpu_ = 0;      // in the stage, when killed
  std::chrono::steady_clock::time_point alive_{};
};

}  // namespace moire

#endif  // MOIRE_HARNESS_CAMPAIGN_WORKER_PROCESS_H_
