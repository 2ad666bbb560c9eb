// Edits of nodes: attributes, insertion, deletion, replacement, duplication, growth, cutting.
#include <algorithm>

#include "fuzzers/generate/patterns/patterns.h"
#include "fuzzers/generate/pool.h"
#include "fuzzers/mutate/edits.h"

namespace moire {
namespace {

std::vector<size_t> LiveNodes(const GraphBuilder& graph) {
  std::vector<size_t> out;
  for (size_t i = 0; i < graph.nodes(); ++i) {
    if (!graph.Dead(i)) out.push_back(i);
  }
  return out;
}

// Another value near the old one, or one that attributes of its kind often take.
void Perturb(Attribute& attribute, Random& random) {
  const auto integer = [&](int64_t old) {
    switch (random.Below(5)) {
      case 0:
        return old + 1;
      case 1:
        return old - 1;
      case 2:
        return 1 - old;
      case 3:
        return -old;
      default:
        return random.Between(-1, 3);
    }
  };
  const auto real = [&](float old) {
    static constexpr float kFactors[] = {0.0f, 0.5f, 2.0f, -1.0f, 1.5f};
    return random.Chance(1, 3) ? 1.0f : old * kFactors[random.Index(5)];
  };
  static constexpr std::string_view kSwitches[] = {"allowzero",
                                                   "ceil_mode",
                                                   "count_include_pad",
                                                   "detect_negative",
                                                   "detect_positive",
                                                   "exclusive",
                                                   "fmod",
                                                   "keepdims",
                                                   "largest",
                                                   "noop_with_empty_axes",
                                                   "reverse",
                                                   "saturate",
                                                   "select_last_index",
                                                   "sorted",
                                                   "storage_order",
                                                   "transA",
                                                   "transB",
                                                   "upper",
                                                   "training_mode",
                                                   "align_corners"};
  if (auto* i = std::get_if<int64_t>(&attribute.value)) {
    if (std::ranges::find(kSwitches, attribute.name) != std::end(kSwitches)) {
      *i = *i == 0 ? 1 : 0;
    } else if (attribute.name == "to" || attribute.name == "dtype") {
      do {
        *i = random.Between(1, 16);
      } while (!Has(kDataTypes, static_cast<DataType>(*i)));
    } else {
      *i = integer(*i);
    }
  } else if (auto* f = std::get_if<float>(&attribute.value)) {
    *f = real(*f);
  } else if (auto* ints = std::get_if<Ints>(&attribute.value); ints != nullptr && !ints->empty()) {
    if (random.Chance(1, 3)) {
      std::swap((*ints)[random.Index(ints->size())], (*ints)[random.Index(ints->size())]);
    } else {
      int64_t& element = (*ints)[random.Index(ints->size())];
      element = integer(element);
    }
  } else if (auto* floats = std::get_if<Floats>(&attribute.value);
             floats != nullptr && !floats->empty()) {
    float& element = (*floats)[random.Index(floats->size())];
    element = real(element);
  } else if (auto* text = std::get_if<std::string>(&attribute.value)) {
    static constexpr std::string_view kGroups[][5] = {
        {"NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID", ""},
        {"none", "add", "mul", "max", "min"},
        {"constant", "reflect", "edge", "wrap", ""},
        {"DCR", "CRD", "", "", ""},
        {"half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel", ""},
        {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil", ""},
        {"none", "tanh", "", "", ""},
        {"LEFT", "RIGHT", "", "", ""},
    };
    for (const auto& group : kGroups) {
      if (std::ranges::find(group, *text) == std::end(group)) continue;
      const std::string_view chosen = group[random.Index(5)];
      if (!chosen.empty()) *text = chosen;
      return;
    }
  }
}

// Makes a node fit whose attribute `kept` was changed: other attributes, constants and sizes
// follow.
bool MakeFit(GraphBuilder& graph, size_t node, std::string_view kept) {
  Node edited = graph.node(node);
  std::vector<ValueId> inputs = graph.node_inputs(node);
  while (!inputs.empty() && inputs.back() == kNoValue) inputs.pop_back();
  std::vector<Shape> wanted;
  for (const ValueId out : graph.node_outputs(node)) wanted.push_back(graph.value(out).shape);
  edited.outputs.resize(wanted.size());
  if (!graph.Mend(edited, inputs, std::move(wanted), kept)) return false;
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i] != kNoValue) graph.ReplaceInput(node, i, inputs[i]);
  }
  graph.mutable_node(node).attributes = std::move(edited.attributes);
  return true;
}

// Whether the node as it stands gives outputs of the types and shapes that its values have. Where
// shapes do not fit, what else the node has is now and then made to.
Edited Judge(GraphBuilder& graph, size_t node, const Node& before, std::string_view kept = {}) {
  const std::vector<ValueId> outputs = graph.node_outputs(node);
  std::vector<OutValue> inferred(outputs.size());
  const OpEntry* entry = nullptr;
  if (!graph.InferNode(graph.node(node), graph.node_inputs(node), inferred, &entry)) {
    const bool fits = entry != nullptr && !kept.empty() && graph.random().Chance(1, 4) &&
                      MakeFit(graph, node, kept);
    if (fits) return Edited::kReshaped;
    graph.mutable_node(node) = before;
    return Edited::kNothing;
  }
  for (size_t i = 0; i < outputs.size(); ++i) {
    const Value& v = graph.value(outputs[i]);
    if (inferred[i].type != v.type || inferred[i].shape != v.shape) return Edited::kReshaped;
  }
  return Edited::kDone;
}

Edited ChangeAttribute(GraphBuilder& graph) {
  Random& random = graph.random();
  for (int attempt = 0; attempt < 6; ++attempt) {
    const std::vector<size_t> nodes = LiveNodes(graph);
    if (nodes.empty()) return Edited::kNothing;
    const size_t node = nodes[random.Index(nodes.size())];
    if (graph.node(node).attributes.empty()) continue;
    const Node before = graph.node(node);
    Node& edited = graph.mutable_node(node);
    const size_t which = random.Index(edited.attributes.size());
    std::string changed;
    if (random.Chance(1, 8)) {
      edited.attributes.erase(edited.attributes.begin() + static_cast<int64_t>(which));
    } else {
      changed = edited.attributes[which].name;
      Perturb(edited.attributes[which], random);
    }
    const Edited result = Judge(graph, node, before, changed);
    if (result != Edited::kNothing) return result;
  }
  return Edited::kNothing;
}

// Attributes anew, by the operator's own row.
Edited Rebuild(GraphBuilder& graph) {
  const std::vector<size_t> nodes = LiveNodes(graph);
  if (nodes.empty()) return Edited::kNothing;
  const size_t node = nodes[graph.random().Index(nodes.size())];
  const Node& old = graph.node(node);
  const ResolvedOp op = Resolve(old.op, graph.DomainOpset(old.domain), old.domain);
  if (op.entry == nullptr || graph.node_inputs(node).empty()) return Edited::kNothing;
  const ValueId first = graph.node_inputs(node)[0];
  if (first == kNoValue || !PlaceOperator(graph, op, first)) return Edited::kNothing;
  const size_t made = graph.nodes() - 1;
  if (graph.node(made).op != graph.node(node).op) return Edited::kDone;
  bool moved = false;
  const size_t both = std::min(graph.node_outputs(node).size(), graph.node_outputs(made).size());
  for (size_t i = 0; i < both; ++i) {
    moved |= graph.ReplaceUses(graph.node_outputs(node)[i], graph.node_outputs(made)[i],
                               static_cast<int>(made));
  }
  return moved ? Edited::kReshaped : Edited::kDone;
}

// Operators that take and give the same types and shapes.
constexpr std::string_view kSiblings[][24] = {
    {"Abs",         "Ceil",      "Cos",      "Elu",       "Erf",      "Exp",  "Floor", "Gelu",
     "HardSigmoid", "HardSwish", "Identity", "LeakyRelu", "Mish",     "Neg",  "Relu",  "Round",
     "Sigmoid",     "Sign",      "Sin",      "Softplus",  "Softsign", "Sqrt", "Tanh",  "Selu"},
    {"Add", "Sub", "Mul", "Div", "Max", "Min", "Pow", "Mod", "Sum", "Mean"},
    {"And", "Or", "Xor"},
    {"BitwiseAnd", "BitwiseOr", "BitwiseXor"},
    {"Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual"},
    {"ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1", "ReduceL2",
     "ReduceSumSquare", "ReduceLogSumExp"},
    {"ArgMax", "ArgMin"},
    {"Softmax", "LogSoftmax", "Hardmax", "LpNormalization"},
    {"GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool"},
    {"MaxPool", "AveragePool", "LpPool"},
    {"GatherElements", "Gather"},
};

Edited ReplaceOperator(GraphBuilder& graph) {
  Random& random = graph.random();
  for (int attempt = 0; attempt < 8; ++attempt) {
    const std::vector<size_t> nodes = LiveNodes(graph);
    if (nodes.empty()) return Edited::kNothing;
    const size_t node = nodes[random.Index(nodes.size())];
    for (const auto& group : kSiblings) {
      const auto end = std::ranges::find(group, std::string_view());
      if (std::find(std::begin(group), end, graph.node(node).op) == end) continue;
      const auto size = static_cast<size_t>(end - std::begin(group));
      const Node before = graph.node(node);
      Node& edited = graph.mutable_node(node);
      edited.op = group[random.Index(size)];
      const ResolvedOp op = Resolve(edited.op, graph.opset());
      if (edited.op == before.op || op.entry == nullptr) {
        edited = before;
        break;
      }
      std::erase_if(edited.attributes,
                    [&](const Attribute& a) { return !op.schema->HasAttribute(a.name); });
      const Edited result = Judge(graph, node, before);
      if (result != Edited::kNothing) return Edited::kReshaped;  // learned combinations: repaired
      break;
    }
  }
  return Edited::kNothing;
}

// A node between a value and some of its users, where type and shape stay; elsewhere a new branch.
Edited Insert(GraphBuilder& graph) {
  Random& random = graph.random();
  const OperatorPool& pool = OperatorPool::For(graph);
  const ValueId target = graph.PickValue([](const Value& v) { return v.uses > 0; });
  if (target == kNoValue) return Edited::kNothing;
  for (int attempt = 0; attempt < 12; ++attempt) {
    const size_t before = graph.nodes();
    const GraphBuilder::Mark mark = graph.Checkpoint();
    const ResolvedOp& op = pool.Draw(random);
    if ((op.entry->flags & kTerminal) != 0 || !PlaceOperator(graph, op, target)) continue;
    const size_t made = graph.nodes() - 1;
    const Value& v = graph.value(target);
    const Value& out = graph.value(graph.node_outputs(made)[0]);
    const bool same = out.type == v.type && out.shape == v.shape && graph.nodes() == before + 1;
    if (!same && attempt < 8) {
      graph.Undo(mark);
      continue;
    }
    if (same) {
      graph.ReplaceUses(target, graph.node_outputs(made)[0], static_cast<int>(made));
    }
    return Edited::kDone;
  }
  return Edited::kNothing;
}

// The users of a node's output take another value of its type and shape: an input of the node, any
// other, or a new graph input.
Edited Delete(GraphBuilder& graph) {
  const std::vector<size_t> nodes = LiveNodes(graph);
  if (nodes.size() < 2) return Edited::kNothing;
  const size_t node = nodes[graph.random().Index(nodes.size())];
  for (const ValueId out : std::vector<ValueId>(graph.node_outputs(node))) {
    const Value was = graph.value(out);
    if (was.uses == 0) continue;
    if (was.type == DataType::kUndefined || was.Dynamic()) return Edited::kNothing;
    ValueId other = kNoValue;
    for (const ValueId in : graph.node_inputs(node)) {
      if (in != kNoValue && graph.value(in).type == was.type &&
          graph.value(in).shape == was.shape) {
        other = in;
      }
    }
    if (other == kNoValue) {
      other = graph.PickValue([&](const Value& v) {
        return v.type == was.type && v.shape == was.shape && v.name != was.name && !was.has_known;
      });
    }
    if (other == kNoValue || graph.DependsOn(other, out)) {
      if (was.has_known) return Edited::kNothing;
      other = graph.AddInput(was.type, was.shape, was.range);
    }
    graph.ReplaceUses(out, other, -1);
    if (graph.value(out).uses > 0) return Edited::kDone;
  }
  graph.RemoveNode(node);
  return Edited::kDone;
}

// A second node of the same operator and inputs: common subexpressions, extra consumers.
Edited Duplicate(GraphBuilder& graph) {
  const std::vector<size_t> nodes = LiveNodes(graph);
  if (nodes.empty()) return Edited::kNothing;
  const size_t node = nodes[graph.random().Index(nodes.size())];
  Node copy = graph.node(node);
  const std::vector<ValueId> made =
      graph.Emit(std::move(copy), graph.node_inputs(node), graph.node_outputs(node).size());
  if (made.empty()) return Edited::kNothing;
  // One user moves over to the copy.
  const ValueId out = graph.node_outputs(node)[0];
  for (size_t n = 0; n < graph.nodes(); ++n) {
    const auto& inputs = graph.node_inputs(n);
    const auto at = std::ranges::find(inputs, out);
    if (at == inputs.end() || !graph.random().Chance(1, 2)) continue;
    graph.ReplaceInput(n, static_cast<size_t>(at - inputs.begin()), made[0]);
    break;
  }
  return Edited::kDone;
}

Edited GrowMore(GraphBuilder& graph) {
  const size_t before = graph.nodes();
  const size_t more = 1 + graph.random().Index(3);
  Grow(graph, OperatorPool::For(graph), before + more);
  return graph.nodes() > before ? Edited::kDone : Edited::kNothing;
}

Edited AddPattern(GraphBuilder& graph) {
  return PlacePattern(graph, OperatorPool::For(graph)) ? Edited::kDone : Edited::kNothing;
}

Edited Cut(GraphBuilder& graph) {
  if (graph.nodes() < 4) return Edited::kNothing;
  const ValueId keep =
      graph.PickValue([](const Value& v) { return v.kind == ValueKind::kNode && v.depth >= 2; });
  if (keep == kNoValue) return Edited::kNothing;
  graph.CutTo(keep);
  return Edited::kDone;
}

constexpr EditEntry kNodeEdits[] = {
    {"change an attribute", ChangeAttribute, 9},
    {"rebuild a node", Rebuild, 7},
    {"replace an operator", ReplaceOperator, 9},
    {"insert a node", Insert, 9},
    {"delete a node", Delete, 8},
    {"duplicate a node", Duplicate, 4},
    {"grow", GrowMore, 10},
    {"add a pattern", AddPattern, 8},
    {"cut", Cut, 3},
};

}  // namespace

std::span<const EditEntry> NodeEdits() { return kNodeEdits; }

}  // namespace moire
