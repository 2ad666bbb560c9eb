// Normalisations: scales and biases follow the data's channels, groups or last dims.
#include "harness/shapes/rules.h"

namespace moire::shapes {
namespace {

// Every input from the second on is a vector of `size`.
bool Vectors(NodeTerms& t, const Term& size) {
  for (size_t k = 1; k < t.node.inputs.size(); ++k) {
    const TermList* each = t.In(k);
    if (each == nullptr || each->size() != 1) return false;
    t.Require((*each)[0] == size);
  }
  return SameDims(t);
}

bool ByChannel(NodeTerms& t) {
  const TermList* x = t.In(0);
  return x != nullptr && x->size() >= 2 && Vectors(t, (*x)[1]);
}

// Scale and bias were one a group before opset 21.
bool GroupNormalization(NodeTerms& t) {
  const TermList* x = t.In(0);
  if (x == nullptr || x->size() < 2) return false;
  const Term groups = t.Number("num_groups", 0);
  RequireDivides(t, groups, (*x)[1]);
  return Vectors(t, t.opset >= 21 ? (*x)[1] : groups);
}

bool LayerNormalization(NodeTerms& t) {
  const TermList* x = t.In(0);
  if (x == nullptr || t.node.outputs.size() != 1) return false;
  for (size_t k = 1; k < t.node.inputs.size(); ++k) {
    const TermList* each = t.In(k);
    if (each == nullptr || each->size() > x->size()) return false;
    for (size_t i = 0; i < each->size(); ++i) {
      const Term& own = (*x)[x->size() - each->size() + i];
      t.Require((*each)[i] == own || (*each)[i] == 1);
    }
  }
  return SameDims(t);
}

constexpr OperatorRule kNorms[] = {
    {"BatchNormalization", ByChannel},
    {"GroupNormalization", GroupNormalization, {"num_groups"}},
    {"InstanceNormalization", ByChannel},
    {"LayerNormalization", LayerNormalization},
    {"RMSNormalization", LayerNormalization},
};

}  // namespace

RuleTable NormRules() { return kNorms; }

}  // namespace moire::shapes
