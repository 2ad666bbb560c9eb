#include "tests/bank/planted_runtime.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "harness/case/onnx_adapter.h"
#include "harness/case/onnx_inline.h"
#include "harness/case/random.h"
#include "oracles/reference/reference.h"
#include "synth/explain/features.h"
#include "synth/subgraph.h"

namespace moire::bank {
namespace {

const Tensor* Known(const KnownValues& values, const std::string& name) {
  const auto found = values.find(name);
  return found == values.end() || !found->second.known ? nullptr : &found->second.tensor;
}

// Names that depend on `from`, itself included, in the main graph.
std::set<std::string> Downstream(const Graph& graph, const std::set<std::string>& from) {
  std::set<std::string> reached = from;
  for (const Node& node : graph.nodes) {
    const std::set<std::string> reads = Reads(node);
    const bool depends =
        std::ranges::any_of(reads, [&](const auto& r) { return reached.contains(r); });
    if (depends) reached.insert(node.outputs.begin(), node.outputs.end());
  }
  return reached;
}

struct Match {
  std::string made;       // first output
  std::string outermost;  // of the main graph's node that holds it
};

class Watch {
 public:
  Watch(const Plant& plant, const Sketch& sketch, int level)
      : plant_(plant), sketch_(sketch), level_(level) {
    matches_.resize(plant.needs.size());
    const KnownValues values = ComputeValues(sketch);
    for (const Node& node : sketch.model.graph.nodes) Look(node, values, "");
    for (const BodyPlace& place : Bodies(sketch)) {
      const KnownValues inner = ComputeBodyValues(sketch, place);
      const Node& holder = sketch.model.graph.nodes[place.node];
      for (const Node& node : BodyAt(sketch, place).nodes) Look(node, inner, holder.outputs[0]);
    }
  }

  // Graph outputs that are wrong.
  std::set<std::string> Struck() const {
    std::set<std::string> from;
    const Graph& graph = sketch_.model.graph;
    for (const auto& matches : matches_) {
      if (matches.empty()) return {};
      for (const Match& match : matches) from.insert(match.outermost);
    }
    if (plant_.link == Plant::Link::kNone) return Downstream(graph, from);
    std::set<std::string> linked;
    for (const Match& first : matches_[0]) {
      for (const Match& second : matches_[1]) {
        const bool holds = plant_.link == Plant::Link::kDescends
                               ? first.made != second.made &&
                                     Downstream(graph, {first.outermost}).contains(second.outermost)
                               : IsFused(graph, first.made, second.made);
        if (holds) linked.insert(second.outermost);
      }
    }
    return linked.empty() ? linked : Downstream(graph, linked);
  }

 private:
  void Look(const Node& node, const KnownValues& values, const std::string& holder) {
    if (node.outputs.empty()) return;
    Site site{.node = node, .in = {}, .constant = {}};
    for (const std::string& input : node.inputs) {
      site.in.push_back(Known(values, input));
      site.constant.push_back(sketch_.model.graph.FindInitializer(input) != nullptr);
    }
    site.in_body = !holder.empty();
    for (const ValueInfo& output : sketch_.model.graph.outputs) {
      site.exposed = site.exposed || output.name == node.outputs[0];
    }
    site.opset = sketch_.model.Opset("");
    site.level = level_;
    site.threads = std::max(1, sketch_.options.intra_op_threads);
    for (size_t need = 0; need < plant_.needs.size(); ++need) {
      if (site.known() && plant_.needs[need](site)) {
        matches_[need].push_back({node.outputs[0], holder.empty() ? node.outputs[0] : holder});
      }
    }
  }

  static bool IsFused(const Graph& graph, const std::string& first, const std::string& second) {
    int readers = 0;
    bool direct = false;
    for (const Node& node : graph.nodes) {
      const int times = static_cast<int>(std::ranges::count(node.inputs, first));
      readers += times;
      direct = direct || (times > 0 && node.outputs[0] == second);
    }
    const bool exposed =
        std::ranges::any_of(graph.outputs, [&](const ValueInfo& v) { return v.name == first; });
    return direct && readers == 1 && !exposed;
  }

  const Plant& plant_;
  const Sketch& sketch_;
  int level_;
  std::vector<std::vector<Match>> matches_;  // by need
};

void Corrupt(Tensor& tensor) {
  for (int64_t i = 0; i < tensor.size(); ++i) {
    if (IsFloat(tensor.type)) {
      const double v = GetFloat(tensor, i);
      SetFloat(tensor, i, std::isfinite(v) ? (std::abs(v) > 1 ? -v : v + 2) : 0.5);
    } else if (IsExact(tensor.type)) {
      SetInt(tensor, i, GetInt(tensor, i) ^ 1);
    }
  }
}

}  // namespace

bool Site::known() const {
  for (size_t i = 0; i < in.size(); ++i) {
    if (in[i] == nullptr && !node.inputs[i].empty()) return false;
  }
  return true;
}

bool HasValue(const Tensor& tensor, const std::function<bool(double)>& is) {
  for (int64_t i = 0; i < tensor.size(); ++i) {
    if (is(IsFloat(tensor.type) ? GetFloat(tensor, i) : static_cast<double>(GetInt(tensor, i))))
      return true;
  }
  return false;
}

PlantedRuntime::PlantedRuntime(Plant plant, int level)
    : plant_(std::move(plant)),
      level_(level),
      name_(fmt::format("planted:level={}", LevelName(level))) {}

Observation PlantedRuntime::Run(const Case& test_case) {
  Observation seen;
  seen.configuration = name_;
  const Result<Model> model = ParseModel(test_case.model);
  const ReferenceResult result = model ? Evaluate(*model, test_case.inputs) : ReferenceResult{};
  if (!model || result.status != ReferenceStatus::kEvaluated) {
    seen.outcome = Outcome::kRejected;
    seen.stage = "load";
    seen.reason = model ? result.reason : model.error().message;
    return seen;
  }
  // It writes functions out before it looks, as runtimes do.
  const Result<std::string> inlined = InlineFunctions(test_case.model);
  const Result<Model> seen_model = inlined ? ParseModel(*inlined) : model;
  const Sketch sketch{seen_model ? *seen_model : *model, test_case.inputs, test_case.options};
  const std::set<std::string> struck = Watch(plant_, sketch, level_).Struck();
  for (size_t i = 0; i < result.outputs.size(); ++i) {
    seen.outputs.push_back({model->graph.outputs[i].name, ToTensor(result.outputs[i])});
  }
  const bool strikes =
      !struck.empty() && Mix64(++runs_) % 100 < static_cast<uint64_t>(plant_.percent);
  if (!strikes) return seen;
  switch (plant_.effect) {
    case Effect::kCrash:
      std::abort();
    case Effect::kHang:
      for (volatile bool forever = true; forever;) {
      }
      break;
    case Effect::kReject:
      seen.outputs.clear();
      seen.outcome = Outcome::kRejected;
      seen.stage = "load";
      seen.reason = "planted: refused";
      return seen;
    case Effect::kWrong:
      for (NamedTensor& output : seen.outputs) {
        if (struck.contains(output.name)) Corrupt(output.tensor);
      }
  }
  return seen;
}

Configurations OpenPlantedAt(const Plant& plant, int level) {
  Configurations configurations;
  configurations.push_back(std::make_unique<PlantedRuntime>(plant, level));
  return configurations;
}

OpenAll OpenPlanted(const Plant& plant) {
  return [plant]() -> Result<Configurations> {
    Configurations all;
    for (int level = 0; level < 4; ++level)
      all.push_back(std::make_unique<PlantedRuntime>(plant, level));
    return all;
  };
}

}  // namespace moire::bank
