// Pass "operators": a plainer operator in place of a node that only has to be there: Neg or Not of
// an input of the result's type and shape, Cast of one of its shape. A failure of two operators of
// which the second may be any (a Cast that is dropped before what follows it) then ends as one
// case.
#include <optional>

#include "synth/edit.h"
#include "synth/passes/passes.h"

namespace moire {
namespace {

std::optional<Node> PlainNode(const Node& node, const std::string& input, const Tensor& from,
                              const Tensor& to) {
  if (from.shape != to.shape || IsPlainOperator(node)) return std::nullopt;
  Node plain;
  plain.inputs = {input};
  plain.outputs = {node.outputs[0]};
  if (from.type != to.type) {
    plain.op = "Cast";
    plain.attributes = {{"to", static_cast<int64_t>(to.type)}};
  } else if (IsFloat(to.type) || IsSigned(to.type)) {
    plain.op = "Neg";
  } else if (IsBool(to.type)) {
    plain.op = "Not";
  } else {
    return std::nullopt;
  }
  return plain;
}

bool TryPlain(const Sketch& current, const Attempt& attempt, const KnownValues& values, size_t n) {
  const Node& node = current.model.graph.nodes[n];
  const auto result = node.outputs.empty() ? values.end() : values.find(node.outputs[0]);
  if (result == values.end() || !result->second.known) return false;
  for (const std::string& input : node.inputs) {
    const auto value = values.find(input);
    if (value == values.end() || !value->second.known) continue;
    std::optional<Node> plain = PlainNode(node, input, value->second.tensor, result->second.tensor);
    if (!plain) continue;
    Sketch edited = current;
    edited.model.graph.nodes[n] = std::move(*plain);
    if (attempt(std::move(edited))) return true;
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
  static const FunctionPass pass("operators", "puts Neg, Not or Cast in place of other operators",
                                 Substitute);
  return pass;
}

}  // namespace moire
