// One function for each feedback domain: what its file gives to the registry.
#ifndef MOIRE_FUZZERS_FEEDBACK_WAYPOINT_REGISTRY_H_
#define MOIRE_FUZZERS_FEEDBACK_WAYPOINT_REGISTRY_H_

#include "fuzzers/feedback/waypoints.h"

namespace moire {

const FeedbackDomain& EffectiveBitsDomain();
const FeedbackDomain& OperatorPairDomain();
const FeedbackDomain& TransformerDomain();

}  // namespace moire

#endif  // MOIRE_FUZZERS_FEEDBACK_WAYPOINT_REGISTRY_H_
