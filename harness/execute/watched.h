// Running in a child that may die or hang, and learning what it was doing. The child and its watcher
// share a mapping; the child's fatal-signal handler writes the signal and the frames there
// (unwound from .eh_frame, as module + offset), and the stage observer the stage it is in.
#ifndef MOIRE_HARNESS_EXECUTE_WATCHED_H_
#define MOIRE_HARNESS_EXECUTE_WATCHED_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "harness/execute/execute.h"

namespace moire {

inline constexpr size_t kMaxSharedCase = size_t{1} << 20;  // also libFuzzer's -max_len

// Lives in a MAP_SHARED mapping; plain data and lock-free atomics only. The layout is private to one
// build (supervisor and worker are of the same build): `layout` guards it.
struct SharedState {
  static constexpr uint32_t kLayout = 2;
  uint32_t layout = kLayout;
  std::atomic<int32_t> stage{0};           // Stage
  std::atomic<int32_t> configuration{-1};
  std::atomic<uint64_t> sequence{0};       // +1 at every stage change: a watcher sees progress
  std::atomic<uint64_t> cases{0};          // executed so far
  std::atomic<int64_t> reference_ns{-1};   // CPU time the reference took for this case; -1 not done
  std::atomic<int32_t> reference_status{0};  // ReferenceStatus, where it is done
  std::atomic<uint64_t> reference_steps{0};
  std::atomic<uint64_t> tensor_bytes{0};   // all tensors of the case as the reference saw them
  // Filled by the fatal-signal handler.
  std::atomic<int32_t> signal{0};
  std::atomic<int32_t> num_frames{0};
  struct Frame {
    char module[64];   // file name of the module, NUL-terminated
    uint64_t offset;   // from its load address
  } frames[16];
  // The case under test.
  std::atomic<uint64_t> case_size{0};
  uint8_t case_bytes[kMaxSharedCase];
};

// Writes stages into a SharedState.
class SharedStageObserver : public StageObserver {
 public:
  explicit SharedStageObserver(SharedState& state) : state_(state) {}
  void Enter(Stage stage, int configuration) override;
  void ReferenceDone(const ReferenceResult& result, double cpu_seconds) override;

 private:
  SharedState& state_;
};

// Anonymous shared mapping (for fork), or a file's (for exec); null when there is no memory.
SharedState* MapSharedState(int fd = -1);
void UnmapSharedState(SharedState* state);

// Handlers for SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP-not-ours, SIGSYS on an alternate
// stack: fill state, then die of the signal with the default action. Frames are only those in
// modules whose file name contains one of `modules` first (the runtime), then the rest.
void InstallFatalSignalHandlers(SharedState& state, std::vector<std::string> runtime_modules);

enum class ChildEnd { kExited, kSignalled, kTimedOut, kCpuTimedOut, kOutOfMemory };
struct ChildResult {
  ChildEnd end = ChildEnd::kExited;
  int exit_code = 0;
  int signal = 0;
  Stage stage = Stage::kIdle;   // where it died or was killed
  int configuration = -1;
  std::vector<std::string> frames;  // "libonnxruntime.so.1.32.0+0x1234"
  double cpu_seconds = 0;           // of the last stage when killed, of all otherwise
  double reference_seconds = -1;    // CPU time of the reference in the child; -1: not done
  bool idle = false;                // kTimedOut because it used no CPU time for idle_seconds
  uint64_t peak_bytes = 0;          // resident above the level at the start of the last stage, as polled
  std::string output;               // what the child sent through `send`
};

struct ChildLimits {
  double cpu_seconds = 10;    // of one stage
  // A configuration may use this many times the reference's CPU time where that is more, up to 60 s.
  double reference_ratio = 0;
  double wall_seconds = 60;   // of all
  double idle_seconds = 10;   // without any CPU time used
  uint64_t memory_bytes = uint64_t{8} << 30;  // address space growth is not limited; RSS is polled
};

// Forks, runs body in the child (which returns the exit code and may send bytes to the parent), and
// watches it. The parent must not have started a runtime with threads of its own. In the child the
// allocator fills what it gives out, so that what a runtime forgot to write is not 0 by luck, and
// the same in every run.
ChildResult RunInChild(const std::function<int(SharedState&, const std::function<void(std::string_view)>& send)>& body,
                       const ChildLimits& limits);

}  // namespace moire

#endif  // MOIRE_HARNESS_EXECUTE_WATCHED_H_
