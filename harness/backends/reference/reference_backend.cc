#include "harness/backends/reference/reference_backend.h"

#include <new>
#include <string>
#include <utility>

#include "harness/case/onnx_adapter.h"
#include "oracles/reference/reference.h"

namespace moire {
namespace {

class ReferenceConfiguration : public Configuration {
 public:
  const std::string& name() const override { return name_; }

  Observation Run(const Case& test_case) override {
    Observation seen;
    seen.configuration = name_;
    try {
      RunInto(test_case, seen);
    } catch (const std::bad_alloc&) {
      seen.outputs.clear();
      Stop(seen, Outcome::kOutOfMemory, "run", "not enough memory");
    }
    return seen;
  }

 private:
  static void Stop(Observation& seen, Outcome outcome, const char* stage, std::string reason) {
    seen.outcome = outcome;
    seen.stage = stage;
    seen.reason = std::move(reason);
  }

  static void RunInto(const Case& test_case, Observation& seen) {
    const Result<Model> model = ParseModel(test_case.model);
    if (!model) return Stop(seen, Outcome::kRejected, "load", model.error().message);
    const ReferenceResult result = Evaluate(*model, test_case.inputs);
    if (result.status == ReferenceStatus::kRejected) {
      return Stop(seen, Outcome::kRejected, "run", result.reason);
    }
    if (result.status == ReferenceStatus::kOverBudget) {
      return Stop(seen, Outcome::kUnsupported, "run", "over budget: " + result.reason);
    }
    for (size_t i = 0; i < result.outputs.size(); ++i) {
      const RangeTensor& output = result.outputs[i];
      const std::string& name = model->graph.outputs[i].name;
      if (output.opaque != Opaque::kNo) {
        seen.outputs.clear();
        return Stop(seen, Outcome::kUnsupported, "run",
                    fmt::format("output '{}': {}", name, output.opaque_reason));
      }
      seen.outputs.push_back({name, ToTensor(output)});
    }
  }

  const std::string name_ = "reference";
};

}  // namespace

Result<std::vector<std::unique_ptr<Configuration>>> OpenReference(std::string_view target,
                                                                  std::string_view settings) {
  if (!target.empty()) {
    return Fail(ErrorCode::kInvalidInput, "the reference has no versions; write reference");
  }
  if (!settings.empty()) {
    return Fail(ErrorCode::kInvalidInput, "the reference has no settings; write reference");
  }
  std::vector<std::unique_ptr<Configuration>> configurations;
  configurations.push_back(std::make_unique<ReferenceConfiguration>());
  return configurations;
}

std::vector<BackendInfo> ListReference() {
  return {{.name = "reference", .version = "", .path = "", .installed = true, .note = "built in"}};
}

Status InstallReference(std::string_view) {
  return Fail(ErrorCode::kInvalidInput, "the reference is built in; there is nothing to install");
}

}  // namespace moire
