#include "harness/shapes/rules.h"

#include <unordered_map>

namespace moire::shapes {

const OperatorRule* FindRule(std::string_view op) {
  static const auto kRules = [] {
    std::unordered_map<std::string_view, const OperatorRule*> rules;
    for (const RuleTable table :
         {LayoutRules(), ProductRules(), WindowRules(), SelectRules(), NormRules()}) {
      for (const OperatorRule& rule : table) rules.emplace(rule.op, &rule);
    }
    return rules;
  }();
  const auto found = kRules.find(op);
  return found == kRules.end() ? nullptr : found->second;
}

}  // namespace moire::shapes
