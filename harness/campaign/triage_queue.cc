#include "harness/campaign/triage_queue.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "harness/campaign/candidate.h"
#include "harness/campaign/worker_config.h"
#include "harness/case/case.h"

namespace moire {
namespace {

// A group that led to one cause this often is that cause.
constexpr int kSameCause = 2;
// A group that leads to several causes is triaged at most so often.
constexpr int kMaxTriaged = 12;
constexpr int kMaxUnconfirmed = 3;

}  // namespace

bool TriageQueue::Settled(const Group& group) const {
  if (group.triaged >= kMaxTriaged || group.unconfirmed >= kMaxUnconfirmed) return true;
  return group.causes.size() == 1 && group.causes.begin()->second >= kSameCause;
}

Status TriageQueue::TakeIn() {
  const std::string inbox = InboxDirectory(settings_.out);
  for (const std::string& name : ListCandidates(inbox)) {
    if (!known_names_.insert(name).second) continue;
    const auto candidate = ReadCandidate(inbox, name);
    if (!candidate) {
      RemoveCandidate(inbox, name);
      continue;
    }
    Group& group = groups_[candidate->group];
    if (!Settled(group)) {
      waiting_.emplace(group.triaged, name);
      continue;
    }
    if (group.causes.empty()) {
      unconfirmed_ += candidate->sightings;
      MOIRE_TRY(store_.AddUnconfirmed(candidate->symptom, candidate->sightings));
    } else {
      // The most frequent cause of the group stands for the sighting.
      const auto likely =
          std::max_element(group.causes.begin(), group.causes.end(),
                           [](const auto& a, const auto& b) { return a.second < b.second; });
      MOIRE_TRY(store_.AddSightings(likely->first, candidate->sightings));
    }
    RemoveCandidate(inbox, name);
  }
  return {};
}

Status TriageQueue::StartNext() {
  const std::string inbox = InboxDirectory(settings_.out);
  while (child_ < 0 && !waiting_.empty()) {
    current_ = waiting_.begin()->second;
    waiting_.erase(waiting_.begin());
    auto candidate = ReadCandidate(inbox, current_);
    if (!candidate) continue;
    if (Settled(groups_[candidate->group])) {
      known_names_.erase(current_);  // counted by the next TakeIn
      continue;
    }
    candidate_ = std::move(*candidate);
    std::vector<std::string> arguments = {settings_.program, "internal-triage", settings_.out,
                                          current_, fmt::format("{}", settings_.seconds)};
    arguments.insert(arguments.end(), settings_.specs.begin(), settings_.specs.end());
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    const std::string log = settings_.out + "/triage.log";
    child_ = fork();
    if (child_ < 0) {
      return Fail(ErrorCode::kEnvironment, "cannot start triage: {}", std::strerror(errno));
    }
    if (child_ == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      setpgid(0, 0);
      setpriority(PRIO_PROCESS, 0, 5);
      const int fd = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
      if (fd >= 0) {
        dup2(fd, 1);
        dup2(fd, 2);
      }
      execv(settings_.program.c_str(), argv.data());
      _exit(3);
    }
    started_ = std::chrono::steady_clock::now();
  }
  return {};
}

Result<std::vector<TriageResult>> TriageQueue::Finish(int status) {
  const std::string inbox = InboxDirectory(settings_.out);
  const std::string answer = inbox + "/" + current_ + ".result";
  TriageResult result;
  result.reason = WIFSIGNALED(status) ? fmt::format("triage died of signal {}", WTERMSIG(status))
                                      : fmt::format("triage ended with {}", WEXITSTATUS(status));
  if (const auto text = ReadFile(answer)) {
    if (auto read = TriageResultFromJson(*text)) result = std::move(*read);
  }
  std::error_code ignored;
  std::filesystem::remove(answer, ignored);
  Group& group = groups_[candidate_.group];
  ++group.triaged;
  if (result.status == TriageStatus::kUnconfirmed) {
    ++group.unconfirmed;
    unconfirmed_ += candidate_.sightings;
    suspects_.insert(candidate_.worker);
    MOIRE_TRY(store_.AddUnconfirmed(candidate_.symptom, candidate_.sightings));
    // Kept apart for a person to look at.
    std::filesystem::create_directories(settings_.out + "/unconfirmed", ignored);
    std::filesystem::rename(inbox + "/" + current_ + ".case",
                            settings_.out + "/unconfirmed/" + current_ + ".case", ignored);
    std::filesystem::rename(inbox + "/" + current_ + ".json",
                            settings_.out + "/unconfirmed/" + current_ + ".json", ignored);
  } else {
    result.finding.times_seen = candidate_.sightings;
    MOIRE_TRY(store_.Record(result.finding));
    ++group.causes[result.finding.cause];
  }
  RemoveCandidate(inbox, current_);
  std::vector<TriageResult> results;
  results.push_back(std::move(result));
  return results;
}

Result<std::vector<TriageResult>> TriageQueue::Poll() {
  MOIRE_TRY(TakeIn());
  std::vector<TriageResult> results;
  if (child_ >= 0) {
    int status = 0;
    const double age =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - started_).count();
    if (waitpid(child_, &status, WNOHANG) == child_) {
      child_ = -1;
      MOIRE_ASSIGN(results, Finish(status));
    } else if (age > 2 * settings_.seconds + 60) {
      kill(-child_, SIGKILL);
      kill(child_, SIGKILL);
    }
  }
  MOIRE_TRY(StartNext());
  return results;
}

void TriageQueue::Stop() {
  if (child_ < 0) return;
  kill(-child_, SIGKILL);
  kill(child_, SIGKILL);
  waitpid(child_, nullptr, 0);
  child_ = -1;  // its candidate stays in the inbox and is taken in by the next campaign
}

}  // namespace moire
