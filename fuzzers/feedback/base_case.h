// The smallest case there is: what every model reaches in a runtime is what this one reaches.
// Depends on harness/case.
#ifndef MOIRE_FUZZERS_FEEDBACK_BASE_CASE_H_
#define MOIRE_FUZZERS_FEEDBACK_BASE_CASE_H_

#include "harness/case/case.h"

namespace moire {

// One Identity node over one float. Its blocks, at every configuration, are the base of a count.
Case BaseCase();

}  // namespace moire

#endif  // MOIRE_FUZZERS_FEEDBACK_BASE_CASE_H_
