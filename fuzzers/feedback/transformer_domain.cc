// Feedback domain: a graph transformer modified a graph that holds this operator in this element
// type. The runtime's log names the transformer and not the node, so every operator of the graph is
// taken; small graphs keep that sharp.
#include <set>

#include "fuzzers/feedback/waypoint_registry.h"
#include "harness/case/random.h"

namespace moire {
namespace {

// The element type of a node's first input or output that is known, for want of an operator's own.
DataType TypeOf(const RunFacts& facts, const Node& node) {
  for (const auto* values : {&node.outputs, &node.inputs}) {
    for (const std::string& value : *values) {
      const auto known = facts.types.find(value);
      if (known != facts.types.end()) return known->second;
    }
  }
  return DataType::kUndefined;
}

class Transformers : public FeedbackDomain {
 public:
  std::string_view name() const override { return "transformers"; }
  uint32_t keys() const override { return 1u << 13; }
  uint32_t levels() const override { return 1; }
  void Observe(const RunFacts& facts, const Lamps& lamps) const override {
    if (facts.model == nullptr || facts.optimizers.empty()) return;
    std::set<uint64_t> operators;
    for (const Node& node : facts.model->graph.nodes) {
      operators.insert(HashBytes(node.op.data(), node.op.size(),
                                 Mix64(static_cast<uint64_t>(TypeOf(facts, node)))));
    }
    for (const std::string& optimizer : facts.optimizers) {
      for (const uint64_t key : operators) {
        lamps.Light(HashBytes(optimizer.data(), optimizer.size(), key));
      }
    }
  }
};

}  // namespace

const FeedbackDomain& TransformerDomain() {
  static const Transformers domain;
  return domain;
}

}  // namespace moire
