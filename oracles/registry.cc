// The oracles in the order in which they judge. One line each.
#include "oracles/families.h"

namespace moire {

const std::vector<const Oracle*>& OracleRegistry() {
  static const std::vector<const Oracle*> kOracles = {
      &CrashOracle(),        &HangMemoryOracle(), &AcceptanceOracle(),
      &DifferentialOracle(), &LevelsOracle(),     &IdentityOracle(),
  };
  return kOracles;
}

std::vector<Verdict> JudgeAll(const Evidence& evidence) {
  std::vector<Verdict> verdicts;
  for (const Oracle* oracle : OracleRegistry()) oracle->Judge(evidence, verdicts);
  return verdicts;
}

}  // namespace moire
