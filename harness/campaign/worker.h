// Worker: what a fuzz target does with libFuzzer's calls. Makes cases (generator, mutator), runs them
// through the stages, feeds coverage and waypoints back, and writes what failed to the inbox. A
// difference does not end the process; a death leaves the case and the stage in the shared mapping.
#ifndef MOIRE_HARNESS_CAMPAIGN_WORKER_H_
#define MOIRE_HARNESS_CAMPAIGN_WORKER_H_

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "fuzzers/feedback/block_set.h"
#include "fuzzers/feedback/breakpoints.h"
#include "fuzzers/feedback/waypoints.h"
#include "fuzzers/generate/generate.h"
#include "fuzzers/values/value_search.h"
#include "harness/campaign/avoid.h"
#include "harness/campaign/candidate.h"
#include "harness/campaign/case_counter.h"
#include "harness/campaign/journal.h"
#include "harness/campaign/parent_cache.h"
#include "harness/campaign/worker_config.h"
#include "harness/campaign/worker_stats.h"
#include "harness/execute/watched.h"

namespace moire {

class Worker {
 public:
  // Opens the configurations, learns what they do not implement, arms coverage.
  static Result<std::unique_ptr<Worker>> Create(WorkerConfig config);
  ~Worker();

  // libFuzzer's custom mutator: a case made from `parent` (or anew) into `out`; its size.
  size_t Mutate(std::string_view parent, std::span<uint8_t> out, unsigned seed);
  size_t Crossover(std::string_view first, std::string_view second, std::span<uint8_t> out,
                   unsigned seed);
  // Runs and judges one case. Ends the process with 0 when the configured number of cases is done.
  void Test(std::string_view bytes);

  // For benchmarks: null without breakpoint coverage; the stages that Test goes through.
  BreakpointCoverage* coverage() const { return coverage_.get(); }
  const SharedState& state() const { return *state_; }
  ValueSearch& value_search() { return search_; }

 private:
  // How often the sightings of one group were written: at the 1st, 2nd, 3rd, then at each doubling.
  struct GroupCount {
    int64_t seen = 0;
    int64_t written = 0;
    int64_t next = 1;
  };

  explicit Worker(WorkerConfig config);
  Status Open();
  Status OpenSharedMappings();
  Status Learn();
  Status Rerun();
  Status ArmCoverage();
  Status CountBase();
  void LoadRules();
  GeneratedCase Make(Random& random);
  size_t Put(GeneratedCase made, std::span<uint8_t> out, JournalRecord record);
  void Share(std::string_view bytes);
  void SearchValues(GeneratedCase& made);
  std::shared_ptr<const GeneratedCase> Take(std::string_view bytes);
  std::function<void(const Node&, std::span<const RangeTensor>)> Notes(const GeneratedCase& parsed);
  Execution RunCase(const Case& test_case, const GeneratedCase& parsed, const Execution* known);
  void ApplyRules(const Model& model);
  std::optional<Observation> Instead(int configuration, const Model& model);
  Status OpenMalformed();
  void NoteMalformed(uint64_t hash);
  std::string GroupOf(const Verdict& verdict, const Model& model, const std::string& symptom) const;
  void Account(const GeneratedCase& parsed, const Execution& execution, bool accepted);
  void Feedback(const Model& model, const Execution& execution, bool accepted);
  void Report(std::string_view bytes, const Model& model, const Execution& execution);
  void LogCase(std::string_view bytes, const Execution& execution);
  void NoteRejections(const Model& model, const Execution& execution);

  WorkerConfig config_;
  GeneratorSettings settings_;
  Learned learned_;
  std::vector<std::unique_ptr<Configuration>> configurations_;
  std::vector<std::string> classes_;  // ConfigurationClass of each
  SharedState* state_ = nullptr;
  WorkerStats* stats_ = nullptr;
  std::unique_ptr<SharedStageObserver> observer_;
  std::unique_ptr<BreakpointCoverage> coverage_;
  std::optional<BlockSet> blocks_;  // of accepted cases and the base, all workers together
  std::optional<Waypoints> waypoints_;
  CaseCounter counter_;
  std::vector<uint32_t> new_blocks_;
  std::optional<JournalWriter> journal_;
  std::FILE* case_log_ = nullptr;

  // The last case made, so that it need not be parsed again.
  std::string made_bytes_;
  Case made_case_;
  std::shared_ptr<const GeneratedCase> made_;
  std::optional<Evaluated> evaluated_;  // of made_, with its notes; gone once it is used
  ParentCache parents_;
  ValueSearch search_;

  // Cases made malformed on purpose, by hash: their children are, too. Kept in a file for the workers
  // that read them from the corpus later.
  std::unordered_set<uint64_t> malformed_;
  int malformed_file_ = -1;

  std::vector<AvoidRule> rules_;
  uint32_t rules_version_ = 0;
  Facts facts_;
  std::map<std::string, DataType, std::less<>> types_;  // of the last case's values, for waypoints
  std::unordered_map<std::string, GroupCount> groups_;
  // Of the case under test: rules whose operators it has, those that match and are heeded, and those whose
  // match runs all the same, with the probes that passed before.
  std::vector<size_t> possible_;
  std::vector<size_t> heeded_;
  std::vector<std::pair<size_t, uint64_t>> probed_;
  bool applied_ = false;
  std::vector<std::string> learned_rows_;
  uint64_t next_case_ = 0;
  uint64_t candidates_ = 0;
};

}  // namespace moire

#endif  // MOIRE_HARNESS_CAMPAIGN_WORKER_H_
