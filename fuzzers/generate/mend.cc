// GraphBuilder::Mend: a node that breaks its operator's rules gets the nearest attributes,
// constants and shapes that satisfy them. Constants and sources are replaced, values that nodes
// make are cut or padded.
#include "fuzzers/generate/mend.h"

#include <algorithm>

#include "fuzzers/generate/graph_builder.h"
#include "fuzzers/generate/value_fill.h"
#include "harness/shapes/rules.h"

namespace moire {
namespace {

using shapes::NodeAnswer;
using shapes::NodeInput;
using shapes::NodeQuestion;
using shapes::NodeSolver;

constexpr int64_t kAdaptersSince = 13;  // opset: Slice and Pad take every type and inputs

struct State {
  NodeSolver solver;
  MendCounts counts;
};

State& Own() {
  thread_local State state;
  return state;
}

void Fit(Ints& list, size_t count, int64_t fresh) { list.resize(count, fresh); }

// Lists that go with the rank follow it; what they hold is the solver's.
void FollowRank(Node& node, size_t rank) {
  const bool window = rank >= 3 && (node.op.ends_with("Pool") || node.op.starts_with("Conv"));
  for (Attribute& attribute : node.attributes) {
    auto* list = std::get_if<Ints>(&attribute.value);
    if (list == nullptr) continue;
    if (attribute.name == "perm" && list->size() != rank) {
      std::erase_if(*list, [&](int64_t axis) { return axis >= static_cast<int64_t>(rank); });
      for (int64_t axis = 0; axis < static_cast<int64_t>(rank); ++axis) {
        if (std::ranges::find(*list, axis) == list->end()) list->push_back(axis);
      }
    }
    if (!window) continue;
    const size_t spatial = rank - 2;
    if (attribute.name == "pads" && list->size() != 2 * spatial) {
      Fit(*list, 2 * spatial, 0);
    } else if (attribute.name != "pads" && list->size() != spatial) {
      Fit(*list, spatial, attribute.name == "output_padding" ? 0 : 1);
    }
  }
}

Tensor Holding(const Value& like, const Ints& elements) {
  Tensor tensor = MakeTensor(like.type, like.shape);
  for (int64_t i = 0; i < tensor.size(); ++i) {
    const int64_t element = elements[static_cast<size_t>(i)];
    if (IsFloat(like.type)) {
      SetFloat(tensor, i, static_cast<double>(element) / 1024);
    } else {
      SetInt(tensor, i, element);
    }
  }
  return tensor;
}

bool Representable(DataType type, const Ints& elements) {
  return !IsInteger(type) || std::ranges::all_of(elements, [&](int64_t element) {
    return static_cast<double>(element) >= static_cast<double>(IntegerMin(type)) &&
           static_cast<double>(element) <= static_cast<double>(IntegerMax(type));
  });
}

}  // namespace

void MendCounts::Add(const MendCounts& other) {
  solver.Add(other.solver);
  mutants += other.mutants;
  broken += other.broken;
  repaired += other.repaired;
  nodes_mended += other.nodes_mended;
  nodes_lost += other.nodes_lost;
}

MendCounts TakeMendCounts() {
  MendCounts out = std::exchange(Own().counts, {});
  out.solver = Own().solver.TakeCounts();
  return out;
}

void CountMutant(uint64_t mended, uint64_t lost) {
  MendCounts& counts = Own().counts;
  ++counts.mutants;
  counts.broken += mended + lost > 0 ? 1 : 0;
  counts.repaired += mended > 0 && lost == 0 ? 1 : 0;
  counts.nodes_mended += mended;
  counts.nodes_lost += lost;
}

// A value that a node makes, brought to dims of the same rank: reshaped where the counts agree, cut
// where it is too long, padded where it is too short.
ValueId GraphBuilder::Adapt(ValueId id, const Shape& shape) {
  const Shape from = value(id).shape;
  if (opset_ < kAdaptersSince || from.size() != shape.size()) return kNoValue;
  if (Count(from) == Count(shape)) return Emit1("Reshape", {id, AddInts(shape)});
  Ints axes, starts, ends;
  Ints pads(2 * shape.size(), 0);
  bool grows = false;
  for (size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] < from[i]) {
      axes.push_back(static_cast<int64_t>(i));
      starts.push_back(0);
      ends.push_back(shape[i]);
    }
    pads[shape.size() + i] = std::max<int64_t>(0, shape[i] - from[i]);
    grows |= shape[i] > from[i];
  }
  if (!axes.empty()) id = Emit1("Slice", {id, AddInts(starts), AddInts(ends), AddInts(axes)});
  return id != kNoValue && grows ? Emit1("Pad", {id, AddInts(pads)}) : id;
}

// A source of the same kind with other dims: the same elements, repeated or dropped.
ValueId GraphBuilder::AddResized(ValueId id, const Shape& shape) {
  const Tensor* tensor = TensorOf(id);
  if (tensor == nullptr || Traits(tensor->type).kind == TypeClass::kComplex) return kNoValue;
  if (CheckedCount(shape).value_or(INT64_MAX) > max_elements_) return kNoValue;
  Tensor resized = Resized(*tensor, shape);
  Value made;
  made.type = resized.type;
  made.shape = shape;
  made.kind = value(id).kind;
  auto& list = made.kind == ValueKind::kInput ? inputs_ : initializers_;
  const ValueId fresh = AddLoaded(std::move(made), resized);
  list.emplace_back(fresh, std::move(resized));
  return fresh;
}

bool GraphBuilder::Mend(Node& node, std::vector<ValueId>& inputs, std::vector<Shape> wanted,
                        std::string_view kept) {
  if (!settings_.mend || !NodeSolver::Knows(node) || inputs.empty() || inputs[0] == kNoValue) {
    return false;
  }
  NodeQuestion question{node, opset_, {}, std::move(wanted), std::string(kept)};
  const uint32_t contents = shapes::FindRule(node.op)->elements;
  question.node.inputs.clear();
  FollowRank(question.node, value(inputs[0]).shape.size());
  for (size_t k = 0; k < inputs.size(); ++k) {
    NodeInput input;
    question.node.inputs.push_back(inputs[k] == kNoValue ? "" : "x");
    if (inputs[k] != kNoValue) {
      const Value& v = value(inputs[k]);
      if (v.compound || v.Dynamic() || v.type == DataType::kString) return false;
      input.given = true;
      input.shape = v.shape;
      if (v.has_known) input.elements = v.known;
      input.elements_free = (contents >> k & 1) != 0;
      const bool data = !input.elements_free;
      if (data) input.dims = v.producer >= 0 ? NodeInput::Dims::kLast : NodeInput::Dims::kFree;
    }
    question.inputs.push_back(std::move(input));
  }
  const auto answer = Own().solver.Solve(question);
  if (!answer) return false;
  const Mark mark = Checkpoint();
  Node mended = node;
  mended.attributes = question.node.attributes;
  for (const auto& [name, numbers] : answer->attributes) {
    const bool one = std::holds_alternative<int64_t>(mended.Find(name)->value);
    if (one) {
      mended.Set(name, numbers[0]);
    } else {
      mended.Set(name, numbers);
    }
  }
  std::vector<ValueId> replaced = inputs;
  for (size_t k = 0; k < inputs.size(); ++k) {
    if (inputs[k] == kNoValue) continue;
    const NodeInput& asked = question.inputs[k];
    if (answer->elements[k] != asked.elements) {
      const Value like = value(inputs[k]);
      if (!Representable(like.type, *answer->elements[k])) return false;
      replaced[k] = AddInitializer(Holding(like, *answer->elements[k]));
    } else if (answer->shapes[k] != asked.shape) {
      replaced[k] = asked.dims == NodeInput::Dims::kFree ? AddResized(inputs[k], answer->shapes[k])
                                                         : Adapt(inputs[k], answer->shapes[k]);
      if (replaced[k] == kNoValue) {
        Undo(mark);
        return false;
      }
    }
  }
  std::vector<OutValue> inferred(node.outputs.size());
  if (!InferNode(mended, replaced, inferred)) {
    Undo(mark);
    return false;
  }
  node = std::move(mended);
  inputs = std::move(replaced);
  ++mended_;
  return true;
}

}  // namespace moire
