// Children that may die or hang, and what they were doing. Linux: /proc, CPU clocks of other
// processes, parent-death signals. The handlers' side is in fatal_signals.cc.
#include "harness/execute/watched.h"

#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <new>

#include "harness/case/model_files.h"

namespace moire {
namespace {

constexpr int kPollMilliseconds = 10;
// Memory from malloc holds the complement of this byte (mallopt(3), M_PERTURB): 0x5a, which makes
// large integers and floats. repro.py sets the same.
constexpr int kPerturb = 0xa5;
constexpr double kLongestConfiguration = 60;  // CPU seconds, see ChildLimits::reference_ratio

double Seconds(const timespec& t) {
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

double Now() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return Seconds(now);
}

double CpuSeconds(pid_t pid, double otherwise) {
  clockid_t clock{};
  timespec used{};
  if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &used) != 0) return otherwise;
  return Seconds(used);
}

uint64_t ResidentBytes(pid_t pid) {
  char path[64];
  std::snprintf(path, sizeof path, "/proc/%d/statm", pid);
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  char text[128] = {};
  const ssize_t got = read(fd, text, sizeof text - 1);
  close(fd);
  unsigned long long total = 0;
  unsigned long long resident = 0;
  if (got <= 0 || std::sscanf(text, "%llu %llu", &total, &resident) != 2) return 0;
  return resident * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

// Waiting for a processor or the disk is not standing still.
bool WantsToRun(pid_t pid) {
  char path[64];
  std::snprintf(path, sizeof path, "/proc/%d/stat", pid);
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  char text[512] = {};
  const ssize_t got = read(fd, text, sizeof text - 1);
  close(fd);
  const char* end = got > 0 ? std::strrchr(text, ')') : nullptr;
  return end != nullptr && (end[2] == 'R' || end[2] == 'D');
}

[[noreturn]] void RunChild(
    const std::function<int(SharedState&, const std::function<void(std::string_view)>&)>& body,
    SharedState& state, int fd, pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(127);
  mallopt(M_PERTURB, kPerturb);
  const auto send = [fd](std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t written = write(fd, bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      if (written <= 0) _exit(126);
      bytes.remove_prefix(static_cast<size_t>(written));
    }
  };
  _exit(body(state, send));
}

// What the watcher remembers of the child between two looks.
class Watch {
 public:
  Watch(pid_t pid, const SharedState& state, const ChildLimits& limits)
      : pid_(pid), state_(state), limits_(limits), start_(Now()), last_progress_(start_) {}

  // Looks once; sets the end when a limit is passed.
  bool PastLimit(ChildResult& result) {
    const double now = Now();
    const double cpu = CpuSeconds(pid_, cpu_);
    if (cpu > cpu_ + 1e-3) last_progress_ = now;
    cpu_ = std::max(cpu_, cpu);
    const uint64_t resident = ResidentBytes(pid_);
    const uint64_t sequence = state_.sequence.load();
    if (sequence != sequence_ || stage_base_ == 0) {
      sequence_ = sequence;
      stage_cpu_ = cpu_;
      stage_base_ = resident;
      peak_ = resident;
    }
    peak_ = std::max(peak_, resident);
    result.cpu_seconds = cpu_ - stage_cpu_;
    result.peak_bytes = peak_ > stage_base_ ? peak_ - stage_base_ : 0;
    if (result.cpu_seconds > CpuLimit()) {
      result.end = ChildEnd::kCpuTimedOut;
    } else if (resident > limits_.memory_bytes) {
      result.end = ChildEnd::kOutOfMemory;
    } else if (now - last_progress_ > limits_.idle_seconds && !WantsToRun(pid_)) {
      result.end = ChildEnd::kTimedOut;
      result.idle = true;
    } else if (now - start_ > limits_.wall_seconds) {
      result.end = ChildEnd::kTimedOut;
    } else {
      return false;
    }
    return true;
  }

 private:
  double CpuLimit() const {
    if (static_cast<Stage>(state_.stage.load()) != Stage::kConfiguration)
      return limits_.cpu_seconds;
    const double known = 1e-9 * static_cast<double>(state_.reference_ns.load());
    return std::max(limits_.cpu_seconds,
                    std::min(limits_.reference_ratio * known, kLongestConfiguration));
  }

  pid_t pid_;
  const SharedState& state_;
  const ChildLimits& limits_;
  double start_;
  double last_progress_;
  double cpu_ = 0;
  double stage_cpu_ = 0;
  uint64_t sequence_ = 0;
  uint64_t stage_base_ = 0;
  uint64_t peak_ = 0;
};

void ReadState(const SharedState& state, ChildResult& result) {
  result.stage = static_cast<Stage>(state.stage.load());
  result.configuration = state.configuration.load();
  const int64_t reference_ns = state.reference_ns.load();
  if (reference_ns >= 0) result.reference_seconds = 1e-9 * static_cast<double>(reference_ns);
  const int count = std::clamp(state.num_frames.load(), 0, 16);
  for (int i = 0; i < count; ++i) {
    const SharedState::Frame& frame = state.frames[i];
    const size_t length = strnlen(frame.module, sizeof frame.module);
    result.frames.push_back(
        fmt::format("{}+{:#x}", std::string_view(frame.module, length), frame.offset));
  }
}

}  // namespace

void SharedStageObserver::Enter(Stage stage, int configuration) {
  state_.stage.store(static_cast<int32_t>(stage));
  state_.configuration.store(configuration);
  if (stage == Stage::kParse) {
    state_.reference_ns.store(-1);
    state_.reference_steps.store(0);
    state_.tensor_bytes.store(0);
  }
  state_.sequence.fetch_add(1);
}

void SharedStageObserver::ReferenceDone(const ReferenceResult& result, double cpu_seconds) {
  state_.reference_steps.store(result.spent.steps);
  state_.tensor_bytes.store(result.spent.bytes);
  state_.reference_status.store(static_cast<int32_t>(result.status));
  state_.reference_ns.store(static_cast<int64_t>(cpu_seconds * 1e9));
}

SharedState* MapSharedState(int fd) {
  const int flags = fd < 0 ? MAP_SHARED | MAP_ANONYMOUS : MAP_SHARED;
  void* memory = mmap(nullptr, sizeof(SharedState), PROT_READ | PROT_WRITE, flags, fd, 0);
  if (memory == MAP_FAILED) return nullptr;
  // A file's mapping belongs to whoever made it: a fresh file is all zeros.
  auto* mapped = static_cast<SharedState*>(memory);
  if (fd >= 0 && mapped->layout == SharedState::kLayout) return mapped;
  return new (memory) SharedState;
}

void UnmapSharedState(SharedState* state) {
  if (state != nullptr) munmap(state, sizeof(SharedState));
}

ChildResult RunInChild(
    const std::function<int(SharedState&, const std::function<void(std::string_view)>&)>& body,
    const ChildLimits& limits) {
  ChildResult result;
  int pipe_ends[2] = {-1, -1};
  SharedState* state = MapSharedState();
  const pid_t parent = getpid();
  const pid_t pid = state == nullptr || pipe2(pipe_ends, O_CLOEXEC) != 0 ? pid_t{-1} : fork();
  if (pid == 0) {
    close(pipe_ends[0]);
    RunChild(body, *state, pipe_ends[1], parent);
  }
  if (pipe_ends[1] >= 0) close(pipe_ends[1]);
  if (pid < 0) {
    if (pipe_ends[0] >= 0) close(pipe_ends[0]);
    UnmapSharedState(state);
    result.exit_code = 125;
    return result;
  }

  Watch watch(pid, *state, limits);
  bool killed = false;
  double last_look = Now();
  char buffer[1 << 16];
  while (true) {
    pollfd waiting{.fd = pipe_ends[0], .events = POLLIN, .revents = 0};
    const int ready = poll(&waiting, 1, kPollMilliseconds);
    if (ready > 0) {
      const ssize_t got = read(pipe_ends[0], buffer, sizeof buffer);
      if (got > 0) {
        result.output.append(buffer, static_cast<size_t>(got));
      } else if (got == 0 || errno != EINTR) {
        break;  // the child is gone (or closed its end, which it has no reason to)
      }
    }
    if (!killed && Now() - last_look > 1e-3 * kPollMilliseconds) {
      last_look = Now();
      killed = watch.PastLimit(result);
      if (killed) {
        ReadState(*state, result);
        kill(pid, SIGKILL);
      }
    }
  }
  close(pipe_ends[0]);

  int status = 0;
  rusage usage{};
  while (wait4(pid, &status, 0, &usage) < 0 && errno == EINTR) {
  }
  if (!killed) {
    ReadState(*state, result);
    result.cpu_seconds =
        static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
        1e-6 * static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
    if (WIFSIGNALED(status)) {
      result.end = ChildEnd::kSignalled;
      result.signal = WTERMSIG(status);
    } else {
      result.exit_code = WEXITSTATUS(status);
    }
  } else if (state->signal.load() != 0) {
    // It was dying, and got stuck in the handler (a lock held where it crashed).
    result.end = ChildEnd::kSignalled;
    result.signal = state->signal.load();
  }
  UnmapSharedState(state);
  if (result.end != ChildEnd::kExited) RemoveAbandonedModelFiles();
  return result;
}

}  // namespace moire
