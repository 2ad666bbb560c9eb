// When two runs of one case say the same. Depends on backend.h and cases.
#ifndef MOIRE_ORACLES_SAME_OBSERVATION_H_
#define MOIRE_ORACLES_SAME_OBSERVATION_H_

#include <string>

#include "harness/backends/backend.h"

namespace moire {

// The first difference in words; empty when outcome, class of the message and outputs are the same.
// Outputs are compared bit for bit, except that any NaN is like any other.
std::string DifferenceOf(const Observation& a, const Observation& b);

}  // namespace moire

#endif  // MOIRE_ORACLES_SAME_OBSERVATION_H_
