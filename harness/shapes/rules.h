// What operators tie together, one small function each: the shapes of inputs and outputs, the
// attributes and the contents of integer inputs as terms, from the ONNX operator pages. The only
// such list: the repair of mutants, the generator's corners and the repair of reduced graphs ask
// it.
#ifndef MOIRE_HARNESS_SHAPES_RULES_H_
#define MOIRE_HARNESS_SHAPES_RULES_H_

#include <array>
#include <span>
#include <string_view>

#include "harness/shapes/node_terms.h"

namespace moire::shapes {

// Requires what the operator does and says its outputs' dims (all that the node has, or none).
// False: it cannot be said for this node (a rank that does not fit, a list that is computed).
using Rule = bool (*)(NodeTerms& terms);

struct OperatorRule {
  std::string_view op;
  Rule rule;
  // What a repair may change: integer attributes, and the contents of inputs (a bit each). Where
  // the contents are indices, equal ones stay equal.
  std::array<std::string_view, 5> attributes = {};
  uint32_t elements = 0;
  bool indices = false;
};

// Of the default domain; null where there is none.
const OperatorRule* FindRule(std::string_view op);

// One table a family (rules_*.cc).
using RuleTable = std::span<const OperatorRule>;
RuleTable LayoutRules();
RuleTable ProductRules();
RuleTable WindowRules();
RuleTable SelectRules();
RuleTable NormRules();

// The dims of input 0 for every output.
bool SameDims(NodeTerms& terms);

}  // namespace moire::shapes

#endif  // MOIRE_HARNESS_SHAPES_RULES_H_
