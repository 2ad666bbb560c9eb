// The SIGTRAP handler of all armed libraries, and the tables that it reads. Async-signal-safe: no
// lock, no allocation, no call outside this file. Used by breakpoints.cc only.
#ifndef MOIRE_FUZZERS_FEEDBACK_TRAP_HANDLER_H_
#define MOIRE_FUZZERS_FEEDBACK_TRAP_HANDLER_H_

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "fuzzers/feedback/block_leaders.h"
#include "fuzzers/feedback/breakpoints.h"
#include "fuzzers/feedback/loaded_module.h"

namespace moire {

inline constexpr uint8_t kInt3 = 0xcc;

// One library. Never freed: a thread may be on its way into the handler at any time.
struct ArmedText {
  LoadedModule module;
  AddressRange range;  // all code segments
  DecodeCounts counts;
  int file = -1;  // the mapped file, when its code equals the mapping; -1: cannot be mapped afresh
  bool in_use = false;

  std::vector<uint64_t> leaders;  // a bit for each byte of `range`
  std::vector<uint32_t> rank;     // leaders before each word of `leaders`
  std::vector<uint32_t> offsets;  // of block k in `range`
  std::vector<uint8_t> original;  // byte of block k

  // Bits by block.
  std::vector<std::atomic<uint64_t>> hit;    // since the last Rearm
  std::vector<std::atomic<uint64_t>> ever;   // since Find
  std::vector<uint64_t> dropped;             // not for the handler
  std::atomic<uint64_t> reached{0};          // bits in `ever`
  std::vector<std::atomic<uint32_t>> order;  // blocks of `hit` as they came; block + 1, 0: not yet
  std::atomic<uint32_t> order_size{0};

  uint8_t* Byte(uint32_t block) const {
    return reinterpret_cast<uint8_t*>(range.begin + offsets[block]);
  }
};

// Publishes a library to the handler, for good. False: all places are taken.
bool RegisterText(ArmedText& text);

}  // namespace moire

#endif  // MOIRE_FUZZERS_FEEDBACK_TRAP_HANDLER_H_
