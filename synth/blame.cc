#include "synth/blame.h"

#include "oracles/configuration_name.h"

namespace moire {

std::vector<std::string> AppliedOptimizers(const Case& test_case, const std::string& configuration) {
  if (IsPlain(configuration)) return {};
  const Result<Configurations> opened = OpenConfigurations(configuration + ",log=1");
  if (!opened || opened->empty()) return {};
  opened->front()->Run(test_case);
  return opened->front()->AppliedOptimizers();
}

std::string BlameOptimizer(const Case& test_case, SymptomCheck& check,
                           const std::vector<std::string>& applied) {
  for (const std::string& optimizer : applied) {
    Case without = test_case;
    without.options.disabled_optimizers.push_back(optimizer);
    if (!check.Shows(without)) return optimizer;
  }
  return {};
}

}  // namespace moire
