// What the supervisor tells a worker: a JSON file, named by the environment variable MOIRE_WORKER.
// A fuzz target that runs without a supervisor uses the defaults.
#ifndef MOIRE_HARNESS_CAMPAIGN_WORKER_CONFIG_H_
#define MOIRE_HARNESS_CAMPAIGN_WORKER_CONFIG_H_

#include <cstdint>
#include <string>
#include <vector>

#include "harness/case/error.h"

namespace moire {

inline constexpr const char* kWorkerVariable = "MOIRE_WORKER";

struct WorkerConfig {
  // Every configuration, each with its settings; the first two run every case, the rest only cases
  // that brought something new and a sample of the others.
  std::vector<std::string> specs;
  std::string feedback = "breakpoints";  // none, breakpoints, sanitizer
  uint64_t seed = 1;
  uint64_t first_case = 0;  // feedback none, rerun: index of the first case to run
  uint64_t cases = 0;       // executed in this process before it ends; 0: no limit
  int min_nodes = 1;
  int max_nodes = 30;
  bool whole_standard = false;  // GeneratorSettings
  std::string schemas;              // file that lists contributed operators to generate; empty: none
  bool value_search = true;    // values that keep outputs finite and decidable
  int worker = 0;
  std::string directory;  // OUT; empty: no supervisor, nothing is written
  std::string state;      // file of the SharedState mapping
  std::string stats;      // file of the WorkerStats mapping
  std::string journal;    // empty: none
  std::string rerun;      // a journal whose cases are repeated instead of fuzzing
  std::vector<std::string> rerun_corpus;  // where parents are that the journal did not make
  bool abort_on_bug = false;  // without a supervisor: end at the first bug, as libFuzzer expects
};

std::string ToJson(const WorkerConfig& config);
Result<WorkerConfig> WorkerConfigFromJson(std::string_view json);

// Files of a campaign's directory that both sides use.
std::string CorpusDirectory(const std::string& out);
std::string InboxDirectory(const std::string& out);
std::string LearnedFile(const std::string& out);
std::string RulesFile(const std::string& out);
std::string BlocksFile(const std::string& out);
std::string MalformedFile(const std::string& out);

}  // namespace moire

#endif  // MOIRE_HARNESS_CAMPAIGN_WORKER_CONFIG_H_
