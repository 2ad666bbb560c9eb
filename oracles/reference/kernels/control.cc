// If, Loop, Scan. The bodies run through ctx.subgraphs(); an output of a body that is opaque stays
// opaque, a condition or trip count that is not certain makes the whole node undecidable.
#include "oracles/reference/kernels/control.h"

#include <algorithm>
#include <limits>

#include "oracles/reference/kernels/families.h"
#include "oracles/reference/kernels/movement_util.h"

namespace moire {
namespace {

// Elementary operations that entering a body costs, beside those of its nodes.
constexpr uint64_t kBodySteps = 1000;

// Counts what handing a value to a body copies.
Status ReserveValue(KernelContext& ctx, const RangeTensor& value) {
  if (value.opaque == Opaque::kNo) return ctx.Reserve(value.type, value.shape);
  for (const RangeTensor& part : value.parts) MOIRE_TRY(ReserveValue(ctx, part));
  return {};
}

}  // namespace

Result<const Graph*> Body(const KernelContext& ctx, std::string_view name) {
  const Attribute* attribute = ctx.node().Find(name);
  const auto* graph = attribute ? std::get_if<GraphPtr>(&attribute->value) : nullptr;
  if (graph == nullptr || *graph == nullptr) {
    return Fail(ErrorCode::kInvalidInput, "no graph in '{}'", name);
  }
  return graph->get();
}

Result<std::vector<RangeTensor>> RunBody(KernelContext& ctx, const Graph& body,
                                         std::vector<RangeTensor> inputs) {
  MOIRE_TRY(ctx.Spend(kBodySteps));
  for (const RangeTensor& input : inputs) MOIRE_TRY(ReserveValue(ctx, input));
  return ctx.subgraphs().Run(body, std::move(inputs));
}

namespace {

// The truth of a one-element bool that decides whether something runs.
Result<bool> Decide(const RangeTensor& condition) {
  if (condition.opaque != Opaque::kNo) {
    const bool open = condition.opaque == Opaque::kUnsupported;
    return Fail(open ? ErrorCode::kUnsupported : ErrorCode::kUndecidable, "{}",
                condition.opaque_reason);
  }
  if (!IsBool(condition.type) || condition.size() != 1) {
    return Fail(ErrorCode::kInvalidInput, "the condition is {} {}", Name(condition.type),
                ToString(condition.shape));
  }
  if (condition.MarkAt(0) != kDecided) {
    return Fail(ErrorCode::kUndecidable, "the condition is not certain");
  }
  return condition.ints[0] != 0;
}

Status If(KernelContext& ctx) {
  MOIRE_ASSIGN(const bool condition, Decide(ctx.In(0)));
  MOIRE_ASSIGN(const Graph* body, Body(ctx, condition ? "then_branch" : "else_branch"));
  MOIRE_ASSIGN(std::vector<RangeTensor> results, RunBody(ctx, *body, {}));
  if (results.size() != ctx.NumOutputs()) {
    return Fail(ErrorCode::kInvalidInput, "the branch has {} outputs, the node {}", results.size(),
                ctx.NumOutputs());
  }
  ctx.outputs() = std::move(results);
  return {};
}

// Joins equally shaped parts along a new axis.
Result<RangeTensor> Stack(KernelContext& ctx, std::span<const RangeTensor> parts, int64_t axis,
                          bool reversed) {
  for (const RangeTensor& part : parts) {
    if (part.opaque != Opaque::kNo) return part;
    if (part.type != parts[0].type || part.shape != parts[0].shape) {
      return Fail(ErrorCode::kInvalidInput, "scan outputs of shapes {} and {}",
                  ToString(parts[0].shape), ToString(part.shape));
    }
  }
  Shape shape = parts[0].shape;
  MOIRE_ASSIGN(const int64_t at, Axis(axis, shape.size() + 1));
  const auto n = static_cast<int64_t>(parts.size());
  shape.insert(shape.begin() + at, n);
  MOIRE_TRY(ctx.Reserve(parts[0].type, shape));
  MOIRE_TRY(ctx.Spend(static_cast<uint64_t>(Count(shape))));
  RangeTensor out = MakeRangeTensor(parts[0].type, shape);
  if (out.size() == 0) return out;
  const int64_t inner = Count(Dims(shape).subspan(static_cast<size_t>(at) + 1));
  const int64_t outer = Count(Dims(shape).first(static_cast<size_t>(at)));
  for (int64_t k = 0; k < n; ++k) {
    const RangeTensor& part = parts[static_cast<size_t>(reversed ? n - 1 - k : k)];
    for (int64_t o = 0; o < outer; ++o) {
      CopyElements(out, (o * n + k) * inner, part, o * inner, inner);
    }
  }
  return out;
}

// What a scan output that no iteration made is: empty along the axis, if its type is declared.
Result<RangeTensor> EmptyStack(const ValueInfo& declared, int64_t axis) {
  std::optional<Shape> shape = StaticShape(declared.type);
  if (!shape || declared.type.type == DataType::kUndefined) {
    return Fail(ErrorCode::kUndecidable, "no iteration, and '{}' has no static shape",
                declared.name);
  }
  MOIRE_ASSIGN(const int64_t at, Axis(axis, shape->size() + 1));
  shape->insert(shape->begin() + at, 0);
  return MakeRangeTensor(declared.type.type, *shape);
}

// A scalar for a body input, which some models declare with one dim.
RangeTensor ScalarFor(const ValueInfo& declared, DataType type, int64_t value) {
  const bool one_dim = declared.type.dims && declared.type.dims->size() == 1;
  RangeTensor out = MakeRangeTensor(type, one_dim ? Shape{1} : Shape{});
  out.ints[0] = value;
  return out;
}

Status Loop(KernelContext& ctx) {
  MOIRE_ASSIGN(const Graph* body, Body(ctx, "body"));
  int64_t trips = std::numeric_limits<int64_t>::max();
  if (ctx.Input(0) != nullptr) {
    MOIRE_ASSIGN(trips, ExactInt(ctx, 0));
  }
  const bool conditional = ctx.Input(1) != nullptr;
  bool condition = true;
  if (conditional) {
    MOIRE_ASSIGN(condition, Decide(ctx.In(1)));
  }
  std::vector<RangeTensor> carried;
  for (size_t i = 2; i < ctx.NumInputs(); ++i) {
    if (ctx.Input(i) == nullptr) return Fail(ErrorCode::kInvalidInput, "input {} is omitted", i);
    carried.push_back(ctx.In(i));
  }
  const size_t states = carried.size();
  if (body->inputs.size() != states + 2 || body->outputs.size() != ctx.NumOutputs() + 1 ||
      body->outputs.size() < states + 1) {
    return Fail(ErrorCode::kInvalidInput, "the body takes {} values and gives {}",
                body->inputs.size(), body->outputs.size());
  }
  std::vector<std::vector<RangeTensor>> scans(ctx.NumOutputs() - states);
  for (int64_t i = 0; i < trips && condition; ++i) {
    std::vector<RangeTensor> inputs = {ScalarFor(body->inputs[0], DataType::kInt64, i),
                                       ScalarFor(body->inputs[1], DataType::kBool, 1)};
    std::ranges::move(carried, std::back_inserter(inputs));
    MOIRE_ASSIGN(std::vector<RangeTensor> results, RunBody(ctx, *body, std::move(inputs)));
    // Without a condition input the body's condition is ignored.
    if (conditional) {
      MOIRE_ASSIGN(condition, Decide(results[0]));
    }
    carried.assign(std::make_move_iterator(results.begin() + 1),
                   std::make_move_iterator(results.begin() + 1 + static_cast<int64_t>(states)));
    for (size_t s = 0; s < scans.size(); ++s) {
      scans[s].push_back(std::move(results[1 + states + s]));
    }
  }
  std::ranges::move(carried, ctx.outputs().begin());
  for (size_t s = 0; s < scans.size(); ++s) {
    Result<RangeTensor> stacked = scans[s].empty() ? EmptyStack(body->outputs[1 + states + s], 0)
                                                   : Stack(ctx, scans[s], 0, false);
    MOIRE_TRY(stacked);
    ctx.Out(states + s) = std::move(*stacked);
  }
  return {};
}

// Element i along an axis, which is removed.
RangeTensor SliceAt(const RangeTensor& source, size_t axis, int64_t i) {
  Shape shape = source.shape;
  shape.erase(shape.begin() + static_cast<int64_t>(axis));
  RangeTensor out = MakeRangeTensor(source.type, shape);
  if (out.size() == 0) return out;
  const int64_t inner = Count(Dims(source.shape).subspan(axis + 1));
  for (int64_t o = 0; o < out.size() / inner; ++o) {
    CopyElements(out, o * inner, source, (o * source.shape[axis] + i) * inner, inner);
  }
  return out;
}

// The i-th value of a list attribute that may be shorter or absent.
int64_t At(const Ints& list, size_t i) { return i < list.size() ? list[i] : 0; }

// Scan since opset 9 (opset 8 has a batch axis of its own).
Status Scan(KernelContext& ctx) {
  MOIRE_ASSIGN(const Graph* body, Body(ctx, "body"));
  const int64_t given = ctx.node().Int("num_scan_inputs", 0);
  if (given < 1 || given > static_cast<int64_t>(ctx.NumInputs())) {
    return Fail(ErrorCode::kInvalidInput, "num_scan_inputs {}", given);
  }
  const auto scanned = static_cast<size_t>(given);
  const size_t states = ctx.NumInputs() - scanned;
  if (body->inputs.size() != ctx.NumInputs() || body->outputs.size() != ctx.NumOutputs() ||
      ctx.NumOutputs() < states) {
    return Fail(ErrorCode::kInvalidInput, "the body takes {} values and gives {}",
                body->inputs.size(), body->outputs.size());
  }
  const Ints in_axes = ctx.node().IntList("scan_input_axes");
  const Ints in_directions = ctx.node().IntList("scan_input_directions");
  const Ints out_axes = ctx.node().IntList("scan_output_axes");
  const Ints out_directions = ctx.node().IntList("scan_output_directions");
  for (const Ints* directions : {&in_directions, &out_directions}) {
    if (std::ranges::any_of(*directions, [](int64_t d) { return d != 0 && d != 1; })) {
      return Fail(ErrorCode::kInvalidInput, "a direction that is neither 0 nor 1");
    }
  }

  std::vector<size_t> axes;
  int64_t length = -1;
  for (size_t k = 0; k < scanned; ++k) {
    const Shape& shape = ctx.In(states + k).shape;
    MOIRE_ASSIGN(const int64_t axis, Axis(At(in_axes, k), shape.size()));
    axes.push_back(static_cast<size_t>(axis));
    if (length >= 0 && shape[axes[k]] != length) {
      return Fail(ErrorCode::kInvalidInput, "scan inputs of length {} and {}", length,
                  shape[axes[k]]);
    }
    length = shape[axes[k]];
  }
  std::vector<RangeTensor> carried;
  for (size_t i = 0; i < states; ++i) carried.push_back(ctx.In(i));
  std::vector<std::vector<RangeTensor>> scans(ctx.NumOutputs() - states);
  for (int64_t t = 0; t < length; ++t) {
    std::vector<RangeTensor> inputs = std::move(carried);
    for (size_t k = 0; k < scanned; ++k) {
      const int64_t at = At(in_directions, k) == 1 ? length - 1 - t : t;
      inputs.push_back(SliceAt(ctx.In(states + k), axes[k], at));
    }
    MOIRE_ASSIGN(std::vector<RangeTensor> results, RunBody(ctx, *body, std::move(inputs)));
    carried.assign(std::make_move_iterator(results.begin()),
                   std::make_move_iterator(results.begin() + static_cast<int64_t>(states)));
    for (size_t s = 0; s < scans.size(); ++s) scans[s].push_back(std::move(results[states + s]));
  }
  std::ranges::move(carried, ctx.outputs().begin());
  for (size_t s = 0; s < scans.size(); ++s) {
    Result<RangeTensor> stacked =
        scans[s].empty() ? EmptyStack(body->outputs[states + s], At(out_axes, s))
                         : Stack(ctx, scans[s], At(out_axes, s), At(out_directions, s) == 1);
    MOIRE_TRY(stacked);
    ctx.Out(states + s) = std::move(*stacked);
  }
  return {};
}

// One element of the batch of each input from `first` on.
std::vector<RangeTensor> BatchOf(const KernelContext& ctx, size_t first, int64_t batch) {
  std::vector<RangeTensor> out;
  for (size_t i = first; i < ctx.NumInputs(); ++i) out.push_back(SliceAt(ctx.In(i), 0, batch));
  return out;
}

// Scan of opset 8: input 0 the lengths, axis 0 of all others the batch, axis 1 the sequence. Each
// element of the batch is a Scan of opset 9.
Status BatchScan(KernelContext& ctx) {
  if (ctx.Input(0) != nullptr) return Fail(ErrorCode::kUnsupported, "sequence_lens of Scan 8");
  int64_t batches = -1;
  for (size_t i = 1; i < ctx.NumInputs(); ++i) {
    const Shape& shape = ctx.In(i).shape;
    if (shape.empty() || (batches >= 0 && shape[0] != batches)) {
      return Fail(ErrorCode::kInvalidInput, "input {} of shape {} in a batch of {}", i,
                  ToString(shape), batches);
    }
    batches = shape[0];
  }
  if (batches < 1) return Fail(ErrorCode::kUndecidable, "an empty batch");
  Node node = ctx.node();
  node.Remove("directions");
  node.Set("scan_input_directions", ctx.node().IntList("directions"));
  std::vector<std::vector<RangeTensor>> outputs(ctx.NumOutputs());
  for (int64_t batch = 0; batch < batches; ++batch) {
    const std::vector<RangeTensor> values = BatchOf(ctx, 1, batch);
    std::vector<const RangeTensor*> inputs;
    for (const RangeTensor& value : values) inputs.push_back(&value);
    KernelContext nested = ctx.Nested(node, inputs);
    MOIRE_TRY(Scan(nested));
    for (size_t o = 0; o < outputs.size(); ++o) outputs[o].push_back(std::move(nested.Out(o)));
  }
  for (size_t o = 0; o < outputs.size(); ++o) {
    MOIRE_ASSIGN(ctx.Out(o), Stack(ctx, outputs[o], 0, false));
  }
  return {};
}

constexpr KernelEntry kControlKernels[] = {
    {"If", 1, kLatest, If, "", kTakesComplex | kTakesParts},
    {"Loop", 1, kLatest, Loop, "", kTakesComplex | kTakesParts},
    {"Scan", 8, 8, BatchScan},
    {"Scan", 9, kLatest, Scan, "", kTakesComplex | kTakesParts},
};

}  // namespace

std::span<const KernelEntry> ControlKernels() { return kControlKernels; }

}  // namespace moire
