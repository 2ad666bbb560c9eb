// The store of a campaign: findings, statistics over time and triage state, in SQLite (OUT/moire.db).
// Many processes may write; WAL and a busy timeout keep them apart. Bundles and the corpus are plain
// files beside it. A row is written only after its bundle is complete, so that killing any process
// at any moment loses nothing that was reported. Schema: docs/formats.md.
#ifndef MOIRE_HARNESS_CAMPAIGN_STORE_H_
#define MOIRE_HARNESS_CAMPAIGN_STORE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "harness/case/error.h"

struct sqlite3;

namespace moire {

// Triage states. "known": a bug that was reported before; "ours": a mistake of Moire; "open": ONNX
// leaves the behaviour open.
enum class FindingState { kNew, kConfirmed, kKnown, kOurs, kOpen };
std::string_view Name(FindingState state);
std::optional<FindingState> ParseFindingState(std::string_view name);

struct StoredFinding {
  std::string cause;    // primary key
  std::string symptom;
  std::string verdict;  // VerdictKind name
  std::string reason;   // one line
  std::string operators;       // "Div, Mul"
  int64_t nodes = 0;
  std::string configurations;  // comma-separated
  std::string bundle;          // path relative to the store's directory
  int64_t times_seen = 0;
  FindingState state = FindingState::kNew;
  std::string note;            // why it is in this state
  std::string expires;         // ISO date until which `known` holds; empty: for ever
  std::string merged_into;     // cause that this one was found to equal; empty: none
  std::string first_seen;      // ISO time, UTC
  std::string last_seen;
};

struct StatsRow {
  double seconds = 0;
  uint64_t cases = 0;
  uint64_t valid = 0;
  uint64_t blocks = 0;
  uint64_t corpus = 0;
  uint64_t findings = 0;
  uint64_t restarts = 0;
};

class Store {
 public:
  // Creates or opens DIR/moire.db. kEnvironment: no rights, full disk; kInvalidInput: not ours.
  static Result<Store> Open(const std::string& directory);
  // For reading only: kNotFound when the directory holds no campaign.
  static Result<Store> OpenExisting(const std::string& directory);
  Store(Store&&) noexcept;
  Store& operator=(Store&&) noexcept;
  ~Store();

  // Inserts the finding, or adds its times_seen to the row of the same cause. Sightings count for
  // what it was merged into, too.
  Status Record(const StoredFinding& finding);
  Status AddSightings(std::string_view cause, int64_t count);
  Result<std::vector<StoredFinding>> Findings() const;
  // By cause, or by a prefix of it that is unique.
  Result<StoredFinding> Find(std::string_view cause) const;
  Status Mark(std::string_view cause, FindingState state, std::string_view note,
              std::string_view expires);
  Status Merge(std::string_view cause, std::string_view into);
  // The same where both may have been merged before: what they ended in is what is merged. Nothing
  // where that is one.
  Status MergeEnds(std::string_view cause, std::string_view into);

  Status AddUnconfirmed(std::string_view symptom, int64_t count);
  Result<int64_t> UnconfirmedCount() const;
  Status AddStats(const StatsRow& row);

 private:
  explicit Store(sqlite3* database);
  struct Closer {
    void operator()(sqlite3* database) const;
  };
  std::unique_ptr<sqlite3, Closer> database_;
};

}  // namespace moire

#endif  // MOIRE_HARNESS_CAMPAIGN_STORE_H_
