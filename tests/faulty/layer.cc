#include "tests/faulty/layer.h"

#include <algorithm>
#include <array>
#include <cstdlib>

#include "harness/backends/spec.h"
#include "harness/case/onnx_adapter.h"

namespace moire::faulty {
namespace {

constexpr std::array<std::string_view, 4> kFaults = {"doubled", "nan", "reject", "crash"};
constexpr std::string_view kReference = "reference";
constexpr std::string_view kRight = "_before_the_fault";  // suffix of the layer's own result

Node Apply(std::string op, std::vector<std::string> inputs, std::string output) {
  Node node;
  node.op = std::move(op);
  node.inputs = std::move(inputs);
  node.outputs = {std::move(output)};
  return node;
}

class FaultyLayer : public Configuration {
 public:
  FaultyLayer(LayerSettings settings, std::unique_ptr<Configuration> runtime)
      : settings_(std::move(settings)), runtime_(std::move(runtime)) {}
  const std::string& name() const override { return settings_.name; }

  Observation Run(const Case& test_case) override {
    Result<Model> model = ParseModel(test_case.model);
    const bool strikes = model && std::ranges::any_of(model->graph.nodes, [&](const Node& node) {
                           return IsLayer(node);
                         });
    if (!strikes) return runtime_->Run(test_case);
    Case faulty{{}, test_case.inputs, test_case.options};
    const bool edits =
        settings_.fault == LayerFault::kDoubled || settings_.fault == LayerFault::kNan;
    if (edits) Plant(model->graph);
    faulty.model = edits ? SerializeModel(*model) : test_case.model;
    Observation seen = runtime_->Run(faulty);
    if (edits || seen.outcome != Outcome::kOutputs) return seen;
    if (settings_.fault == LayerFault::kCrash) std::abort();
    seen.outputs.clear();
    seen.outcome = Outcome::kRejected;
    seen.stage = "load";
    seen.reason = "planted: refused";
    return seen;
  }

 private:
  bool IsLayer(const Node& node) const {
    return !node.outputs.empty() && node.outputs[0] == settings_.layer &&
           (settings_.op.empty() || node.op == settings_.op);
  }

  // The layer's result gets another name, and what the fault makes of it takes its own.
  void Plant(Graph& graph) const {
    const auto at = std::ranges::find_if(graph.nodes, [&](const Node& n) { return IsLayer(n); });
    const std::string right = settings_.layer + std::string(kRight);
    at->outputs[0] = right;
    std::vector<Node> behind;
    if (settings_.fault == LayerFault::kDoubled) {
      behind = {Apply("Add", {right, right}, settings_.layer)};
    } else {
      const std::string zero = right + "_zero";
      behind = {Apply("Sub", {right, right}, zero), Apply("Div", {zero, zero}, settings_.layer)};
    }
    graph.nodes.insert(at + 1, behind.begin(), behind.end());
  }

  LayerSettings settings_;
  std::unique_ptr<Configuration> runtime_;
};

}  // namespace

bool IsLayerSettings(std::string_view settings) {
  return settings.starts_with("on=") || settings.find(",on=") != std::string_view::npos;
}

Result<LayerSettings> ParseLayer(std::string_view settings) {
  MOIRE_ASSIGN(const std::vector<Setting> list, ParseSettings(settings));
  LayerSettings chosen;
  chosen.name = "faulty:" + std::string(settings);
  for (const Setting& setting : list) {
    if (setting.key == "on") {
      chosen.release = setting.value;
    } else if (setting.key == "level") {
      chosen.level = setting.value;
    } else if (setting.key == "layer") {
      chosen.layer = setting.value;
    } else if (setting.key == "op") {
      chosen.op = setting.value;
    } else if (setting.key == "fault") {
      const auto* fault = std::ranges::find(kFaults, setting.value);
      if (fault == kFaults.end()) {
        return Fail(ErrorCode::kInvalidInput, "there is no fault '{}' of a layer; there are {}",
                    setting.value, JoinNames(kFaults));
      }
      chosen.fault = static_cast<LayerFault>(fault - kFaults.begin());
    } else {
      return Fail(ErrorCode::kInvalidInput,
                  "there is no setting '{}' of a layer; there are on, level, layer, op, fault",
                  setting.key);
    }
  }
  return chosen;
}

Result<std::vector<std::unique_ptr<Configuration>>> OpenLayer(const LayerSettings& settings) {
  const std::string spec = settings.release == kReference
                               ? settings.release
                               : fmt::format("ort@{}:level={}", settings.release, settings.level);
  MOIRE_ASSIGN(auto opened, OpenConfigurations(spec));
  std::vector<std::unique_ptr<Configuration>> faulty;
  for (auto& runtime : opened) {
    faulty.push_back(std::make_unique<FaultyLayer>(settings, std::move(runtime)));
  }
  return faulty;
}

}  // namespace moire::faulty
