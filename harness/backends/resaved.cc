#include "harness/backends/resaved.h"

#include <utility>

#include "harness/case/onnx_adapter.h"

namespace moire {
namespace {

class Resaved : public Configuration {
 public:
  explicit Resaved(std::unique_ptr<Configuration> inner)
      : inner_(std::move(inner)),
        name_(fmt::format("{}{}{}=1", inner_->name(),
                          inner_->name().find('=') == std::string::npos ? ':' : ',',
                          kResavedSetting)) {}

  const std::string& name() const override { return name_; }

  Observation Run(const Case& test_case) override {
    Case twin = test_case;
    if (const Result<Model> model = ParseModel(test_case.model))
      twin.model = SerializeModel(*model);
    Observation seen = inner_->Run(twin);
    seen.configuration = name_;
    for (Observation& later : seen.later) later.configuration = name_;
    return seen;
  }

  std::vector<std::string> AppliedOptimizers() const override {
    return inner_->AppliedOptimizers();
  }
  std::vector<std::string> RunOptimizers() const override { return inner_->RunOptimizers(); }

 private:
  std::unique_ptr<Configuration> inner_;
  std::string name_;
};

}  // namespace

std::unique_ptr<Configuration> MakeResaved(std::unique_ptr<Configuration> inner) {
  return std::make_unique<Resaved>(std::move(inner));
}

}  // namespace moire
