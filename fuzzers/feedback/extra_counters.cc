// See extra_counters.h.
#include "fuzzers/feedback/extra_counters.h"

#include <algorithm>
#include <array>

// External linkage and `used`: nothing here reads the table back, so a static one would be removed.
// Whole words: libFuzzer reads and clears it eight bytes at a time.
extern "C" {
extern uint8_t moire_extra_counters[moire::kBlockCounters + moire::kWaypointCounters];
[[gnu::section("__libfuzzer_extra_counters"), gnu::used]] alignas(64) uint8_t
    moire_extra_counters[moire::kBlockCounters + moire::kWaypointCounters];
}

namespace moire {
namespace {

// The smallest value of each of libFuzzer's buckets.
constexpr std::array<uint8_t, 8> kBucketValue = {1, 2, 3, 4, 8, 16, 32, 128};

}  // namespace

void LightBlock(uint32_t block) {
  uint8_t& counter = moire_extra_counters[block % kBlockCounters];
  const uint8_t value = kBucketValue[block / kBlockCounters % kBucketValue.size()];
  if (counter == 0 || value < counter) counter = value;
}

void LightBlocks(std::span<const uint32_t> blocks) {
  for (const uint32_t block : blocks) LightBlock(block);
}

std::span<uint8_t, kWaypointCounters> WaypointCounters() {
  return std::span<uint8_t, kWaypointCounters>(moire_extra_counters + kBlockCounters,
                                               kWaypointCounters);
}

void ClearCounters() { std::ranges::fill(moire_extra_counters, uint8_t{0}); }

std::span<const uint8_t, kBlockCounters + kWaypointCounters> AllCounters() {
  return moire_extra_counters;
}

}  // namespace moire
