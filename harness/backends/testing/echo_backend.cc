#include "harness/backends/testing/echo_backend.h"

#include <string>

#include "harness/backends/spec.h"

namespace moire {
namespace {

class EchoConfiguration : public Configuration {
 public:
  explicit EchoConfiguration(bool reverse)
      : name_(reverse ? "echo:reverse=1" : "echo:reverse=0"), reverse_(reverse) {}

  const std::string& name() const override { return name_; }

  Observation Run(const Case& test_case) override {
    Observation seen;
    seen.configuration = name_;
    if (test_case.inputs.empty()) {
      seen.outcome = Outcome::kRejected;
      seen.stage = "run";
      seen.reason = "nothing to echo";
      return seen;
    }
    seen.outputs = test_case.inputs;
    if (reverse_) seen.outputs = {seen.outputs.rbegin(), seen.outputs.rend()};
    return seen;
  }

 private:
  std::string name_;
  bool reverse_;
};

}  // namespace

Result<std::vector<std::unique_ptr<Configuration>>> OpenEcho(std::string_view target,
                                                             std::string_view settings) {
  if (!target.empty()) return Fail(ErrorCode::kInvalidInput, "echo has no versions");
  bool reverse = false;
  MOIRE_ASSIGN(const std::vector<Setting> list, ParseSettings(settings));
  for (const Setting& setting : list) {
    if (setting.key != "reverse") {
      return Fail(ErrorCode::kInvalidInput, "there is no setting '{}'; the settings are: reverse",
                  setting.key);
    }
    reverse = setting.value == "1";
  }
  std::vector<std::unique_ptr<Configuration>> configurations;
  configurations.push_back(std::make_unique<EchoConfiguration>(reverse));
  return configurations;
}

std::vector<BackendInfo> ListEcho() { return {{"echo", "", "", true, "built in"}}; }

Status InstallEcho(std::string_view) {
  return Fail(ErrorCode::kInvalidInput, "echo is built in; there is nothing to install");
}

}  // namespace moire
