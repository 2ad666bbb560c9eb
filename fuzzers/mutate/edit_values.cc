// Edits of tensors and of where values come from and go to.
#include <algorithm>

#include "fuzzers/mutate/edits.h"

namespace moire {
namespace {

// An input or initializer that carries data, not structure; kNoValue when there is none.
ValueId PickData(GraphBuilder& graph) {
  std::vector<ValueId> candidates;
  for (size_t i = 0; i < graph.values().size(); ++i) {
    const Value& v = graph.values()[i];
    if (v.kind == ValueKind::kNode || v.count <= 0 || v.type == DataType::kUndefined ||
        v.type == DataType::kString || v.uses == 0) {
      continue;
    }
    // Small integers and scales decide shapes.
    if (v.has_known && v.kind == ValueKind::kInitializer && v.count <= 8) continue;
    candidates.push_back(static_cast<ValueId>(i));
  }
  return candidates.empty() ? kNoValue : candidates[graph.random().Index(candidates.size())];
}

Edited Refill(GraphBuilder& graph) {
  const ValueId id = PickData(graph);
  if (id == kNoValue) return Edited::kNothing;
  Tensor& tensor = *graph.TensorOf(id);
  if (!IsFloat(tensor.type) && !IsExact(tensor.type)) return Edited::kNothing;
  // Keeps the range that the value's users were chosen for.
  const Range range = graph.value(id).range;
  const Profile profile = DrawProfile(graph.random(), 0);
  tensor =
      FillTensor(tensor.type, tensor.shape, profile,
                 range.lo == range.hi ? ProfileRange(profile, tensor.type) : range, graph.random());
  return Edited::kReshaped;
}

Edited ChangeElements(GraphBuilder& graph) {
  const ValueId id = PickData(graph);
  if (id == kNoValue) return Edited::kNothing;
  Tensor& tensor = *graph.TensorOf(id);
  if (!IsFloat(tensor.type) && !IsExact(tensor.type)) return Edited::kNothing;
  Random& random = graph.random();
  const int64_t count = tensor.size();
  const Range range = graph.value(id).range;
  for (int64_t n = random.Between(1, 4); n > 0; --n) {
    const int64_t at = random.Between(0, count - 1);
    const int64_t from = random.Between(0, count - 1);
    const uint64_t draw = random.Below(8);
    if (IsFloat(tensor.type)) {
      const double value = draw == 0   ? 0.0
                           : draw == 1 ? -GetFloat(tensor, at)
                           : draw == 2 ? range.hi
                           : draw == 3 ? range.lo
                           : draw < 6  ? GetFloat(tensor, from)
                                       : range.lo + random.Unit() * (range.hi - range.lo);
      SetFloat(tensor, at, value);
    } else {
      SetInt(tensor, at,
             draw < 4 ? GetInt(tensor, from)
                      : random.Between(static_cast<int64_t>(range.lo),
                                       static_cast<int64_t>(std::max(range.lo, range.hi))));
    }
  }
  return Edited::kReshaped;
}

Edited StrewEdges(GraphBuilder& graph) {
  // As rarely as the generator does: a NaN makes much of the graph NaN.
  if (graph.random().Unit() >= 4 * graph.settings().edge_share) return Edited::kNothing;
  const ValueId id = PickData(graph);
  if (id == kNoValue) return Edited::kNothing;
  Tensor& tensor = *graph.TensorOf(id);
  // Integers index and divide: extremes there are the generator's business.
  if (!IsFloat(tensor.type)) return Edited::kNothing;
  for (int64_t n = graph.random().Between(1, 3); n > 0; --n) {
    SetEdge(tensor, graph.random().Between(0, tensor.size() - 1), graph.random());
  }
  return Edited::kDone;
}

Edited MakeConstantData(GraphBuilder& graph) {
  const ValueId id = PickData(graph);
  if (id == kNoValue) return Edited::kNothing;
  Tensor& tensor = *graph.TensorOf(id);
  if (!IsFloat(tensor.type)) return Edited::kNothing;
  const double value = GetFloat(tensor, graph.random().Between(0, tensor.size() - 1));
  for (int64_t i = 0; i < tensor.size(); ++i) SetFloat(tensor, i, value);
  return Edited::kDone;
}

// Constant <-> initializer <-> input: decides what a runtime may fold.
Edited Promote(GraphBuilder& graph) {
  std::vector<ValueId> sources;
  for (size_t i = 0; i < graph.values().size(); ++i) {
    const Value& v = graph.values()[i];
    if (v.kind != ValueKind::kNode && v.uses > 0 && !v.compound &&
        !(v.has_known && v.count <= 8)) {
      sources.push_back(static_cast<ValueId>(i));
    }
  }
  if (sources.empty()) return Edited::kNothing;
  const ValueId id = sources[graph.random().Index(sources.size())];
  const Value& v = graph.value(id);
  if (v.kind == ValueKind::kInitializer && graph.random().Chance(1, 3)) {
    Node constant;
    constant.op = "Constant";
    constant.Set("value", *graph.TensorOf(id));
    const std::vector<ValueId> made = graph.Emit(std::move(constant), {});
    return !made.empty() && graph.ReplaceUses(id, made[0], -1) ? Edited::kDone : Edited::kNothing;
  }
  graph.SetKind(id, v.kind == ValueKind::kInput ? ValueKind::kInitializer : ValueKind::kInput);
  return Edited::kDone;
}

std::vector<ValueId> NodeValues(const GraphBuilder& graph) {
  std::vector<ValueId> out;
  for (size_t i = 0; i < graph.values().size(); ++i) {
    const Value& v = graph.values()[i];
    if (v.kind == ValueKind::kNode && v.type != DataType::kUndefined) {
      out.push_back(static_cast<ValueId>(i));
    }
  }
  return out;
}

// An intermediate as graph output switches fusions off.
Edited Expose(GraphBuilder& graph) {
  const std::vector<ValueId> values = NodeValues(graph);
  if (values.empty()) return Edited::kNothing;
  const ValueId id = values[graph.random().Index(values.size())];
  if (graph.IsOutput(id)) {
    if (graph.value(id).uses == 0) return Edited::kNothing;
    graph.DropOutput(id);
  } else {
    graph.KeepAsOutput(id);
  }
  return Edited::kDone;
}

// Another value of the same type and shape for one input of a node.
Edited Rewire(GraphBuilder& graph) {
  if (graph.nodes() == 0) return Edited::kNothing;
  Random& random = graph.random();
  const size_t node = random.Index(graph.nodes());
  if (graph.Dead(node) || graph.node_inputs(node).empty()) return Edited::kNothing;
  const size_t input = random.Index(graph.node_inputs(node).size());
  const ValueId old = graph.node_inputs(node)[input];
  if (old == kNoValue) return Edited::kNothing;
  const Value& was = graph.value(old);
  if (was.has_known && was.count <= 8) return Edited::kNothing;
  const ValueId other = graph.PickValue([&](const Value& v) {
    return v.type == was.type && v.shape == was.shape && v.name != was.name;
  });
  return other != kNoValue && graph.ReplaceInput(node, input, other) ? Edited::kDone
                                                                     : Edited::kNothing;
}

Edited SwapInputs(GraphBuilder& graph) {
  if (graph.nodes() == 0) return Edited::kNothing;
  const size_t node = graph.random().Index(graph.nodes());
  if (graph.Dead(node) || graph.node_inputs(node).size() < 2) return Edited::kNothing;
  const ValueId a = graph.node_inputs(node)[0];
  const ValueId b = graph.node_inputs(node)[1];
  if (a == b || a == kNoValue || b == kNoValue) return Edited::kNothing;
  if (graph.value(a).type != graph.value(b).type) return Edited::kNothing;
  // Neither depends on the node, so neither replacement is refused.
  graph.ReplaceInput(node, 0, b);
  graph.ReplaceInput(node, 1, a);
  return Edited::kReshaped;
}

constexpr EditEntry kValueEdits[] = {
    {"refill a tensor", Refill, 6},       {"change elements", ChangeElements, 8},
    {"strew edge values", StrewEdges, 4}, {"make data constant", MakeConstantData, 2},
    {"promote a source", Promote, 5},     {"expose or hide a value", Expose, 5},
    {"rewire an input", Rewire, 6},       {"swap inputs", SwapInputs, 3},
};

}  // namespace

std::span<const EditEntry> ValueEdits() { return kValueEdits; }

}  // namespace moire
