// Slice: attributes before opset 10, inputs and steps since.
#include <algorithm>
#include <limits>

#include "oracles/reference/kernels/families.h"
#include "oracles/reference/kernels/movement_util.h"

namespace moire {
namespace {

struct SliceInputs {
  Ints starts;
  Ints ends;
  std::optional<Ints> axes;
  std::optional<Ints> steps;
};

Result<SliceInputs> ReadInputs(const KernelContext& ctx) {
  SliceInputs in;
  if (ctx.opset() < 10) {
    in.starts = ctx.node().IntList("starts");
    in.ends = ctx.node().IntList("ends");
    if (ctx.node().Find("axes") != nullptr) in.axes = ctx.node().IntList("axes");
    return in;
  }
  MOIRE_ASSIGN(in.starts, ctx.ExactList(1));
  MOIRE_ASSIGN(in.ends, ctx.ExactList(2));
  for (const size_t input : {3, 4}) {
    if (ctx.Input(input) != nullptr && ctx.In(input).shape.size() != 1) {
      return Fail(ErrorCode::kInvalidInput, "axes and steps are lists");
    }
  }
  MOIRE_ASSIGN(in.axes, OptionalInts(ctx, 3));
  MOIRE_ASSIGN(in.steps, OptionalInts(ctx, 4));
  return in;
}

// One axis of size `dim`: the first coordinate and how many follow, as the operator's page clamps.
struct Run {
  int64_t start;
  int64_t count;
};

Run Clamp(int64_t start, int64_t end, int64_t step, int64_t dim) {
  if (dim == 0) return {0, 0};
  if (start < 0) start += dim;  // the smallest int64 stays negative: dim is below 2^62
  if (end < 0) end += dim;
  if (step > 0) {
    start = std::clamp(start, int64_t{0}, dim);
    end = std::clamp(end, int64_t{0}, dim);
    return {start, end <= start ? 0 : (end - start - 1) / step + 1};
  }
  start = std::clamp(start, int64_t{0}, dim - 1);
  end = std::clamp(end, int64_t{-1}, dim - 1);
  // (start - end - 1) / -step without negating the smallest int64.
  return {start, end >= start ? 0 : -((start - end - 1) / step) + 1};
}

bool IsIntMax(int64_t end) {
  return end == std::numeric_limits<int64_t>::max() || end == std::numeric_limits<int32_t>::max();
}

Status Slice(KernelContext& ctx) {
  const RangeTensor& data = ctx.In(0);
  MOIRE_ASSIGN(const SliceInputs in, ReadInputs(ctx));
  const size_t n = in.starts.size();
  if (in.ends.size() != n || (in.axes && in.axes->size() != n) ||
      (in.steps && in.steps->size() != n) || (!in.axes && n > data.shape.size())) {
    return Fail(ErrorCode::kInvalidInput, "starts, ends, axes, steps are of different lengths");
  }
  Ints given(n);
  for (size_t i = 0; i < n; ++i) given[i] = in.axes ? (*in.axes)[i] : static_cast<int64_t>(i);
  MOIRE_ASSIGN(const Ints axes, Axes(given, data.shape.size()));

  Shape shape = data.shape;
  Ints first(shape.size(), 0), step(shape.size(), 1);
  for (size_t i = 0; i < n; ++i) {
    const auto d = static_cast<size_t>(axes[i]);
    step[d] = in.steps ? (*in.steps)[i] : 1;
    if (step[d] == 0) return Fail(ErrorCode::kInvalidInput, "step 0 along axis {}", d);
    // "INT_MAX when slicing forward and INT_MIN when slicing backward" mean the end of the axis;
    // what INT_MAX means when slicing backward is read in two ways.
    if (step[d] < 0 && IsIntMax(in.ends[i])) {
      return Fail(ErrorCode::kUndecidable, "end INT_MAX with step {}", step[d]);
    }
    const Run run = Clamp(in.starts[i], in.ends[i], step[d], data.shape[d]);
    first[d] = run.start;
    shape[d] = run.count;
  }
  MOIRE_ASSIGN(std::vector<AxisTable> tables, MakeAxisTables(ctx, shape));
  const Shape strides = Strides(data.shape);
  for (size_t d = 0; d < tables.size(); ++d) {
    int64_t at = first[d];
    for (size_t i = 0; i < tables[d].size(); ++i) {
      tables[d][i] = at * strides[d];
      if (i + 1 < tables[d].size()) at += step[d];  // a step past the end may leave int64
    }
  }
  MOIRE_ASSIGN(const std::vector<int64_t> index, IndexMap(ctx, tables));
  return Move(ctx, 0, data, std::move(shape), index);
}

constexpr KernelEntry kSliceKernels[] = {{"Slice", 1, kLatest, Slice, "", kTakesComplex}};

}  // namespace

std::span<const KernelEntry> SliceKernels() { return kSliceKernels; }

}  // namespace moire
