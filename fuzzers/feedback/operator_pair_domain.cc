// Feedback domain: which operator feeds which, in which element type. Fusions and layout changes
// look at neighbours, and code coverage does not see that two known kernels met for the first time.
#include <unordered_map>

#include "fuzzers/feedback/waypoint_registry.h"
#include "harness/case/random.h"

namespace moire {
namespace {

class OperatorPairs : public FeedbackDomain {
 public:
  std::string_view name() const override { return "operator-pairs"; }
  uint32_t keys() const override { return 1u << 15; }
  uint32_t levels() const override { return 1; }
  void Observe(const RunFacts& facts, const Lamps& lamps) const override {
    if (facts.model == nullptr) return;
    std::unordered_map<std::string_view, const Node*> producers;
    const Graph& graph = facts.model->graph;
    for (const Node& node : graph.nodes) {
      for (const std::string& input : node.inputs) {
        const auto producer = producers.find(input);
        if (producer == producers.end()) continue;
        const std::string& from = producer->second->op;
        uint64_t key = Mix64(static_cast<uint64_t>(TypeOf(facts, input)));
        key =
            HashBytes(from.data(), from.size() + 1, key);  // with its NUL: "A"+"BC" is not "AB"+"C"
        key = HashBytes(node.op.data(), node.op.size(), key);
        lamps.Light(key);
      }
      for (const std::string& output : node.outputs) {
        if (!output.empty()) producers[output] = &node;
      }
    }
  }

 private:
  static DataType TypeOf(const RunFacts& facts, std::string_view value) {
    if (const auto known = facts.types.find(value); known != facts.types.end()) {
      return known->second;
    }
    for (const auto* infos : {&facts.model->graph.value_info, &facts.model->graph.outputs}) {
      for (const ValueInfo& info : *infos) {
        if (info.name == value) return info.type.type;
      }
    }
    return DataType::kUndefined;
  }
};

}  // namespace

const FeedbackDomain& OperatorPairDomain() {
  static const OperatorPairs domain;
  return domain;
}

}  // namespace moire
