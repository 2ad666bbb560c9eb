// Counters that a worker keeps in a mapping shared with the supervisor, so that they survive its
// death. Plain data and lock-free atomics only; the layout is private to one build.
#ifndef MOIRE_HARNESS_CAMPAIGN_WORKER_STATS_H_
#define MOIRE_HARNESS_CAMPAIGN_WORKER_STATS_H_

#include <array>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "fuzzers/generate/mend.h"
#include "oracles/oracle.h"

namespace moire {

inline constexpr size_t kNumTypes = 27;  // DataType values

// Histogram of bounds, half the range over the output's largest magnitude, by quarter octaves from
// 2^-64 up; slot 0 holds exact results.
inline constexpr size_t kBoundSlots = 4 * 64 + 1;

inline constexpr size_t kMaxRules = 64;

// More than ONNX has in the domains that are counted (CountedOperators).
inline constexpr size_t kMaxOperators = 320;

// Each holds the next: valid ones were generated, executed ones were valid.
struct MadeCounts {
  std::atomic<uint64_t> generated{0};
  std::atomic<uint64_t> valid{0};
  std::atomic<uint64_t> executed{0};

  void Add(bool is_valid, bool is_executed) {
    ++generated;
    if (!is_valid) return;
    ++valid;
    if (is_executed) ++executed;
  }
};

// What a worker saw of one avoid rule, by its index in the rules file. Now and then a match runs
// all the same, as a probe; probes that fail come at doubling distances.
struct RuleCounters {
  std::atomic<uint64_t> matches{0};
  std::atomic<uint64_t> passes{0};      // probes that passed in a row
  std::atomic<uint64_t> distance{0};    // matches between two probes; 0: not set yet
  std::atomic<uint64_t> next_probe{0};  // the match that is the next one

  // Counts a match; whether it is a probe. A probe has failed until Passed() says otherwise: one
  // that dies never comes back.
  bool CountMatch();
  void Passed(uint64_t passes_before);
  void operator=(const RuleCounters& other);
};

struct WorkerStats {
  std::atomic<uint64_t> cases{0};        // executed
  std::atomic<uint64_t> well_formed{0};  // not malformed on purpose
  std::atomic<uint64_t> valid{0};        // well-formed, accepted and run by the first configuration
  std::atomic<uint64_t> next_case{0};    // feedback none: index of the next case
  std::atomic<uint64_t> avoided{0};      // judged without being run, or steered around
  std::atomic<uint64_t> unimplemented{0};
  std::atomic<uint64_t> over_budget{0};
  std::atomic<uint64_t> external_data{0};  // of the valid ones, those with external data
  std::atomic<uint64_t> blocks_total{0};
  std::atomic<uint64_t> blocks_base{0};
  std::atomic<uint64_t> blocks_reached{0};
  std::atomic<uint64_t> blocks_valid{0};  // reached by cases that were accepted and run
  std::atomic<uint64_t> waypoints{0};
  std::atomic<uint32_t> rules_version{0};  // set by the supervisor; the worker re-reads on a change
  struct ByType {
    std::atomic<uint64_t> elements{0};  // of outputs
    std::atomic<uint64_t> decidable{0};
    std::atomic<uint64_t> unspecified{0};
    std::array<std::atomic<uint64_t>, kBoundSlots> bounds{};
    MadeCounts counts;  // cases that hold the type
  };
  std::array<ByType, kNumTypes> types{};
  struct ByOperator {
    MadeCounts counts;                  // nodes, wherever they stand
    std::atomic<uint64_t> elements{0};  // of the outputs of nodes in main graphs
    std::atomic<uint64_t> undecidable{0};
  };
  std::array<ByOperator, kMaxOperators> operators{};
  std::array<RuleCounters, kMaxRules> rules{};
  // MendCounts, a word each.
  static constexpr size_t kMendWords = sizeof(MendCounts) / sizeof(uint64_t);
  std::array<std::atomic<uint64_t>, kMendWords> mend{};

  void CountMend(const MendCounts& counts);
  MendCounts Mend() const;

  // The rule at `index` is gone: those behind it move up.
  void DropRule(size_t index);
  void Count(std::span<const Judged> judged, const std::vector<std::vector<float>>& bounds_by_type);
};

// Upper edge of a bound slot.
inline double BoundOfSlot(size_t slot) {
  return slot == 0 ? 0.0 : std::exp2((static_cast<double>(slot) - 256.0) / 4.0);
}

// Maps a file of the right size; null (errno set) when there is no room.
WorkerStats* MapWorkerStats(const std::string& path);

}  // namespace moire

#endif  // MOIRE_HARNESS_CAMPAIGN_WORKER_STATS_H_
