#include "harness/campaign/worker_process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "harness/case/case.h"
#include "oracles/oracle.h"
#include "synth/finding.h"

namespace moire {
namespace {

// The rule for hangs (oracles/hang_memory.cc), applied from outside.
constexpr double kHangSeconds = 5;
constexpr double kHangRatio = 1000;
constexpr double kIdleSeconds = 10;
constexpr double kMaxStageSeconds = 60;   // past it a case is over budget whatever the reference needed
constexpr double kMaxOwnSeconds = 20;     // in a stage of our own
constexpr uint64_t kMaxResident = uint64_t{6} << 30;
// A SIGKILL from elsewhere is taken for the kernel's out-of-memory killer in a stage of our own only
// past this: below it somebody ended the worker by hand.
constexpr uint64_t kWorthKilling = uint64_t{2} << 30;

double CpuSeconds(pid_t pid) {
  clockid_t clock{};
  timespec now{};
  if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &now) != 0) return 0;
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

uint64_t ResidentBytes(pid_t pid) {
  std::FILE* file = std::fopen(fmt::format("/proc/{}/statm", pid).c_str(), "re");
  if (file == nullptr) return 0;
  unsigned long total = 0;
  unsigned long resident = 0;
  const int read = std::fscanf(file, "%lu %lu", &total, &resident);
  std::fclose(file);
  return read == 2 ? resident * static_cast<uint64_t>(sysconf(_SC_PAGESIZE)) : 0;
}

// The last line that says something.
std::string LastLine(const std::string& path) {
  const auto text = ReadFile(path);
  if (!text) return "";
  std::string_view rest = *text;
  while (!rest.empty() && rest.back() == '\n') rest.remove_suffix(1);
  const size_t at = rest.rfind('\n');
  return std::string(at == std::string_view::npos ? rest : rest.substr(at + 1));
}

}  // namespace

Result<WorkerProcess> WorkerProcess::Prepare(std::string directory, int index) {
  WorkerProcess out;
  out.directory_ = std::move(directory);
  out.index_ = index;
  std::error_code error;
  std::filesystem::create_directories(out.new_corpus(), error);
  if (error) {
    return Fail(ErrorCode::kEnvironment, "cannot make '{}': {}", out.new_corpus(), error.message());
  }
  const std::string path = out.directory_ + "/state";
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  const int full = fd < 0 ? errno : posix_fallocate(fd, 0, sizeof(SharedState));
  if (full == 0) out.state_ = MapSharedState(fd);
  if (fd >= 0) close(fd);
  out.stats_ = MapWorkerStats(out.directory_ + "/stats");
  if (out.state_ == nullptr || out.stats_ == nullptr) {
    return Fail(ErrorCode::kEnvironment, "cannot write '{}': {}", path,
                std::strerror(full != 0 ? full : errno));
  }
  return out;
}

Status WorkerProcess::Start(const std::string& target, WorkerConfig config, unsigned seed,
                            const std::vector<std::string>& corpora) {
  config.worker = index_;
  config.state = directory_ + "/state";
  config.stats = directory_ + "/stats";
  const std::string config_path = directory_ + "/config.json";
  MOIRE_TRY(WriteFile(config_path, ToJson(config)));
  state_->stage = static_cast<int32_t>(Stage::kIdle);
  state_->signal = 0;
  state_->num_frames = 0;
  state_->case_size = 0;
  killed_ = KillReason::kNone;
  sequence_ = state_->sequence;
  stage_cpu_ = idle_cpu_ = 0;
  stage_rss_ = peak_rss_ = 0;
  alive_ = std::chrono::steady_clock::now();

  std::vector<std::string> arguments = {
      target, fmt::format("-seed={}", seed == 0 ? 1 : seed), "-max_len=1048576", "-len_control=0",
      "-detect_leaks=0", "-rss_limit_mb=0", "-timeout=1000000", "-reload=0", "-verbosity=0",
      "-entropic=0", "-artifact_prefix=" + directory_ + "/"};
  for (const char* handler : {"abrt", "bus", "fpe", "ill", "int", "segv", "term", "usr1", "usr2",
                              "xfsz"}) {
    arguments.push_back(fmt::format("-handle_{}=0", handler));
  }
  arguments.insert(arguments.end(), corpora.begin(), corpora.end());
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  const std::string log = directory_ + "/log";
  const pid_t parent = getpid();
  pid_ = fork();
  if (pid_ < 0) {
    return Fail(ErrorCode::kEnvironment, "cannot start a worker: {}", std::strerror(errno));
  }
  if (pid_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(3);
    setpgid(0, 0);  // Ctrl-C is for the supervisor
    const int fd = open(log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (fd >= 0) {
      dup2(fd, 1);
      dup2(fd, 2);
    }
    setenv(kWorkerVariable, config_path.c_str(), 1);
    // Creating a session allocates many small blocks: a larger cache saves a tenth of its time
    // (moire_backend_bench under either setting). glibc reads this at the start of a program only.
    setenv("GLIBC_TUNABLES", "glibc.malloc.tcache_count=200", 0);
    execv(target.c_str(), argv.data());
    dprintf(2, "moire: cannot run '%s': %s\n", target.c_str(), std::strerror(errno));
    _exit(3);
  }
  return {};
}

void WorkerProcess::Kill(KillReason reason) {
  killed_ = reason;
  spent_cpu_ = CpuSeconds(pid_) - stage_cpu_;
  kill(pid_, SIGKILL);
}

void WorkerProcess::Stop() {
  if (!running()) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

std::optional<WorkerDeath> WorkerProcess::Poll(
    const std::vector<std::string>& configuration_names) {
  if (!running()) return std::nullopt;
  int status = 0;
  if (waitpid(pid_, &status, WNOHANG) == pid_) {
    pid_ = -1;
    return Explain(status, configuration_names);
  }
  const auto now = std::chrono::steady_clock::now();
  const double cpu = CpuSeconds(pid_);
  const uint64_t sequence = state_->sequence;
  const uint64_t resident = ResidentBytes(pid_);
  if (sequence != sequence_) {
    sequence_ = sequence;
    stage_cpu_ = idle_cpu_ = cpu;
    stage_rss_ = peak_rss_ = resident;
    alive_ = now;
    return std::nullopt;
  }
  peak_rss_ = std::max(peak_rss_, resident);
  if (cpu > idle_cpu_ + 0.01) {
    idle_cpu_ = cpu;
    alive_ = now;
  }
  const auto stage = static_cast<Stage>(state_->stage.load());
  // Between cases the time is libFuzzer's own: loading a corpus, arming coverage.
  if (stage == Stage::kIdle) return std::nullopt;
  const double in_stage = cpu - stage_cpu_;
  const double still = std::chrono::duration<double>(now - alive_).count();
  const double reference = 1e-9 * static_cast<double>(state_->reference_ns.load());
  if (resident > kMaxResident) {
    Kill(KillReason::kMemory);
  } else if (still > kIdleSeconds) {
    Kill(KillReason::kIdle);
  } else if (stage == Stage::kConfiguration) {
    if ((in_stage > kHangSeconds && in_stage > kHangRatio * reference) ||
        in_stage > kMaxStageSeconds) {
      Kill(KillReason::kBusy);
    }
  } else if (in_stage > kMaxOwnSeconds) {
    Kill(KillReason::kBusy);
  }
  return std::nullopt;
}

WorkerDeath WorkerProcess::Explain(int status, const std::vector<std::string>& names) {
  WorkerDeath death;
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
    death.finished = true;
    death.last_line = LastLine(directory_ + "/log");
    return death;
  }
  const auto stage = static_cast<Stage>(state_->stage.load());
  const size_t size = state_->case_size;
  if (WIFEXITED(status) && killed_ == KillReason::kNone && (stage == Stage::kIdle || size == 0)) {
    death.fatal = LastLine(directory_ + "/log");
    return death;
  }
  Candidate candidate;
  candidate.worker = index_;
  candidate.case_bytes.assign(reinterpret_cast<const char*>(state_->case_bytes),
                              std::min(size, kMaxSharedCase));
  const int configuration = state_->configuration;
  Observation seen;
  seen.configuration = configuration >= 0 && static_cast<size_t>(configuration) < names.size()
                           ? names[static_cast<size_t>(configuration)]
                           : "";
  for (int i = 0; i < std::min<int>(state_->num_frames, 16); ++i) {
    const auto& frame = state_->frames[i];
    seen.frames.push_back(fmt::format("{}+0x{:x}", frame.module, frame.offset));
  }
  seen.cpu_seconds = spent_cpu_;
  seen.peak_bytes = peak_rss_ > stage_rss_ ? peak_rss_ - stage_rss_ : 0;
  switch (killed_) {
    case KillReason::kNone:
      seen.outcome = Outcome::kCrashed;
      seen.signal = WIFSIGNALED(status) ? WTERMSIG(status) : SIGABRT;
      if (WIFEXITED(status)) seen.reason = fmt::format("ended the process with {}", WEXITSTATUS(status));
      break;
    case KillReason::kBusy: seen.outcome = Outcome::kTimedOut; break;
    case KillReason::kIdle:
      seen.outcome = Outcome::kTimedOut;
      seen.stage = kIdleStage;
      break;
    case KillReason::kMemory: seen.outcome = Outcome::kOutOfMemory; break;
  }
  // SIGKILL that we did not send: the kernel's out-of-memory killer.
  if (killed_ == KillReason::kNone && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) {
    seen.outcome = Outcome::kOutOfMemory;
    seen.peak_bytes = std::max(seen.peak_bytes, uint64_t{1} << 30);
  }
  ReferenceResult reference;  // the mapping tells how the reference finished, not what it found
  reference.status = static_cast<ReferenceStatus>(state_->reference_status.load());
  reference.spent.bytes = state_->tensor_bytes;
  const std::vector<Observation> observations = {seen};
  const bool reference_done = state_->reference_ns >= 0;
  const Case empty;
  const Evidence evidence{.test_case = empty,
                          .model = nullptr,
                          .reference = reference_done ? &reference : nullptr,
                          .observations = observations,
                          .checker = {},
                          .reference_cpu_seconds =
                              1e-9 * static_cast<double>(state_->reference_ns.load())};
  for (const Verdict& verdict : JudgeAll(evidence)) {
    if (verdict.configuration == seen.configuration && IsBug(verdict.kind)) {
      candidate.verdict = verdict;
    }
  }
  candidate.ours = stage != Stage::kConfiguration;
  if (candidate.ours && killed_ == KillReason::kNone && WIFSIGNALED(status) &&
      WTERMSIG(status) == SIGKILL && peak_rss_ < kWorthKilling) {
    return death;
  }
  if (candidate.ours) {
    candidate.verdict = {.kind = VerdictKind::kOracleError,
                         .oracle = "stage",
                         .configuration = "",
                         .against = {},
                         .reason = fmt::format("died or hung in the stage '{}'", Name(stage)),
                         .error_class = fmt::format("{} {}", Name(stage),
                                                    seen.frames.empty() ? "" : seen.frames.front()),
                         .expected = {},
                         .actual = {}};
  }
  candidate.symptom = candidate.ours ? "ours/" + candidate.verdict.error_class
                                     : SymptomKey(candidate.verdict);
  candidate.group = candidate.symptom;
  if (candidate.ours || IsBug(candidate.verdict.kind)) death.candidate = std::move(candidate);
  return death;
}

}  // namespace moire
