// How well avoid rules fit the fault that they were made for: generated cases are held against the
// rules of a campaign, and against the fault itself, which only notes that it was reached.
#ifndef MOIRE_TESTS_FAULTY_RULE_WIDTH_H_
#define MOIRE_TESTS_FAULTY_RULE_WIDTH_H_

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "harness/case/error.h"

namespace moire::faulty {

struct RuleWidth {
  int64_t cases = 0;
  int64_t reached = 0;          // the fault was
  int64_t reached_avoided = 0;  // of them a rule matches
  int64_t clean = 0;            // the operator is there and the fault was not reached
  int64_t clean_avoided = 0;
  int64_t second = 0;  // the second fault was reached, the first not
  int64_t second_avoided = 0;
};
// `spec`: "faulty:fault=...". The operator is the first fault's; what reaches the second is not
// clean. Cases have 1 to 30 nodes. Without rules (an empty name) this tells how often the faults
// are reached.
Result<RuleWidth> MeasureRuleWidth(const std::string& rules_file, const std::string& spec,
                                   int64_t cases, uint64_t seed);
nlohmann::json ToJson(const RuleWidth& width);

}  // namespace moire::faulty

#endif  // MOIRE_TESTS_FAULTY_RULE_WIDTH_H_
