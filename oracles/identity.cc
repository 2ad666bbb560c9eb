// Oracle "identity": a configuration against itself on the re-serialised model (setting resaved=1),
// bit for bit. Nothing is said of runs that died or were stopped: other oracles judge those.
#include <algorithm>

#include "oracles/configuration_name.h"
#include "oracles/families.h"
#include "oracles/same_observation.h"

namespace moire {
namespace {

bool CameBack(const Observation& seen) {
  return seen.outcome == Outcome::kOutputs || seen.outcome == Outcome::kRejected ||
         seen.outcome == Outcome::kUnsupported;
}

class Identity : public Oracle {
 public:
  std::string_view name() const override { return "identity"; }

  void Judge(const Evidence& evidence, std::vector<Verdict>& verdicts) const override {
    for (const Observation& twin : evidence.observations) {
      const std::string_view name = twin.configuration;
      if (Setting(name, "resaved") != "1") continue;
      const std::string_view original = name.substr(0, name.rfind("resaved=") - 1);
      const auto first =
          std::ranges::find(evidence.observations, original, &Observation::configuration);
      if (first == evidence.observations.end() || !CameBack(twin) || !CameBack(*first)) continue;
      const std::string difference = DifferenceOf(*first, twin);
      if (difference.empty()) continue;
      verdicts.push_back(
          {.kind = VerdictKind::kNondeterministic,
           .oracle = "identity",
           .configuration = twin.configuration,
           .against = first->configuration,
           .severity = kStructural,
           .reason = "the model parsed and written again behaves differently: " + difference,
           .error_class = "identity",
           .expected = {},
           .actual = {}});
    }
  }
};

}  // namespace

const Oracle& IdentityOracle() {
  static const Identity oracle;
  return oracle;
}

}  // namespace moire
