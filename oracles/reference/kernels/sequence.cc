// Sequences and optionals: SequenceEmpty, SequenceConstruct, SequenceInsert, SequenceErase,
// SequenceAt, SequenceLength, SequenceMap, SplitToSequence, ConcatFromSequence, Optional,
// OptionalHasElement, OptionalGetElement. An element that is opaque stays so inside its sequence.
#include <algorithm>

#include "oracles/reference/kernels/control.h"
#include "oracles/reference/kernels/families.h"
#include "oracles/reference/kernels/movement_util.h"

namespace moire {
namespace {

// Counts the copy of a value.
Status SpendCopy(KernelContext& ctx, const RangeTensor& value) {
  if (value.opaque == Opaque::kNo) {
    MOIRE_TRY(ctx.Reserve(value.type, value.shape));
    return ctx.Spend(static_cast<uint64_t>(value.size()) + 1);
  }
  for (const RangeTensor& part : value.parts) MOIRE_TRY(SpendCopy(ctx, part));
  return ctx.Spend(1);
}

Result<const std::vector<RangeTensor>*> SequenceAtInput(const KernelContext& ctx, size_t input) {
  const RangeTensor& value = ctx.In(input);
  if (value.kind == OnnxKind::kSequence) return &value.parts;
  return Fail(ErrorCode::kInvalidInput, "input {} is a {}, not a sequence", input,
              Name(value.kind));
}

// kUndecidable or kUnsupported for an element of which nothing is known.
Status CheckKnown(const RangeTensor& value) {
  if (value.opaque == Opaque::kNo) return {};
  const bool open = value.opaque == Opaque::kUnsupported || value.opaque == Opaque::kParts;
  return Fail(open ? ErrorCode::kUnsupported : ErrorCode::kUndecidable, "{}", value.opaque_reason);
}

// "All tensors must have the same data type."
Status CheckType(const std::vector<RangeTensor>& parts, const RangeTensor& tensor) {
  if (tensor.kind != OnnxKind::kTensor) {
    return Fail(ErrorCode::kInvalidInput, "a {} in a sequence of tensors", Name(tensor.kind));
  }
  for (const RangeTensor& part : parts) {
    if (part.opaque != Opaque::kNo || tensor.opaque != Opaque::kNo) continue;
    if (part.type != tensor.type) {
      return Fail(ErrorCode::kInvalidInput, "a sequence of {} and {}", Name(part.type),
                  Name(tensor.type));
    }
  }
  return {};
}

Status Store(KernelContext& ctx, OnnxKind kind, std::vector<RangeTensor> parts) {
  ctx.Out(0) = MakeParts(kind, std::move(parts));
  return SpendCopy(ctx, ctx.Out(0));
}

Status SequenceEmpty(KernelContext& ctx) { return Store(ctx, OnnxKind::kSequence, {}); }

Status SequenceConstruct(KernelContext& ctx) {
  std::vector<RangeTensor> parts;
  for (size_t i = 0; i < ctx.NumInputs(); ++i) {
    MOIRE_TRY(CheckType(parts, ctx.In(i)));
    parts.push_back(ctx.In(i));
  }
  return Store(ctx, OnnxKind::kSequence, std::move(parts));
}

// The index that an optional position input names: in [-count, limit], counted from the back where
// negative. "It is an error if any of the index values are out of bounds."
Result<int64_t> Position(KernelContext& ctx, size_t input, int64_t count, int64_t limit,
                         int64_t otherwise) {
  if (ctx.Input(input) == nullptr) {
    if (otherwise >= 0) return otherwise;
    return ctx.MustReject("no element to take from an empty sequence");
  }
  MOIRE_ASSIGN(const int64_t given, ExactInt(ctx, input));
  if (given < -count || given > limit) {
    return ctx.MustReject("position {} in a sequence of {}", given, count);
  }
  return given < 0 ? given + count : given;
}

Status SequenceInsert(KernelContext& ctx) {
  MOIRE_ASSIGN(const auto* sequence, SequenceAtInput(ctx, 0));
  const auto count = static_cast<int64_t>(sequence->size());
  MOIRE_TRY(CheckType(*sequence, ctx.In(1)));
  MOIRE_ASSIGN(const int64_t at, Position(ctx, 2, count, count, count));
  std::vector<RangeTensor> parts = *sequence;
  parts.insert(parts.begin() + at, ctx.In(1));
  return Store(ctx, OnnxKind::kSequence, std::move(parts));
}

Status SequenceErase(KernelContext& ctx) {
  MOIRE_ASSIGN(const auto* sequence, SequenceAtInput(ctx, 0));
  const auto count = static_cast<int64_t>(sequence->size());
  MOIRE_ASSIGN(const int64_t at, Position(ctx, 1, count, count - 1, count - 1));
  std::vector<RangeTensor> parts = *sequence;
  parts.erase(parts.begin() + at);
  return Store(ctx, OnnxKind::kSequence, std::move(parts));
}

Status SequenceAt(KernelContext& ctx) {
  MOIRE_ASSIGN(const auto* sequence, SequenceAtInput(ctx, 0));
  const auto count = static_cast<int64_t>(sequence->size());
  MOIRE_ASSIGN(const int64_t at, Position(ctx, 1, count, count - 1, count - 1));
  ctx.Out(0) = (*sequence)[static_cast<size_t>(at)];
  return SpendCopy(ctx, ctx.Out(0));
}

Status SequenceLength(KernelContext& ctx) {
  MOIRE_ASSIGN(const auto* sequence, SequenceAtInput(ctx, 0));
  MOIRE_ASSIGN(RangeTensor * out, ctx.Make(0, DataType::kInt64, {}));
  out->ints[0] = static_cast<int64_t>(sequence->size());
  return {};
}

Status SequenceMap(KernelContext& ctx) {
  MOIRE_ASSIGN(const Graph* body, Body(ctx, "body"));
  MOIRE_ASSIGN(const auto* first, SequenceAtInput(ctx, 0));
  std::vector<std::vector<RangeTensor>> outputs(ctx.NumOutputs());
  for (size_t i = 0; i < ctx.NumInputs(); ++i) {
    const RangeTensor& input = ctx.In(i);
    if (input.kind == OnnxKind::kSequence && input.parts.size() != first->size()) {
      return Fail(ErrorCode::kInvalidInput, "sequences of {} and {}", first->size(),
                  input.parts.size());
    }
  }
  for (size_t at = 0; at < first->size(); ++at) {
    std::vector<RangeTensor> inputs;
    for (size_t i = 0; i < ctx.NumInputs(); ++i) {
      const RangeTensor& input = ctx.In(i);
      inputs.push_back(input.kind == OnnxKind::kSequence ? input.parts[at] : input);
    }
    MOIRE_ASSIGN(std::vector<RangeTensor> results, RunBody(ctx, *body, std::move(inputs)));
    if (results.size() != outputs.size()) {
      return Fail(ErrorCode::kInvalidInput, "the body has {} outputs, the node {}", results.size(),
                  outputs.size());
    }
    for (size_t o = 0; o < outputs.size(); ++o) outputs[o].push_back(std::move(results[o]));
  }
  for (size_t o = 0; o < outputs.size(); ++o) {
    ctx.Out(o) = MakeParts(OnnxKind::kSequence, std::move(outputs[o]));
  }
  return {};
}

// Lengths of the pieces of an axis of this size.
Result<Ints> PieceLengths(KernelContext& ctx, int64_t size) {
  if (ctx.Input(1) == nullptr) return Ints(static_cast<size_t>(size), 1);
  MOIRE_ASSIGN(const Ints split, ctx.ExactInts(1));
  Ints lengths;
  if (ctx.In(1).shape.empty()) {
    if (split[0] <= 0) return Fail(ErrorCode::kInvalidInput, "pieces of {}", split[0]);
    for (int64_t done = 0; done < size; done += lengths.back()) {
      lengths.push_back(std::min(split[0], size - done));
    }
    return lengths;
  }
  int64_t sum = 0;
  for (const int64_t length : split) {
    if (length < 0 || length > size - sum) {
      return Fail(ErrorCode::kInvalidInput, "pieces do not fit an axis of {}", size);
    }
    sum += length;
  }
  if (sum != size) return Fail(ErrorCode::kInvalidInput, "pieces of {} in all, not {}", sum, size);
  return split;
}

Status SplitToSequence(KernelContext& ctx) {
  const RangeTensor& x = ctx.In(0);
  MOIRE_ASSIGN(const int64_t axis, Axis(ctx.node().Int("axis", 0), x.shape.size()));
  MOIRE_ASSIGN(const bool keep, ctx.Flag("keepdims", true));
  const auto a = static_cast<size_t>(axis);
  const int64_t size = x.shape[a];
  // An empty axis by a scalar: no piece or one empty piece.
  if (size == 0) return Fail(ErrorCode::kUndecidable, "pieces of an empty axis");
  MOIRE_TRY(ctx.Spend(static_cast<uint64_t>(size)));
  MOIRE_ASSIGN(const Ints lengths, PieceLengths(ctx, size));
  const int64_t inner = Count(Dims(x.shape).subspan(a + 1));
  const int64_t outer = Count(Dims(x.shape).first(a));
  std::vector<RangeTensor> parts;
  int64_t start = 0;
  for (const int64_t length : lengths) {
    Shape shape = x.shape;
    shape[a] = length;
    MOIRE_TRY(ctx.Reserve(x.type, shape));
    RangeTensor part = MakeRangeTensor(x.type, shape);
    for (int64_t o = 0; o < outer && part.size() > 0; ++o) {
      CopyElements(part, o * length * inner, x, (o * size + start) * inner, length * inner);
    }
    if (ctx.Input(1) == nullptr && !keep) part.shape.erase(part.shape.begin() + axis);
    parts.push_back(std::move(part));
    start += length;
  }
  return Store(ctx, OnnxKind::kSequence, std::move(parts));
}

// As Concat; with new_axis after a dim of 1 is put in.
Status ConcatFromSequence(KernelContext& ctx) {
  MOIRE_ASSIGN(const auto* sequence, SequenceAtInput(ctx, 0));
  MOIRE_ASSIGN(const bool stack, ctx.Flag("new_axis", false));
  if (sequence->empty()) return Fail(ErrorCode::kUndecidable, "nothing to concatenate");
  std::vector<RangeTensor> parts;
  for (const RangeTensor& part : *sequence) {
    MOIRE_TRY(CheckKnown(part));
    MOIRE_TRY(SpendCopy(ctx, part));
    parts.push_back(part);
    if (!stack) continue;
    MOIRE_ASSIGN(const int64_t axis, Axis(ctx.node().Int("axis", 0), part.shape.size() + 1));
    parts.back().shape.insert(parts.back().shape.begin() + axis, 1);
  }
  std::vector<const RangeTensor*> inputs;
  for (const RangeTensor& part : parts) inputs.push_back(&part);
  KernelContext nested = ctx.Nested(ctx.node(), inputs);
  MOIRE_TRY(FindKernel("", "Concat", ctx.opset())->kernel(nested));
  ctx.Out(0) = std::move(nested.Out(0));
  return {};
}

Status Optional(KernelContext& ctx) {
  std::vector<RangeTensor> parts;
  if (ctx.Input(0) != nullptr) parts.push_back(ctx.In(0));
  return Store(ctx, OnnxKind::kOptional, std::move(parts));
}

// A tensor or a sequence is always there.
Status OptionalHasElement(KernelContext& ctx) {
  MOIRE_ASSIGN(RangeTensor * out, ctx.Make(0, DataType::kBool, {}));
  const RangeTensor* input = ctx.Input(0);
  out->ints[0] = input != nullptr && !(input->kind == OnnxKind::kOptional && input->parts.empty());
  return {};
}

Status OptionalGetElement(KernelContext& ctx) {
  const RangeTensor& input = ctx.In(0);
  if (input.kind != OnnxKind::kOptional) {
    ctx.Out(0) = input;
  } else if (input.parts.empty()) {
    // "... it will raise an error": the page leaves it at "otherwise, the behavior is undefined".
    return Fail(ErrorCode::kUndecidable, "the element of an empty optional");
  } else {
    ctx.Out(0) = input.parts[0];
  }
  return SpendCopy(ctx, ctx.Out(0));
}

constexpr uint8_t kTakesAll = kTakesComplex | kTakesParts;
constexpr KernelEntry kSequenceKernels[] = {
    {"SequenceEmpty", 11, kLatest, SequenceEmpty},
    {"SequenceConstruct", 11, kLatest, SequenceConstruct, "", kTakesComplex},
    {"SequenceInsert", 11, kLatest, SequenceInsert, "", kTakesAll},
    {"SequenceErase", 11, kLatest, SequenceErase, "", kTakesAll},
    {"SequenceAt", 11, kLatest, SequenceAt, "", kTakesAll},
    {"SequenceLength", 11, kLatest, SequenceLength, "", kTakesAll},
    {"SequenceMap", 17, kLatest, SequenceMap, "", kTakesAll},
    {"SplitToSequence", 11, kLatest, SplitToSequence, "", kTakesComplex},
    {"ConcatFromSequence", 11, kLatest, ConcatFromSequence, "", kTakesAll},
    {"Optional", 15, kLatest, Optional, "", kTakesAll},
    {"OptionalHasElement", 15, kLatest, OptionalHasElement, "", kTakesAll},
    {"OptionalGetElement", 15, kLatest, OptionalGetElement, "", kTakesAll},
};

}  // namespace

std::span<const KernelEntry> SequenceKernels() { return kSequenceKernels; }

}  // namespace moire
