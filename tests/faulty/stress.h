// Stress for the judge: cases that are hard to compute, not hard to run. One reduction, product,
// normalisation or pool over up to 65 536 terms, or a chain of up to 64 nodes, on data of
// stress_data.h. A correct runtime must raise no alarm.
#ifndef MOIRE_TESTS_FAULTY_STRESS_H_
#define MOIRE_TESTS_FAULTY_STRESS_H_

#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "harness/case/case.h"
#include "harness/case/error.h"

namespace moire::faulty {

struct StressCase {
  Case test_case;
  std::string family;  // "reduction", "chain", "composed"
  std::string data;    // the kind of data
  std::string type;    // of element
  int64_t terms = 0;   // of the longest sum
  int64_t nodes = 0;
};
// Case `index` of a seed.
StressCase DrawStress(uint64_t seed, int64_t index);

struct StressOptions {
  int64_t cases = 0;  // that are judged: with an output that the reference can decide
  int64_t first = 0;
  uint64_t seed = 1;
  std::string backend;  // SPEC; empty: the clean twin
  std::string save;     // directory for the cases that raised an alarm; empty: none
};
struct StressReport {
  int64_t drawn = 0;
  int64_t judged = 0;
  int64_t elements = 0, decidable = 0;  // of judged cases
  std::map<std::string, int64_t> verdicts;
  std::map<std::string, int64_t> families, data, types, lengths, depths;  // of judged cases
  int64_t pools = 0;        // outputs that are judged together (oracles/pooled.h)
  double largest_pool = 0;  // their largest error in units of what the rule allows
  std::vector<std::string> alarms;
};
// Errors: those of the SPEC.
Result<StressReport> RunStress(const StressOptions& options);
nlohmann::json ToJson(const StressReport& report);

}  // namespace moire::faulty

#endif  // MOIRE_TESTS_FAULTY_STRESS_H_
