#include "tests/faulty/rule_width.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "fuzzers/generate/generate.h"
#include "harness/campaign/avoid.h"
#include "oracles/reference/reference.h"
#include "tests/faulty/faulty_backend.h"
#include "tests/faulty/planted.h"

namespace moire::faulty {

Result<RuleWidth> MeasureRuleWidth(const std::string& rules_file, const std::string& spec,
                                   int64_t cases, uint64_t seed) {
  constexpr std::string_view kBackend = "faulty:";
  if (!spec.starts_with(kBackend)) {
    return Fail(ErrorCode::kInvalidInput, "'{}' is not a faulty runtime", spec);
  }
  MOIRE_ASSIGN(FaultySettings settings,
               ParseFaulty(std::string_view(spec).substr(kBackend.size())));
  if (!settings.fault) return Fail(ErrorCode::kInvalidInput, "'{}' names no fault", spec);
  std::vector<AvoidRule> rules;
  if (!rules_file.empty()) {
    MOIRE_ASSIGN(const std::string text, ReadFile(rules_file));
    MOIRE_ASSIGN(rules, RulesFromJson(text));
  }
  const std::string op = settings.fault->op;
  settings.dry = true;
  settings.unless.clear();
  FaultySettings of_second = settings;
  of_second.fault = std::exchange(settings.second, std::nullopt);
  const bool two = of_second.fault.has_value();
  of_second.second.reset();
  FaultyConfiguration runtime(settings);
  FaultyConfiguration other(of_second);
  RuleWidth width;
  for (int64_t index = 0; index < cases; ++index) {
    const GeneratedCase generated = DrawPlain(seed, index);
    ++width.cases;
    const bool has_op = std::ranges::any_of(generated.model.graph.nodes, [&](const Node& node) {
      return node.op == op || (two && node.op == of_second.fault->op);
    });
    if (!has_op) continue;
    const Case test_case = ToCase(generated);
    runtime.Run(test_case);
    const bool reached = runtime.Triggered();
    other.Run(test_case);
    const bool second = other.Triggered() && !reached;
    Facts facts = FactsOfInputs(generated.model, generated.inputs);
    ReferenceOptions options;
    options.on_node = [&](const Node& node, std::span<const RangeTensor> values) {
      for (size_t i = 0; i < std::min(values.size(), node.outputs.size()); ++i) {
        facts[node.outputs[i]] = {values[i].type, FlagsOf(values[i])};
      }
    };
    Evaluate(generated.model, generated.inputs, options);
    const bool avoided = std::ranges::any_of(
        rules, [&](const AvoidRule& rule) { return Matches(rule, generated.model, facts); });
    ++(reached ? width.reached : second ? width.second : width.clean);
    if (!avoided) continue;
    ++(reached ? width.reached_avoided : second ? width.second_avoided : width.clean_avoided);
  }
  return width;
}

nlohmann::json ToJson(const RuleWidth& width) {
  return {{"cases", width.cases},
          {"reached", width.reached},
          {"reached_avoided", width.reached_avoided},
          {"clean", width.clean},
          {"clean_avoided", width.clean_avoided},
          {"second", width.second},
          {"second_avoided", width.second_avoided}};
}

}  // namespace moire::faulty
