// Coverage of a release library as it is shipped: a one-shot breakpoint on every basic block. A
// block that runs traps once, is recorded, gets its byte back and costs nothing from then on.
// x86-64 Linux. Depends on harness/case/error.h and the instruction decoder; knows nothing of
// libFuzzer (extra_counters.h) nor of any runtime.
#ifndef MOIRE_FUZZERS_FEEDBACK_BREAKPOINTS_H_
#define MOIRE_FUZZERS_FEEDBACK_BREAKPOINTS_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "harness/case/error.h"

namespace moire {

struct ArmedText;  // what the trap handler reads; lives as long as the process

// How the decode went (block_leaders.h says what each count means).
struct DecodeCounts {
  uint64_t functions = 0;
  uint64_t code_bytes = 0;
  uint64_t undecodable = 0;
  uint64_t desynchronised = 0;
  uint64_t with_data = 0;
};

// Contract.
// - Blocks are numbered by address, 0 <= k < blocks(); one file gives the same numbers in every
//   process. The library stays loaded for the life of the process once it was found.
// - Any thread may run the library at any time. Calls on one object come from one thread. A call
//   that arms while another thread runs the library may miss what that thread runs meanwhile.
// - A thread that blocks SIGTRAP dies at the first breakpoint (the kernel does not wait for it).
// - Traps that are not ours go to the handler that was there before. A handler for SIGTRAP that is
//   installed later must be installed before the next Arm or Rearm, which put ours in front again.
// - The code pages stay writable while armed. Leaving the process through exit() disarms first.
class BreakpointCoverage {
 public:
  // Decodes a library that is loaded already. `module`: path or file name. Errors: kNotFound (not
  // loaded), kInvalidInput (no function table), kInternal (another live object has it).
  static Result<std::unique_ptr<BreakpointCoverage>> Find(std::string_view module);
  ~BreakpointCoverage();  // disarms
  BreakpointCoverage(const BreakpointCoverage&) = delete;
  BreakpointCoverage& operator=(const BreakpointCoverage&) = delete;

  const std::string& path() const;
  uint32_t blocks() const;
  const DecodeCounts& decode_counts() const;
  uint64_t BlockOffset(uint32_t block) const;  // from the load address

  // A breakpoint on every block that is neither dropped nor reached since the last Rearm. Errors:
  // kEnvironment when the code cannot be made writable.
  Status Arm();
  // Takes every breakpoint away. Where the file is still the one that is mapped this maps its code
  // afresh: a few system calls, also in a child forked from an armed process, and the copies of the
  // pages are freed. Arm() puts back what was there.
  void Disarm();
  bool armed() const { return armed_; }
  // Sets the breakpoints of the blocks reached since the last Rearm again, without those dropped:
  // before a corpus is loaded, before a replay, before each input of a merge.
  void Rearm();
  // Blocks reached up to now are never reported nor armed again: after a warm-up.
  void Drop();
  // Forgets what was dropped.
  void Undrop();

  // Appends the blocks reached since the last call (and the last Rearm), in the order they ran.
  void TakeNew(std::vector<uint32_t>& blocks);
  // As if these blocks had not been reached: for those of a case that does not count because the
  // library turned it away. Dropped blocks stay dropped. A block that was put back `most` times
  // stays as it is: what only rejections reach would trap in each of them.
  void PutBack(std::span<const uint32_t> blocks, uint8_t most = UINT8_MAX);
  // Distinct blocks reached since Find and not put back, whether dropped or armed again in between.
  uint64_t reached() const;
  // Decoding and arming together, seconds of wall time: of Find and the first Arm.
  double arming_seconds() const { return find_seconds_ + arm_seconds_; }

 private:
  explicit BreakpointCoverage(ArmedText& text) : text_(text) {}

  ArmedText& text_;
  bool armed_ = false;
  uint32_t taken_ = 0;
  std::vector<uint8_t> put_back_;  // how often, by block; empty: never
  double find_seconds_ = 0;
  double arm_seconds_ = 0;
};

// Puts the trap handler in front again, chained to the one found there. Arm and Rearm call it.
void InstallTrapHandler();

// Coverage has a little memory of its own: caches fill, pools grow, lazy bindings resolve. Runs
// `run_all` (a fixed set of models at every configuration) `passes` times, armed, and drops what it
// reached. What is seen afterwards belongs to the case that ran. Returns the blocks that each pass
// reached first.
std::vector<uint64_t> WarmUp(BreakpointCoverage& coverage, const std::function<void()>& run_all,
                             int passes = 3);

}  // namespace moire

#endif  // MOIRE_FUZZERS_FEEDBACK_BREAKPOINTS_H_
