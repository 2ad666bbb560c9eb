// What a campaign did, for a person and for scripts.
#ifndef MOIRE_HARNESS_CAMPAIGN_SUMMARY_H_
#define MOIRE_HARNESS_CAMPAIGN_SUMMARY_H_

#include <array>
#include <string>
#include <vector>

#include "harness/campaign/store.h"
#include "harness/campaign/worker_stats.h"

namespace moire {

// The statistics of all workers, added up.
struct Totals {
  uint64_t cases = 0;
  uint64_t well_formed = 0;
  uint64_t valid = 0;
  uint64_t avoided = 0;
  uint64_t unimplemented = 0;
  uint64_t over_budget = 0;
  uint64_t external_data = 0;
  uint64_t blocks_total = 0;
  uint64_t blocks_base = 0;
  uint64_t blocks_reached = 0;  // of the worker that reached most: they are not one set
  uint64_t blocks_valid = 0;
  struct Made {
    uint64_t generated = 0;
    uint64_t valid = 0;
    uint64_t executed = 0;
    void Add(const MadeCounts& counts);
  };
  struct ByType {
    uint64_t elements = 0;
    uint64_t decidable = 0;
    uint64_t unspecified = 0;
    std::array<uint64_t, kBoundSlots> bounds{};
    Made made;  // cases that hold the type
  };
  std::array<ByType, kNumTypes> types{};
  struct ByOperator {
    Made made;  // nodes
    uint64_t elements = 0;
    uint64_t undecidable = 0;
  };
  MendCounts mend;
  std::array<ByOperator, kMaxOperators> operators{};  // as in CountedOperators()

  void Add(const WorkerStats& stats);
  double ValidShare() const;
  double AvoidedShare() const;
  // Over all types; 1 when nothing was judged.
  double DecidableShare() const;
  double UnspecifiedShare() const;
  double UndecidableShare() const;  // neither decidable nor unspecified; 0 when nothing was judged
  static double MedianBound(const ByType& row);
};

struct CampaignSummary {
  Totals totals;
  double seconds = 0;
  uint64_t corpus = 0;
  uint64_t restarts = 0;
  int64_t unconfirmed = 0;
  size_t untriaged = 0;
  std::string out;
  std::vector<StoredFinding> findings;  // of this campaign's directory
  int exit_code = 0;
};

// "2m05s".
std::string FormatDuration(double seconds);
std::string SummaryText(const CampaignSummary& summary);
std::string SummaryJson(const CampaignSummary& summary);

}  // namespace moire

#endif  // MOIRE_HARNESS_CAMPAIGN_SUMMARY_H_
