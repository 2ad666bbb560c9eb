// The list of feedback domains. The order fixes where their counters are: add at the end.
#include "fuzzers/feedback/waypoint_registry.h"

namespace moire {

const std::vector<const FeedbackDomain*>& FeedbackDomainRegistry() {
  static const auto& domains = *new std::vector<const FeedbackDomain*>{
      &EffectiveBitsDomain(),
      &OperatorPairDomain(),
      &TransformerDomain(),
  };
  return domains;
}

}  // namespace moire
