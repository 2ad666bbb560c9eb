#include "harness/campaign/triage_queue.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>

#include "harness/campaign/candidate.h"
#include "harness/campaign/worker_config.h"
#include "harness/case/case.h"
#include "synth/symptom_check.h"

namespace moire {
namespace {

// Sightings of one group of deaths that are triaged although they led to one cause.
constexpr int kDeathsTriaged = 12;

// The process that a worker's candidate ("w0-1234-000001") is from; -1: another's.
pid_t WorkerOf(std::string_view name) {
  pid_t pid = -1;
  const size_t dash = name.find('-');
  if (name.starts_with('w') && dash != std::string_view::npos) {
    std::from_chars(name.data() + dash + 1, name.data() + name.size(), pid);
  }
  return pid;
}

}  // namespace

size_t TriageQueue::busy() const {
  return static_cast<size_t>(std::ranges::count_if(
      running_, [](const Process& process) { return !process.current.empty(); }));
}

// The message of a refusal and the frames of a death say what it is; a wrong value has no more than
// the output that it shows at, and many faults show there.
bool TriageQueue::Settled(const Candidate& candidate) const {
  const auto group = groups_.find(candidate.group);
  if (group == groups_.end()) return false;
  if (group->second.Hopeless()) return true;
  if (candidate.verdict.kind == VerdictKind::kMismatch) return false;
  // The rule of a death that goes on is too narrow, so more of its sightings are looked at.
  const CauseCounts& counts = group->second;
  return counts.Settled() && (!IsDeath(candidate.verdict.kind) || counts.triaged >= kDeathsTriaged);
}

Status TriageQueue::CountSettled(const Candidate& candidate) {
  const CauseCounts& group = groups_[candidate.group];
  if (!group.causes.empty()) return store_.AddSightings(group.Likely(), candidate.sightings);
  unconfirmed_ += candidate.sightings;
  return store_.AddUnconfirmed(candidate.symptom, candidate.sightings);
}

Status TriageQueue::TakeIn() {
  const std::string inbox = InboxDirectory(settings_.out);
  for (const std::string& name : ListCandidates(inbox)) {
    if (!known_names_.insert(name).second) continue;
    const auto candidate = ReadCandidate(inbox, name);
    if (candidate && !Settled(*candidate)) {
      waiting_.emplace(groups_[candidate->group].triaged, name);
      continue;
    }
    if (candidate) MOIRE_TRY(CountSettled(*candidate));
    RemoveCandidate(inbox, name);
  }
  return {};
}

Status TriageQueue::Start(Process& process) {
  std::vector<std::string> arguments = {settings_.program, "internal-triage", settings_.out,
                                        fmt::format("{}", settings_.seconds)};
  arguments.insert(arguments.end(), settings_.specs.begin(), settings_.specs.end());
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  const std::string log = settings_.out + "/triage.log";
  int names[2] = {-1, -1};
  int answers[2] = {-1, -1};
  if (pipe2(names, O_CLOEXEC) != 0 || pipe2(answers, O_CLOEXEC | O_NONBLOCK) != 0 ||
      (process.pid = fork()) < 0) {
    for (const int fd : {names[0], names[1], answers[0], answers[1]}) {
      if (fd >= 0) close(fd);
    }
    return Fail(ErrorCode::kEnvironment, "cannot start triage: {}", std::strerror(errno));
  }
  if (process.pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setpgid(0, 0);
    setpriority(PRIO_PROCESS, 0, 5);
    fcntl(answers[1], F_SETFL, 0);
    dup2(names[0], STDIN_FILENO);
    dup2(answers[1], STDOUT_FILENO);
    const int fd = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (fd >= 0) dup2(fd, STDERR_FILENO);
    execv(settings_.program.c_str(), argv.data());
    _exit(3);
  }
  close(names[0]);
  close(answers[1]);
  process.names = names[1];
  process.answers = answers[0];
  return {};
}

void TriageQueue::End(Process& process) {
  if (process.pid >= 0) {
    kill(-process.pid, SIGKILL);
    kill(process.pid, SIGKILL);
    waitpid(process.pid, nullptr, 0);
  }
  if (process.names >= 0) close(process.names);
  if (process.answers >= 0) close(process.answers);
  process.pid = process.names = process.answers = -1;
}

Result<bool> TriageQueue::Next(Process& process) {
  const std::string inbox = InboxDirectory(settings_.out);
  while (!waiting_.empty()) {
    std::string name = waiting_.begin()->second;
    waiting_.erase(waiting_.begin());
    auto candidate = ReadCandidate(inbox, name);
    if (!candidate) continue;
    if (Settled(*candidate)) {
      MOIRE_TRY(CountSettled(*candidate));
      RemoveCandidate(inbox, name);
      continue;
    }
    process.candidate = std::move(*candidate);
    process.current = std::move(name);
    return true;
  }
  return false;
}

Status TriageQueue::Give(Process& process) {
  if (process.pid < 0) MOIRE_TRY(Start(process));
  const std::string line = process.current + "\n";
  // A process that is gone by now is seen to be so by the next look at it.
  if (write(process.names, line.data(), line.size()) < 0 && errno != EPIPE) {
    return Fail(ErrorCode::kEnvironment, "cannot talk to triage: {}", std::strerror(errno));
  }
  process.started = std::chrono::steady_clock::now();
  return {};
}

TriageQueue::Look TriageQueue::LookAt(Process& process, std::string& how) {
  char answer[256];
  const ssize_t got = read(process.answers, answer, sizeof answer);
  if (got > 0 && answer[got - 1] == '\n') return Look::kAnswered;
  Look look = Look::kLate;
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
    const double age =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - process.started).count();
    if (age <= 2 * settings_.seconds + 60) return Look::kBusy;
    how = "triage took too long";
  } else if (got == 0) {
    int status = 0;
    waitpid(process.pid, &status, 0);
    process.pid = -1;
    look = Look::kDied;
    how = WIFSIGNALED(status) ? fmt::format("triage died of signal {}", WTERMSIG(status))
                              : fmt::format("triage ended with {}", WEXITSTATUS(status));
  }
  End(process);
  return look;
}

Result<TriageResult> TriageQueue::Finish(Process& process, const std::string& how) {
  const std::string inbox = InboxDirectory(settings_.out);
  const std::string name = std::exchange(process.current, {});
  const Candidate& candidate = process.candidate;
  const std::string answer = inbox + "/" + name + ".result";
  TriageResult result;
  result.reason = how;
  if (const auto text = ReadFile(answer)) {
    if (auto read = TriageResultFromJson(*text)) result = std::move(*read);
  }
  std::error_code ignored;
  std::filesystem::remove(answer, ignored);
  CauseCounts& group = groups_[candidate.group];
  ++group.triaged;
  ++triaged_;
  if (result.status == TriageStatus::kUnconfirmed) {
    ++group.unconfirmed;
    unconfirmed_ += candidate.sightings;
    suspects_.insert(WorkerOf(name));
    MOIRE_TRY(store_.AddUnconfirmed(candidate.symptom, candidate.sightings));
    // Kept apart for a person to look at.
    const std::string apart = settings_.out + "/unconfirmed/" + name;
    std::filesystem::create_directories(settings_.out + "/unconfirmed", ignored);
    std::filesystem::rename(inbox + "/" + name + ".case", apart + ".case", ignored);
    std::filesystem::rename(inbox + "/" + name + ".json", apart + ".json", ignored);
  } else {
    if (result.known_part) {
      MOIRE_TRY(store_.AddSightings(result.finding.cause, candidate.sightings));
    } else {
      result.finding.times_seen = candidate.sightings;
      MOIRE_TRY(store_.Record(result.finding));
      // The bundle may be of another campaign, which this store does not know.
      if (!result.same_as.empty() && store_.Find(result.same_as)) {
        MOIRE_TRY(store_.MergeEnds(result.finding.cause, result.same_as));
      }
    }
    ++group.causes[result.finding.cause];
  }
  RemoveCandidate(inbox, name);
  return result;
}

Result<std::vector<TriageResult>> TriageQueue::Poll() {
  MOIRE_TRY(TakeIn());
  std::vector<TriageResult> results;
  if (running_.size() < processes_) running_.resize(processes_);
  for (Process& process : running_) {
    std::string how;
    const Look look = process.current.empty() ? Look::kBusy : LookAt(process, how);
    if (look == Look::kDied && retried_.insert(process.current).second) {
      waiting_.emplace(groups_[process.candidate.group].triaged, std::exchange(process.current, {}));
    } else if (look != Look::kBusy) {
      MOIRE_ASSIGN(TriageResult result, Finish(process, how));
      results.push_back(std::move(result));
    }
    if (!process.current.empty()) continue;
    MOIRE_ASSIGN(const bool any, Next(process));
    if (any) MOIRE_TRY(Give(process));
  }
  return results;
}

void TriageQueue::Forget(std::string_view cause) {
  std::erase_if(
      groups_, [&](const auto& entry) { return entry.second.causes.contains(std::string(cause)); });
}

void TriageQueue::Stop() {
  for (Process& process : running_) End(process);
  running_.clear();
}

}  // namespace moire
