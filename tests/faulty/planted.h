// What the judge is worth: measurements with the fault-injecting runtime. The clean twin must give no
// finding, every planted fault must be found and reduced, and a fault of twice the bound in any decidable
// element must be reported.
#ifndef MOIRE_TESTS_FAULTY_PLANTED_H_
#define MOIRE_TESTS_FAULTY_PLANTED_H_

#include <cstdint>
#include <functional>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <set>
#include <string>
#include <vector>

#include "fuzzers/generate/generate.h"
#include "synth/reduce.h"
#include "tests/faulty/faults.h"

namespace moire::faulty {

// A generated case of 1 to 30 nodes of what the clean twin has.
GeneratedCase DrawPlain(uint64_t seed, int64_t index);

// --- The clean twin -------------------------------------------------------------------------------

struct TwinOptions {
  int64_t cases = 2000;
  int64_t first = 0;  // index of the first case
  uint64_t seed = 1;
  int min_nodes = 5;
  int max_nodes = 30;
  std::string save;  // directory for the cases that raised an alarm; empty: none
};
struct TwinReport {
  int64_t cases = 0;
  std::map<std::string, int64_t> verdicts;  // by kind
  std::vector<std::string> alarms;          // one line each
  int64_t elements = 0;                     // of the outputs that were compared
};
TwinReport RunTwin(const TwinOptions& options);

// --- Planted faults -------------------------------------------------------------------------------

struct FaultOptions {
  int seeds = 10;
  int64_t cases = 20000;   // for each seed
  int findings = 20;       // over all seeds, investigated
  double reduce_seconds = 30;
  SearchOrder search = SearchOrder::kFixed;  // of the reductions: what triage uses
  std::string bundles;     // directory: each finding is replayed from its own bundle; empty: none
};
struct FaultReport {
  std::string name;
  int seeds = 0;
  int found_in = 0;                      // seeds
  std::vector<int64_t> cases_to_find;    // of the seeds that found it
  int investigated = 0;
  int replayed = 0;                      // from a bundle on disk, in a fresh process
  int misjudged = 0;                     // that do not stand as they must: ExpectedStandings
  std::map<std::string, int> standings;
  int64_t most_nodes = 0;                // after reduction
  std::map<std::string, int> causes;     // of confirmed findings
};
FaultReport RunFault(const FaultEntry& fault, const FaultOptions& options);
// RunFault of each in a process of its own, at most `jobs` at a time; `done` gets the figures in the
// order in which they come. False where a process ended without them.
bool RunFaults(const std::vector<FaultEntry>& faults, const FaultOptions& options, int jobs,
               const std::function<void(nlohmann::json)>& done);
// How a finding of the fault must stand: "confirmed", or what does not repeat.
std::set<std::string> ExpectedStandings(FaultKind kind);

// --- Power ----------------------------------------------------------------------------------------

struct PowerOptions {
  int64_t cases = 500;
  uint64_t seed = 1;
  int nodes = 10;
  bool whole_standard = false;  // every operator and element type
};
struct PowerReport {
  struct Share {
    int64_t elements = 0, decidable = 0, unspecified = 0;
    double median_bound = 0;  // half the range / largest magnitude of the output; floats
  };
  int64_t cases = 0;
  int64_t evaluated = 0;  // by the reference; only these have elements to count
  int64_t faults = 0;    // put into a decidable element
  int64_t reported = 0;
  std::vector<std::string> missed;
  std::map<std::string, Share> by_type;
  Share all, exact;      // exact: integers and bools
};
PowerReport RunPower(const PowerOptions& options);

nlohmann::json ToJson(const TwinReport& report);
nlohmann::json ToJson(const FaultReport& report);
nlohmann::json ToJson(const PowerReport& report);

}  // namespace moire::faulty

#endif  // MOIRE_TESTS_FAULTY_PLANTED_H_
