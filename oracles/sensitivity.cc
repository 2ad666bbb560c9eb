#include "oracles/sensitivity.h"

#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "harness/case/onnx_adapter.h"
#include "harness/case/random.h"

namespace moire {
namespace {

constexpr size_t kMaxNodes = 400;
constexpr int kTrials = 4;
// 2^14 roundings of float32 in one: more than the operators of a small graph add up.
constexpr double kAmplitude = 0x1p-10;
// Elements much smaller than the largest move with it: sums and products round at its size.
constexpr double kFloor = 1.0 / 64;
// Products of larger values may leave float32's range in one order of evaluation and not in
// another, which a bounded operator behind them (Clip, Tanh) hides.
constexpr double kLargestRead = 1e3;

bool IsTame(const Tensor& tensor) {
  for (int64_t i = 0; IsFloat(tensor.type) && i < tensor.size(); ++i) {
    if (!(std::abs(GetFloat(tensor, i)) <= kLargestRead)) return false;
  }
  return true;
}

Tensor Moved(const Tensor& from, Random& random) {
  if (!IsFloat(from.type)) return from;
  Tensor out = from;
  double largest = 0;
  for (int64_t i = 0; i < from.size(); ++i) {
    const double x = std::abs(GetFloat(from, i));
    largest = std::max(largest, x);
  }
  for (int64_t i = 0; i < from.size(); ++i) {
    const double x = GetFloat(from, i);
    const double r = (0.5 + random.Unit() / 2) * (random.Chance(1, 2) ? 1 : -1);
    const double scale = std::max({std::abs(x), largest * kFloor, kAmplitude});
    SetFloat(out, i, x + r * kAmplitude * scale);
  }
  return out;
}

class Expansion {
 public:
  Expansion(const Case& test_case, const Model& model, uint64_t seed)
      : case_(test_case), model_(model), random_(seed) {
    for (const Node& node : model.graph.nodes) {
      for (const std::string& output : node.outputs) producer_[output] = &node;
    }
  }

  std::optional<Case> Run(std::string_view name) {
    Model out;
    out.ir_version = model_.ir_version;
    out.opsets = model_.opsets;
    out.extra = model_.extra;
    out.graph.name = model_.graph.name;
    graph_ = &out.graph;
    const std::string result = Copy(std::string(name));
    if (result.empty()) return std::nullopt;
    const auto declared = std::ranges::find(model_.graph.outputs, name, &ValueInfo::name);
    out.graph.outputs.push_back(
        {result, declared == model_.graph.outputs.end() ? ValueType{} : declared->type});
    RunOptions options = case_.options;
    options.more_runs.clear();
    return Case{SerializeModel(out), std::move(inputs_), std::move(options)};
  }

 private:
  std::string Fresh() { return "p" + std::to_string(names_++); }

  // The name of a new copy of a value; empty where that fails.
  std::string Copy(const std::string& name) {
    const auto made = producer_.find(name);
    if (made != producer_.end()) return CopyNode(*made->second, name);
    const std::string fresh = Fresh();
    const auto given = std::ranges::find(case_.inputs, name, &NamedTensor::name);
    if (given != case_.inputs.end()) {
      const ValueInfo* declared = model_.graph.FindInput(name);
      if (declared == nullptr || !IsTame(given->tensor)) return {};
      graph_->inputs.push_back({fresh, declared->type});
      inputs_.push_back({fresh, Moved(given->tensor, random_)});
      return fresh;
    }
    const NamedTensor* initializer = model_.graph.FindInitializer(name);
    if (initializer == nullptr || !IsTame(initializer->tensor)) return {};
    graph_->initializers.push_back({fresh, Moved(initializer->tensor, random_)});
    return fresh;
  }

  std::string CopyNode(const Node& from, const std::string& wanted) {
    if (++nodes_ > kMaxNodes) return {};
    Node node = from;
    for (std::string& input : node.inputs) {
      if (input.empty()) continue;
      input = Copy(input);
      if (input.empty()) return {};
    }
    std::string result;
    for (std::string& output : node.outputs) {
      if (output.empty()) continue;
      const bool is_wanted = output == wanted;
      output = Fresh();
      if (is_wanted) result = output;
    }
    for (Attribute& attribute : node.attributes) {
      auto* tensor = std::get_if<Tensor>(&attribute.value);
      if (tensor == nullptr) continue;
      if (!IsTame(*tensor)) return {};
      *tensor = Moved(*tensor, random_);
    }
    if (!node.name.empty()) node.name += "_" + result;
    graph_->nodes.push_back(std::move(node));
    return result;
  }

  const Case& case_;
  const Model& model_;
  Random random_;
  std::unordered_map<std::string_view, const Node*> producer_;
  Graph* graph_ = nullptr;
  std::vector<NamedTensor> inputs_;
  size_t nodes_ = 0;
  int names_ = 0;
};

double Number(const Tensor& tensor, int64_t i) {
  return IsFloat(tensor.type) ? GetFloat(tensor, i) : static_cast<double>(GetInt(tensor, i));
}

}  // namespace

std::optional<Case> Perturb(const Case& test_case, const Model& model, std::string_view name,
                            uint64_t seed) {
  return Expansion(test_case, model, seed).Run(name);
}

std::optional<double> Movement(const Case& test_case, const Model& model, std::string_view name,
                               const Tensor& plain,
                               const std::function<Observation(const Case&)>& run) {
  double largest = 0;
  for (int trial = 0; trial < kTrials; ++trial) {
    const auto moved = Perturb(test_case, model, name, static_cast<uint64_t>(trial + 1));
    if (!moved) return std::nullopt;
    const Observation seen = run(*moved);
    if (seen.outcome != Outcome::kOutputs || seen.outputs.size() != 1) return std::nullopt;
    const Tensor& tensor = seen.outputs[0].tensor;
    if (tensor.type != plain.type || tensor.shape != plain.shape) return std::nullopt;
    for (int64_t i = 0; i < plain.size(); ++i) {
      const double difference = std::abs(Number(tensor, i) - Number(plain, i));
      if (!std::isfinite(difference)) return std::nullopt;
      largest = std::max(largest, difference);
    }
  }
  return largest;
}

}  // namespace moire
