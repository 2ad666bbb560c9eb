// The queue from inbox to store: triage processes that stay for many candidates, new groups first.
// Groups of refusals and deaths that keep leading to one cause are counted and not triaged again;
// of wrong values the triage process itself knows which part fails.
#ifndef MOIRE_HARNESS_CAMPAIGN_TRIAGE_QUEUE_H_
#define MOIRE_HARNESS_CAMPAIGN_TRIAGE_QUEUE_H_

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "harness/campaign/store.h"
#include "harness/campaign/triage.h"

namespace moire {

class TriageQueue {
 public:
  struct Settings {
    std::string out;      // the campaign's directory
    std::string program;  // the moire binary, run again as `moire internal-triage`
    std::vector<std::string> specs;
    double seconds = 60;  // a candidate's limit
  };
  TriageQueue(Settings settings, Store& store) : settings_(std::move(settings)), store_(store) {}
  ~TriageQueue() { Stop(); }
  TriageQueue(const TriageQueue&) = delete;
  TriageQueue& operator=(const TriageQueue&) = delete;

  // How many processes may triage at a time; 1 at first.
  void set_processes(size_t processes) { processes_ = processes; }
  // Takes in what lies in the inbox, listens to the processes and gives them work. Returns what
  // they brought.
  Result<std::vector<TriageResult>> Poll();
  // What led to this cause is looked at again.
  void Forget(std::string_view cause);
  // Ends the processes. What they were at stays in the inbox and is taken in by the next campaign.
  void Stop();
  bool idle() const { return waiting_.empty() && busy() == 0; }
  size_t waiting() const { return waiting_.size() + busy(); }
  int64_t unconfirmed() const { return unconfirmed_; }
  int64_t triaged() const { return triaged_; }
  // Processes of workers whose candidate did not repeat: they are restarted.
  std::set<pid_t> TakeSuspects() { return std::exchange(suspects_, {}); }

 private:
  struct Process {
    pid_t pid = -1;
    int names = -1;       // its standard input
    int answers = -1;     // its standard output
    std::string current;  // empty: nothing to do
    Candidate candidate;
    std::chrono::steady_clock::time_point started{};
  };
  size_t busy() const;
  Status TakeIn();
  Status Start(Process& process);
  void End(Process& process);
  // The next candidate that is worth triage; false when there is none.
  Result<bool> Next(Process& process);
  Status Give(Process& process);
  enum class Look { kBusy, kAnswered, kLate, kDied };
  // Looks once; a process that is late is ended. `how` says what became of one that did not answer.
  Look LookAt(Process& process, std::string& how);
  Result<TriageResult> Finish(Process& process, const std::string& how);
  bool Settled(const Candidate& candidate) const;
  Status CountSettled(const Candidate& candidate);

  Settings settings_;
  Store& store_;
  size_t processes_ = 1;
  std::vector<Process> running_;
  std::set<std::string> known_names_;
  std::set<std::string> retried_;  // whose process was killed: they get a second one
  std::multimap<int, std::string> waiting_;  // times the group was triaged -> candidate
  std::map<std::string, CauseCounts> groups_;
  int64_t unconfirmed_ = 0;
  int64_t triaged_ = 0;
  std::set<pid_t> suspects_;
};

}  // namespace moire

#endif  // MOIRE_HARNESS_CAMPAIGN_TRIAGE_QUEUE_H_
