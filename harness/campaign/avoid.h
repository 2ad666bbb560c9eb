// Avoid rules: how a campaign steers around a crash or hang that it has seen often enough. A rule is
// what the reduced cases of one finding have in common (operators, element types, attributes,
// special values and the edges between them), so it is no wider than what was seen. A matching case
// is judged without being run at the configurations that die; now and then it is run all the same
// (a probe), and a rule whose probes pass goes away. Depends on case and reference.
#ifndef MOIRE_HARNESS_CAMPAIGN_AVOID_H_
#define MOIRE_HARNESS_CAMPAIGN_AVOID_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "harness/case/case.h"
#include "harness/case/error.h"
#include "harness/case/model.h"
#include "oracles/reference/range_tensor.h"

namespace moire {

// Special contents of a tensor; a reduced case keeps only those that the failure needs, since
// reduction turns what does not matter into zeros and ones.
enum ValueFlag : uint32_t {
  kHasNan = 1,
  kHasInfinity = 2,
  kHasNegative = 4,
  kHasExtreme = 8,   // smallest or largest value of an integer type
  kIsEmpty = 16,
  kHasSubnormal = 32,
  kHasLarge = 64,    // magnitude of 2^16 or more
};
uint32_t FlagsOf(const Tensor& tensor);
uint32_t FlagsOf(const RangeTensor& tensor);  // nominal values

struct RuleNode {
  std::string op;
  std::string domain;
  std::vector<DataType> input_types;  // kUndefined: any; of the first inputs, more may follow
  std::vector<uint32_t> input_flags;  // all of these must be there
  std::vector<int> producers;         // for each input: index of the rule's node that makes it, or -1
  std::map<std::string, std::string> attributes;  // name -> value as text
};

struct AvoidRule {
  std::string cause;
  std::vector<std::string> configurations;  // classes ("ort:level=all"), see ConfigurationClass
  std::vector<RuleNode> nodes;              // in topological order, at most kMaxRuleNodes
  int sightings = 0;
};
inline constexpr size_t kMaxRuleNodes = 4;

// Element types and special values of a case's values, by name: of inputs and initializers at once,
// of the rest as the reference computes them (Evaluate's on_node).
struct ValueFacts {
  DataType type = DataType::kUndefined;
  uint32_t flags = 0;
};
using Facts = std::map<std::string, ValueFacts, std::less<>>;
Facts FactsOfInputs(const Model& model, const std::vector<NamedTensor>& inputs);

// The rule that matches just this reduced case; nullopt when it has more nodes than a rule may.
std::optional<AvoidRule> RuleFromCase(std::string_view cause, std::string_view configuration,
                                      const Model& reduced, const Facts& facts);
// Reduction has made the case plain: float for float16, int64 for int32, an attribute's default. Gives up
// those types, attributes and special values of the rule that the case as it was sighted does not have.
// False, and nothing is changed, where not even operators and edges match.
bool WidenTo(AvoidRule& rule, const Model& sighted, const Facts& facts);
// Widens `rule` to what it has in common with another sighting of the same cause. False when the two
// have different operators: then both are needed.
bool Generalise(AvoidRule& rule, const AvoidRule& sighting);
// Whether the model has the rule's operators at all: where not, no facts are needed.
bool MayMatch(const AvoidRule& rule, const Model& model);
bool Matches(const AvoidRule& rule, const Model& model, const Facts& facts);

std::string RulesToJson(const std::vector<AvoidRule>& rules);
Result<std::vector<AvoidRule>> RulesFromJson(std::string_view json);

}  // namespace moire

#endif  // MOIRE_HARNESS_CAMPAIGN_AVOID_H_
