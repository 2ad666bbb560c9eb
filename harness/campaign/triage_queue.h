// The queue from inbox to store: one triage child at a time, new groups first. Groups that keep
// leading to one cause are counted and not triaged again.
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
    std::string out;                 // the campaign's directory
    std::string program;             // the moire binary, run again as `moire internal-triage`
    std::vector<std::string> specs;
    double seconds = 60;             // a child's limit
  };
  TriageQueue(Settings settings, Store& store)
      : settings_(std::move(settings)), store_(store) {}

  // Takes in what lies in the inbox, ends or starts children. Returns what a child brought.
  Result<std::vector<TriageResult>> Poll();
  // Counts what is left without triage and forgets the running child.
  void Stop();
  bool idle() const { return child_ < 0 && waiting_.empty(); }
  size_t waiting() const { return waiting_.size() + (child_ < 0 ? 0 : 1); }
  int64_t unconfirmed() const { return unconfirmed_; }
  // Workers whose candidate did not repeat: they are restarted.
  std::set<int> TakeSuspects() { return std::exchange(suspects_, {}); }

 private:
  struct Group {
    std::map<std::string, int> causes;  // cause -> times triaged to it
    int triaged = 0;
    int unconfirmed = 0;
  };
  Status TakeIn();
  Status StartNext();
  Result<std::vector<TriageResult>> Finish(int status);
  bool Settled(const Group& group) const;

  Settings settings_;
  Store& store_;
  std::set<std::string> known_names_;
  std::multimap<int, std::string> waiting_;  // times the group was triaged -> candidate
  std::map<std::string, Group> groups_;
  std::string current_;
  Candidate candidate_;
  pid_t child_ = -1;
  std::chrono::steady_clock::time_point started_{};
  int64_t unconfirmed_ = 0;
  std::set<int> suspects_;
};

}  // namespace moire

#endif  // MOIRE_HARNESS_CAMPAIGN_TRIAGE_QUEUE_H_
