// The oracles, one function each, for registry.cc and their tests.
#ifndef MOIRE_ORACLES_FAMILIES_H_
#define MOIRE_ORACLES_FAMILIES_H_

#include "oracles/oracle.h"

namespace moire {

// Severity of what cannot be measured in units of a range: a wrong shape or type, a lost NaN, a
// crash, a wrong refusal.
inline constexpr double kStructural = 1e9;

const Oracle& CrashOracle();
const Oracle& HangMemoryOracle();
const Oracle& AcceptanceOracle();
const Oracle& DifferentialOracle();
const Oracle& LevelsOracle();
const Oracle& IdentityOracle();

}  // namespace moire

#endif  // MOIRE_ORACLES_FAMILIES_H_
