// Pass "operators": a plainer operator in place of a node that only has to be there: Neg or Not of
// an input of the result's type and shape, Cast of one of its shape, or the square of one, which
// unlike Neg shows a rounding that was left out before it. A failure of two operators of which the
// second may be nearly any (a Cast that is dropped before what follows it) then ends as one case.
#include "synth/edit.h"
#include "synth/passes/passes.h"

namespace moire {
namespace {

// What may stand for the node, plainest first.
std::vector<Node> PlainNodes(const Node& node, const std::string& input, const Tensor& from,
                             const Tensor& to) {
  std::vector<Node> plain;
  if (from.shape != to.shape) return plain;
  const auto add = [&](std::string_view op, std::vector<std::string> inputs) {
    Node& made = plain.emplace_back();
    made.op = op;
    made.inputs = std::move(inputs);
    made.outputs = {node.outputs[0]};
  };
  if (from.type != to.type) {
    add("Cast", {input});
    plain.back().attributes = {{"to", static_cast<int64_t>(to.type)}};
  } else if (IsBool(to.type)) {
    add("Not", {input});
  } else if (IsFloat(to.type) || IsInteger(to.type)) {
    if (!IsUnsigned(to.type)) add("Neg", {input});
    add("Mul", {input, input});
  }
  std::erase_if(plain, [&](const Node& made) { return OperatorCost(made) >= OperatorCost(node); });
  return plain;
}

bool TryPlain(const Sketch& current, const Attempt& attempt, const KnownValues& values, size_t n) {
  const Node node = current.model.graph.nodes[n];
  const auto result = node.outputs.empty() ? values.end() : values.find(node.outputs[0]);
  if (result == values.end() || !result->second.known) return false;
  for (const std::string& input : node.inputs) {
    const auto value = values.find(input);
    if (value == values.end() || !value->second.known) continue;
    for (Node& plain : PlainNodes(node, input, value->second.tensor, result->second.tensor)) {
      Sketch edited = current;
      edited.model.graph.nodes[n] = std::move(plain);
      if (attempt(std::move(edited))) return true;
    }
  }
  return false;
}

void Substitute(const Sketch& current, const Attempt& attempt) {
  KnownValues values = ComputeValues(current);
  for (size_t n = 0; n < current.model.graph.nodes.size(); ++n) {
    if (TryPlain(current, attempt, values, n)) values = ComputeValues(current);
  }
}

}  // namespace

const ReductionPass& OperatorsPass() {
  static const FunctionPass pass(
      "operators", "puts Neg, Not, Cast or Mul in place of other operators", Substitute);
  return pass;
}

}  // namespace moire
