// Operators that change or report shapes and leave the elements in their order: Reshape, Squeeze,
// Unsqueeze, Flatten, Shape, Size.
#include <algorithm>

#include "oracles/reference/kernels/families.h"
#include "oracles/reference/kernels/movement_util.h"

namespace moire {
namespace {

// Dims of a Reshape's output. `allow_zero`: a 0 is a size, otherwise it copies the input's dim.
Result<Shape> ReshapedShape(const RangeTensor& data, std::span<const int64_t> wanted,
                            bool allow_zero) {
  Shape shape(wanted.begin(), wanted.end());
  std::optional<size_t> inferred;
  for (size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] == -1) {
      if (inferred) return Fail(ErrorCode::kInvalidInput, "more than one -1 in shape");
      inferred = i;
    } else if (shape[i] == 0 && !allow_zero) {
      if (i >= data.shape.size()) {
        return Fail(ErrorCode::kInvalidInput, "dim {} of shape is 0, but data has rank {}", i,
                    data.shape.size());
      }
      shape[i] = data.shape[i];
    } else if (shape[i] < 0) {
      return Fail(ErrorCode::kInvalidInput, "dim {} of shape is {}", i, shape[i]);
    }
  }
  if (inferred) {
    if (allow_zero && std::ranges::find(wanted, 0) != wanted.end()) {
      return Fail(ErrorCode::kInvalidInput, "shape holds both 0 and -1 with allowzero");
    }
    shape[*inferred] = 1;
    const std::optional<int64_t> others = CheckedCount(shape);
    if (!others || *others == 0 || data.size() % *others != 0) {
      return Fail(ErrorCode::kInvalidInput, "no dim in place of -1 gives {} elements", data.size());
    }
    shape[*inferred] = data.size() / *others;
  }
  if (CheckedCount(shape) != data.size()) {
    return Fail(ErrorCode::kInvalidInput, "shape {} does not hold {} elements", ToString(shape),
                data.size());
  }
  return shape;
}

Status Reshape(KernelContext& ctx) {
  MOIRE_ASSIGN(const Ints wanted, ctx.ExactList(1));
  MOIRE_ASSIGN(const bool allow_zero, ctx.Flag("allowzero", false));
  MOIRE_ASSIGN(Shape shape, ReshapedShape(ctx.In(0), wanted, allow_zero));
  return MoveReshaped(ctx, 0, ctx.In(0), std::move(shape));
}

// Squeeze's and Unsqueeze's axes: an attribute before opset 13, then an input.
Result<std::optional<Ints>> AxesOf(const KernelContext& ctx) {
  if (ctx.opset() >= 13) return OptionalInts(ctx, 1);
  if (ctx.node().Find("axes") == nullptr) return std::nullopt;
  return ctx.node().IntList("axes");
}

Status Squeeze(KernelContext& ctx) {
  const RangeTensor& data = ctx.In(0);
  MOIRE_ASSIGN(const std::optional<Ints> given, AxesOf(ctx));
  if (given && given->empty()) {
    // Every axis of size 1, as if omitted, or none? The page does not say.
    return Fail(ErrorCode::kUndecidable, "axes is an empty list");
  }
  std::vector<bool> drop(data.shape.size());
  if (given) {
    MOIRE_ASSIGN(const Ints axes, Axes(*given, data.shape.size()));
    for (const int64_t axis : axes) {
      const auto i = static_cast<size_t>(axis);
      if (data.shape[i] != 1) {
        return Fail(ErrorCode::kInvalidInput, "axis {} has size {}, not 1", axis, data.shape[i]);
      }
      drop[i] = true;
    }
  } else {
    for (size_t i = 0; i < drop.size(); ++i) drop[i] = data.shape[i] == 1;
  }
  Shape shape;
  for (size_t i = 0; i < drop.size(); ++i) {
    if (!drop[i]) shape.push_back(data.shape[i]);
  }
  return MoveReshaped(ctx, 0, data, std::move(shape));
}

Status Unsqueeze(KernelContext& ctx) {
  const RangeTensor& data = ctx.In(0);
  MOIRE_ASSIGN(const std::optional<Ints> given, AxesOf(ctx));
  if (!given) return Fail(ErrorCode::kInvalidInput, "axes is missing");
  const size_t rank = data.shape.size() + given->size();
  MOIRE_ASSIGN(const Ints axes, Axes(*given, rank));
  Shape shape;
  size_t next = 0;
  for (size_t i = 0; i < rank; ++i) {
    const bool inserted = std::ranges::find(axes, static_cast<int64_t>(i)) != axes.end();
    shape.push_back(inserted ? 1 : data.shape[next++]);
  }
  return MoveReshaped(ctx, 0, data, std::move(shape));
}

Status Flatten(KernelContext& ctx) {
  const RangeTensor& data = ctx.In(0);
  const auto rank = static_cast<int64_t>(data.shape.size());
  int64_t axis = ctx.node().Int("axis", 1);
  if (axis < -rank || axis > rank) {
    return Fail(ErrorCode::kInvalidInput, "axis {} is out of range for rank {}", axis, rank);
  }
  if (axis < 0) axis += rank;
  const Dims dims(data.shape);
  const auto split = static_cast<size_t>(axis);
  const std::optional<int64_t> outer = CheckedCount(dims.first(split));
  const std::optional<int64_t> inner = CheckedCount(dims.subspan(split));
  if (!outer || !inner) return Fail(ErrorCode::kOverBudget, "a flattened dim leaves int64");
  return MoveReshaped(ctx, 0, data, {*outer, *inner});
}

Status ShapeKernel(KernelContext& ctx) {
  const Shape& shape = ctx.In(0).shape;
  const auto rank = static_cast<int64_t>(shape.size());
  // Both are clamped to [0, rank] after a negative one has been counted from the end.
  const auto bound = [&](std::string_view name, int64_t otherwise) {
    const int64_t given = ctx.opset() >= 15 ? ctx.node().Int(name, otherwise) : otherwise;
    return std::clamp(given < 0 ? given + rank : given, int64_t{0}, rank);
  };
  const int64_t start = bound("start", 0);
  const int64_t end = std::max(bound("end", rank), start);
  MOIRE_ASSIGN(RangeTensor * out, ctx.Make(0, DataType::kInt64, {end - start}));
  std::copy(shape.begin() + start, shape.begin() + end, out->ints.begin());
  return {};
}

Status Size(KernelContext& ctx) {
  MOIRE_ASSIGN(RangeTensor * out, ctx.Make(0, DataType::kInt64, {}));
  out->ints[0] = ctx.In(0).size();
  return {};
}

constexpr KernelEntry kShapeKernels[] = {
    {"Reshape", 5, kLatest, Reshape, "", kTakesComplex},
    {"Squeeze", 1, kLatest, Squeeze, "", kTakesComplex},
    {"Unsqueeze", 1, kLatest, Unsqueeze, "", kTakesComplex},
    {"Flatten", 1, kLatest, Flatten, "", kTakesComplex},
    {"Shape", 1, kLatest, ShapeKernel, "", kTakesComplex},
    {"Size", 1, kLatest, Size, "", kTakesComplex},
};

}  // namespace

std::span<const KernelEntry> ShapeKernels() { return kShapeKernels; }

}  // namespace moire
