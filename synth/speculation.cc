#include "synth/speculation.h"

#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <new>

namespace moire {
namespace {

// Refused checks of this many seconds are worth more than the forks.
constexpr double kForkSeconds = 0.01;
constexpr size_t kAnswers = size_t{1} << 14;
constexpr size_t kFarthest = 256;  // candidates that a process may be ahead
constexpr long kLookNanoseconds = 2'000'000;
constexpr int kGraceLooks = 20;  // until a process that was told to end is killed

enum Answer : uint32_t { kNone, kRefused, kKept };

double Now() {
  const std::chrono::duration<double> now = std::chrono::steady_clock::now().time_since_epoch();
  return now.count();
}

void Sleep() {
  const timespec pause{.tv_sec = 0, .tv_nsec = kLookNanoseconds};
  nanosleep(&pause, nullptr);
}

// A forked process has one thread: what others held stays locked in it.
bool HasThreads() {
  std::error_code failed;
  size_t threads = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/task", failed)) {
    threads += entry.path().empty() ? 0 : 1;
  }
  return threads != 1;
}

}  // namespace

struct Speculation::Table {
  std::atomic<bool> cancelled{false};
  std::atomic<size_t> reached{0};  // by the search itself
  std::array<std::atomic<uint32_t>, kAnswers> answers{};
};
static_assert(std::atomic<uint32_t>::is_always_lock_free);

Speculation::Speculation(int jobs, OnFork on_fork) : jobs_(jobs), on_fork_(std::move(on_fork)) {}

Speculation::~Speculation() {
  if (ahead()) return;
  Stop();
  if (table_ != nullptr) munmap(table_, sizeof(Table));
}

void Speculation::Start() {
  refused_seconds_ = 0;
  if (HasThreads()) return;
  if (table_ == nullptr) {
    void* memory =
        mmap(nullptr, sizeof(Table), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return;
    table_ = static_cast<Table*>(memory);
  }
  new (table_) Table;
  next_ = 0;
  const pid_t parent = getpid();
  for (int slot = 1; slot < jobs_; ++slot) {
    const pid_t pid = fork();
    if (pid < 0) break;
    if (pid > 0) {
      others_.push_back(pid);
      ++forks_;
      continue;
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(0);
    slot_ = slot;
    others_.clear();
    const Table* table = table_;
    if (on_fork_) on_fork_([table] { return table->cancelled.load(); });
    return;
  }
}

void Speculation::Stop() {
  if (others_.empty()) return;
  table_->cancelled.store(true);
  for (const pid_t pid : others_) {
    for (int look = 0; waitpid(pid, nullptr, WNOHANG) == 0; ++look) {
      if (look == kGraceLooks) kill(pid, SIGKILL);
      Sleep();
    }
  }
  others_.clear();
}

void Speculation::EndIfAhead() {
  if (ahead()) _exit(0);
}

bool Speculation::Judge(const std::function<bool()>& check) {
  if (jobs_ > 1 && others_.empty() && !ahead() && refused_seconds_ > kForkSeconds) Start();
  if (others_.empty() && !ahead()) {
    const double start = Now();
    const bool kept = check();
    refused_seconds_ = kept ? 0 : refused_seconds_ + Now() - start;
    return kept;
  }
  const size_t index = next_++;
  if (!ahead()) {
    table_->reached.store(index);
    const bool kept = index % static_cast<size_t>(jobs_) == 0 ? check() : Await(index, check);
    // Whatever others know of candidates beyond the table is not heard.
    if (kept || index + 1 == kAnswers) Stop();
    return kept;
  }
  while (!table_->cancelled && index > table_->reached + kFarthest) Sleep();
  if (table_->cancelled || index >= kAnswers) _exit(0);
  if (index % static_cast<size_t>(jobs_) != static_cast<size_t>(slot_)) return false;
  const bool kept = check();
  if (table_->cancelled) _exit(0);
  table_->answers[index].store(kept ? kKept : kRefused);
  syscall(SYS_futex, &table_->answers[index], FUTEX_WAKE, 1, nullptr, nullptr, 0);
  if (kept) _exit(0);  // what comes next depends on it
  return false;
}

// The answer of the process whose candidate this is; of this one where that is gone.
bool Speculation::Await(size_t index, const std::function<bool()>& check) {
  std::atomic<uint32_t>& answer = table_->answers[index];
  const size_t other = index % static_cast<size_t>(jobs_) - 1;
  if (other >= others_.size()) return check();  // it could not be forked
  while (answer.load() == kNone) {
    const timespec patience{.tv_sec = 0, .tv_nsec = kLookNanoseconds};
    syscall(SYS_futex, &answer, FUTEX_WAIT, kNone, &patience, nullptr, 0);
    if (answer.load() != kNone) break;
    siginfo_t gone{};
    if (waitid(P_PID, static_cast<id_t>(others_[other]), &gone, WEXITED | WNOHANG | WNOWAIT) != 0 ||
        gone.si_pid != 0) {
      if (answer.load() != kNone) break;  // its last word
      return check();
    }
  }
  return answer.load() == kKept;
}

}  // namespace moire
