// What libFuzzer sees of our feedback: a table of 8-bit counters that it reads after every run and
// clears before the next. A binary without libFuzzer carries the table unread.
// Depends on the standard library only. Linux (libFuzzer finds the section there).
//
// libFuzzer makes of counter i with value v the feature 8 i + bucket(v), with the buckets
// 1, 2, 3, 4-7, 8-15, 16-31, 32-127, 128-255, and folds features modulo 2^21. The table has less
// than 2^18 counters, so that no feature folds on another while nothing else (sanitizer coverage)
// adds its own.
#ifndef MOIRE_FUZZERS_FEEDBACK_EXTRA_COUNTERS_H_
#define MOIRE_FUZZERS_FEEDBACK_EXTRA_COUNTERS_H_

#include <cstddef>
#include <cstdint>
#include <span>

namespace moire {

inline constexpr size_t kBlockCounters = size_t{1} << 17;
inline constexpr size_t kWaypointCounters = size_t{1} << 16;

// Block k of the library under coverage lights counter k mod 2^17 in bucket k / 2^17: each of
// 1 048 576 blocks has a feature of its own; from there on they fold. When two new blocks of one
// run share a counter the lower one stays; the run is new all the same.
void LightBlock(uint32_t block);
void LightBlocks(std::span<const uint32_t> blocks);

// The counters that feedback domains share (waypoints.h).
std::span<uint8_t, kWaypointCounters> WaypointCounters();

// libFuzzer does this itself before each run; for tests and for benchmarks without it.
void ClearCounters();
// All counters, block counters first.
std::span<const uint8_t, kBlockCounters + kWaypointCounters> AllCounters();

}  // namespace moire

#endif  // MOIRE_FUZZERS_FEEDBACK_EXTRA_COUNTERS_H_
