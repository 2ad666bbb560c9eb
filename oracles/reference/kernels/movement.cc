// Operators that move elements by a regular pattern: Transpose, Expand, Concat, Split, Tile,
// DepthToSpace, SpaceToDepth, Trilu, ReverseSequence, Compress.
#include <algorithm>
#include <numeric>

#include "oracles/reference/kernels/families.h"
#include "oracles/reference/kernels/movement_util.h"

namespace moire {
namespace {

// Moves the source, seen with the dims `view` (row-major), with its axes permuted.
Status Permute(KernelContext& ctx, const RangeTensor& source, Dims view,
               std::span<const int64_t> perm, Shape out_shape) {
  const Shape strides = Strides(view);
  Shape permuted;
  for (const int64_t axis : perm) permuted.push_back(view[static_cast<size_t>(axis)]);
  MOIRE_ASSIGN(std::vector<AxisTable> tables, MakeAxisTables(ctx, permuted));
  for (size_t d = 0; d < tables.size(); ++d) {
    const int64_t stride = strides[static_cast<size_t>(perm[d])];
    for (size_t i = 0; i < tables[d].size(); ++i) tables[d][i] = static_cast<int64_t>(i) * stride;
  }
  MOIRE_ASSIGN(const std::vector<int64_t> index, IndexMap(ctx, tables));
  return Move(ctx, 0, source, std::move(out_shape), index);
}

Status Transpose(KernelContext& ctx) {
  const RangeTensor& data = ctx.In(0);
  const size_t rank = data.shape.size();
  Ints perm(rank);
  std::iota(perm.rbegin(), perm.rend(), 0);
  if (ctx.node().Find("perm") != nullptr) {
    perm = ctx.node().IntList("perm");
    MOIRE_ASSIGN(perm, Axes(perm, rank));  // distinct and in range
    if (perm.size() != rank) {
      return Fail(ErrorCode::kInvalidInput, "perm has {} axes, data has rank {}", perm.size(),
                  rank);
    }
  }
  Shape shape;
  for (const int64_t axis : perm) shape.push_back(data.shape[static_cast<size_t>(axis)]);
  return Permute(ctx, data, data.shape, perm, std::move(shape));
}

Status Expand(KernelContext& ctx) {
  const RangeTensor& data = ctx.In(0);
  MOIRE_ASSIGN(const Ints wanted, ctx.ExactList(1));
  for (const int64_t dim : wanted) {
    if (dim < 0) return Fail(ErrorCode::kInvalidInput, "shape holds {}", dim);
  }
  const std::optional<Shape> shape = BroadcastShapes(data.shape, wanted);
  if (!shape) {
    return Fail(ErrorCode::kInvalidInput, "{} does not broadcast to {}", ToString(data.shape),
                ToString(wanted));
  }
  MOIRE_ASSIGN(std::vector<AxisTable> tables, MakeAxisTables(ctx, *shape));
  const Shape strides = Strides(data.shape);
  const size_t lead = shape->size() - data.shape.size();
  for (size_t d = lead; d < tables.size(); ++d) {
    if (data.shape[d - lead] == 1) continue;  // repeated: offset 0
    for (size_t i = 0; i < tables[d].size(); ++i) {
      tables[d][i] = static_cast<int64_t>(i) * strides[d - lead];
    }
  }
  MOIRE_ASSIGN(const std::vector<int64_t> index, IndexMap(ctx, tables));
  return Move(ctx, 0, data, *shape, index);
}

Status Tile(KernelContext& ctx) {
  const RangeTensor& data = ctx.In(0);
  MOIRE_ASSIGN(const Ints repeats, ctx.ExactList(1));
  if (repeats.size() != data.shape.size()) {
    return Fail(ErrorCode::kInvalidInput, "{} repeats for rank {}", repeats.size(),
                data.shape.size());
  }
  Shape shape(repeats.size());
  for (size_t d = 0; d < shape.size(); ++d) {
    if (repeats[d] < 0) return Fail(ErrorCode::kInvalidInput, "repeats holds {}", repeats[d]);
    if (__builtin_mul_overflow(data.shape[d], repeats[d], &shape[d])) {
      return Fail(ErrorCode::kOverBudget, "dim {} of the output leaves int64", d);
    }
  }
  MOIRE_ASSIGN(std::vector<AxisTable> tables, MakeAxisTables(ctx, shape));
  const Shape strides = Strides(data.shape);
  for (size_t d = 0; d < tables.size(); ++d) {
    for (size_t i = 0; i < tables[d].size(); ++i) {
      tables[d][i] = static_cast<int64_t>(i) % data.shape[d] * strides[d];
    }
  }
  MOIRE_ASSIGN(const std::vector<int64_t> index, IndexMap(ctx, tables));
  return Move(ctx, 0, data, std::move(shape), index);
}

Status Concat(KernelContext& ctx) {
  const RangeTensor& first = ctx.In(0);
  MOIRE_ASSIGN(const int64_t axis, Axis(ctx.node().Int("axis", 1), first.shape.size()));
  const auto a = static_cast<size_t>(axis);
  Shape shape = first.shape;
  shape[a] = 0;
  for (size_t k = 0; k < ctx.NumInputs(); ++k) {
    const RangeTensor& part = ctx.In(k);
    bool fits = part.shape.size() == shape.size() && part.type == first.type;
    for (size_t d = 0; fits && d < shape.size(); ++d) fits = d == a || part.shape[d] == shape[d];
    if (!fits) {
      return Fail(ErrorCode::kInvalidInput, "input {} of shape {} does not fit {} along axis {}", k,
                  ToString(part.shape), ToString(first.shape), axis);
    }
    if (__builtin_add_overflow(shape[a], part.shape[a], &shape[a])) {
      return Fail(ErrorCode::kOverBudget, "the joined axis leaves int64");
    }
  }
  MOIRE_ASSIGN(RangeTensor * out, ctx.Make(0, first.type, shape));
  MOIRE_TRY(ctx.Spend(static_cast<uint64_t>(out->size())));
  if (out->size() == 0) return {};
  const int64_t outer = Count(Dims(shape).first(a));
  const int64_t inner = Count(Dims(shape).subspan(a + 1));
  int64_t offset = 0;  // along the axis
  for (size_t k = 0; k < ctx.NumInputs(); ++k) {
    const int64_t run = ctx.In(k).shape[a] * inner;
    for (int64_t o = 0; o < outer && run > 0; ++o) {
      CopyElements(*out, (o * shape[a] + offset) * inner, ctx.In(k), o * run, run);
    }
    offset += ctx.In(k).shape[a];
  }
  return {};
}

// The size of each output of Split along its axis of size `dim`.
Result<Ints> SplitSizes(KernelContext& ctx, int64_t dim) {
  const auto parts = static_cast<int64_t>(ctx.NumOutputs());
  std::optional<Ints> sizes;
  if (ctx.opset() < 13) {
    if (ctx.node().Find("split") != nullptr) sizes = ctx.node().IntList("split");
  } else {
    MOIRE_ASSIGN(sizes, OptionalInts(ctx, 1));
  }
  if (!sizes) {
    if (ctx.opset() >= 18 && ctx.node().Int("num_outputs", -1) != parts) {
      return Fail(ErrorCode::kInvalidInput, "num_outputs is not the number of outputs, {}", parts);
    }
    const int64_t chunk = dim / parts + (dim % parts != 0 ? 1 : 0);
    const int64_t last = dim - chunk * (parts - 1);
    // Before opset 18 the parts are equal; since then the last may be smaller, not negative.
    if ((ctx.opset() < 18 && last != chunk) || last < 0) {
      return Fail(ErrorCode::kInvalidInput, "{} elements do not split into {} parts", dim, parts);
    }
    sizes.emplace(static_cast<size_t>(parts), chunk);
    sizes->back() = last;
    return *sizes;
  }
  if (ctx.opset() >= 18 && ctx.node().Find("num_outputs") != nullptr) {
    return Fail(ErrorCode::kInvalidInput, "both split and num_outputs are given");
  }
  if (static_cast<int64_t>(sizes->size()) != parts) {
    return Fail(ErrorCode::kInvalidInput, "{} split sizes for {} outputs", sizes->size(), parts);
  }
  int64_t left = dim;
  for (const int64_t size : *sizes) {
    if (size < 0 || size > left) return Fail(ErrorCode::kInvalidInput, "split size {}", size);
    left -= size;
  }
  if (left != 0) return Fail(ErrorCode::kInvalidInput, "split sizes do not add up to {}", dim);
  return *sizes;
}

Status Split(KernelContext& ctx) {
  const RangeTensor& data = ctx.In(0);
  MOIRE_ASSIGN(const int64_t axis, Axis(ctx.node().Int("axis", 0), data.shape.size()));
  const auto a = static_cast<size_t>(axis);
  MOIRE_ASSIGN(const Ints sizes, SplitSizes(ctx, data.shape[a]));
  const int64_t row = data.size() == 0 ? 0 : Count(Dims(data.shape).subspan(a));
  const int64_t inner = data.size() == 0 ? 0 : Count(Dims(data.shape).subspan(a + 1));
  int64_t offset = 0;
  for (size_t k = 0; k < sizes.size(); ++k) {
    Shape shape = data.shape;
    shape[a] = sizes[k];
    MOIRE_ASSIGN(RangeTensor * out, ctx.Make(k, data.type, shape));
    MOIRE_TRY(ctx.Spend(static_cast<uint64_t>(out->size())));
    const int64_t run = sizes[k] * inner;
    for (int64_t o = 0; run > 0 && o < out->size() / run; ++o) {
      CopyElements(*out, o * run, data, o * row + offset * inner, run);
    }
    offset += sizes[k];
  }
  return {};
}

// Both seen as one permutation of six axes. https://onnx.ai/onnx/operators/onnx__DepthToSpace.html
Status DepthToSpace(KernelContext& ctx) {
  const RangeTensor& data = ctx.In(0);
  const int64_t block = ctx.node().Int("blocksize", 0);
  if (data.shape.size() != 4) return Fail(ErrorCode::kInvalidInput, "input is not of rank 4");
  const int64_t n = data.shape[0], c = data.shape[1], h = data.shape[2], w = data.shape[3];
  if (block <= 0 || block > (int64_t{1} << 20) || c % (block * block) != 0) {
    return Fail(ErrorCode::kInvalidInput, "{} channels do not split by blocksize {}", c, block);
  }
  const int64_t depth = c / (block * block);
  const Shape out_shape = {n, depth, h * block, w * block};
  if (!CheckedCount(out_shape)) return Fail(ErrorCode::kOverBudget, "output size leaves int64");
  const std::string mode = ctx.opset() >= 11 ? ctx.node().String("mode", "DCR") : "DCR";
  if (mode == "DCR") {
    return Permute(ctx, data, Shape{n, block, block, depth, h, w}, Ints{0, 3, 4, 1, 5, 2},
                   out_shape);
  }
  if (mode == "CRD") {
    return Permute(ctx, data, Shape{n, depth, block, block, h, w}, Ints{0, 1, 4, 2, 5, 3},
                   out_shape);
  }
  return Fail(ErrorCode::kInvalidInput, "mode '{}'", mode);
}

Status SpaceToDepth(KernelContext& ctx) {
  const RangeTensor& data = ctx.In(0);
  const int64_t block = ctx.node().Int("blocksize", 0);
  if (data.shape.size() != 4) return Fail(ErrorCode::kInvalidInput, "input is not of rank 4");
  const int64_t n = data.shape[0], c = data.shape[1], h = data.shape[2], w = data.shape[3];
  if (block <= 0 || block > (int64_t{1} << 20) || h % block != 0 || w % block != 0) {
    return Fail(ErrorCode::kInvalidInput, "{}x{} does not split by blocksize {}", h, w, block);
  }
  const Shape out_shape = {n, c * block * block, h / block, w / block};
  if (!CheckedCount(out_shape)) return Fail(ErrorCode::kOverBudget, "output size leaves int64");
  const Shape view = {n, c, h / block, block, w / block, block};
  const std::string mode = ctx.opset() >= 28 ? ctx.node().String("mode", "DCR") : "DCR";
  if (mode == "DCR") return Permute(ctx, data, view, Ints{0, 3, 5, 1, 2, 4}, out_shape);
  if (mode == "CRD") return Permute(ctx, data, view, Ints{0, 1, 3, 5, 2, 4}, out_shape);
  return Fail(ErrorCode::kInvalidInput, "mode '{}'", mode);
}

Status Trilu(KernelContext& ctx) {
  const RangeTensor& data = ctx.In(0);
  if (data.shape.size() < 2) return Fail(ErrorCode::kInvalidInput, "input has rank < 2");
  int64_t k = 0;
  if (ctx.Input(1) != nullptr) {
    MOIRE_ASSIGN(k, ExactInt(ctx, 1));
  }
  MOIRE_ASSIGN(const bool upper, ctx.Flag("upper", true));
  const int64_t rows = data.shape[data.shape.size() - 2];
  const int64_t columns = data.shape.back();
  k = std::clamp(k, -rows - 1, columns + 1);  // further out is the same, and cannot overflow
  MOIRE_TRY(ctx.Reserve(DataType::kInt64, data.shape));
  MOIRE_TRY(ctx.Spend(static_cast<uint64_t>(data.size())));
  std::vector<int64_t> index(static_cast<size_t>(data.size()));
  for (int64_t i = 0; i < data.size(); ++i) {
    const int64_t diagonal = i % columns - i / columns % rows;
    const bool keep = upper ? diagonal >= k : diagonal <= k;
    index[static_cast<size_t>(i)] = keep ? i : -1;
  }
  return Move(ctx, 0, data, data.shape, index);
}

Status ReverseSequence(KernelContext& ctx) {
  const RangeTensor& data = ctx.In(0);
  MOIRE_ASSIGN(const Ints lengths, ctx.ExactInts(1));
  const int64_t batch_axis = ctx.node().Int("batch_axis", 1);
  const int64_t time_axis = ctx.node().Int("time_axis", 0);
  if (data.shape.size() < 2 || batch_axis + time_axis != 1 || batch_axis * time_axis != 0) {
    return Fail(ErrorCode::kInvalidInput, "batch_axis {} and time_axis {} of rank {}", batch_axis,
                time_axis, data.shape.size());
  }
  const int64_t batch = data.shape[static_cast<size_t>(batch_axis)];
  const int64_t time = data.shape[static_cast<size_t>(time_axis)];
  if (static_cast<int64_t>(lengths.size()) != batch) {
    return Fail(ErrorCode::kInvalidInput, "{} sequence_lens for a batch of {}", lengths.size(),
                batch);
  }
  for (const int64_t length : lengths) {
    if (length < 0 || length > time) {
      return Fail(ErrorCode::kInvalidInput, "sequence length {} of {}", length, time);
    }
  }
  MOIRE_TRY(ctx.Reserve(DataType::kInt64, data.shape));
  MOIRE_TRY(ctx.Spend(static_cast<uint64_t>(data.size())));
  std::vector<int64_t> index(static_cast<size_t>(data.size()));
  const int64_t inner = data.size() == 0 ? 1 : Count(Dims(data.shape).subspan(2));
  const int64_t second = data.shape[1];
  for (int64_t i = 0; i < data.size(); ++i) {
    const int64_t row = i / inner / second, column = i / inner % second;
    const int64_t b = batch_axis == 0 ? row : column;
    int64_t t = batch_axis == 0 ? column : row;
    const int64_t length = lengths[static_cast<size_t>(b)];
    if (t < length) t = length - 1 - t;
    const int64_t from = batch_axis == 0 ? b * second + t : t * second + b;
    index[static_cast<size_t>(i)] = from * inner + i % inner;
  }
  return Move(ctx, 0, data, data.shape, index);
}

Status Compress(KernelContext& ctx) {
  const RangeTensor& data = ctx.In(0);
  MOIRE_ASSIGN(const Ints condition, ctx.ExactList(1));
  // Without an axis the input is flattened first.
  const bool flat = ctx.node().Find("axis") == nullptr;
  Shape shape = flat ? Shape{data.size()} : data.shape;
  int64_t axis = 0;
  if (!flat) {
    MOIRE_ASSIGN(axis, Axis(ctx.node().Int("axis", 0), shape.size()));
  }
  const auto a = static_cast<size_t>(axis);
  if (static_cast<int64_t>(condition.size()) > shape[a]) {
    return Fail(ErrorCode::kInvalidInput, "condition has {} elements for {} along the axis",
                condition.size(), shape[a]);
  }
  const Shape strides = Strides(shape);
  Ints kept;
  for (size_t i = 0; i < condition.size(); ++i) {
    if (condition[i] != 0) kept.push_back(static_cast<int64_t>(i) * strides[a]);
  }
  shape[a] = static_cast<int64_t>(kept.size());
  MOIRE_ASSIGN(std::vector<AxisTable> tables, MakeAxisTables(ctx, shape));
  for (size_t d = 0; d < tables.size(); ++d) {
    for (size_t i = 0; i < tables[d].size(); ++i) {
      tables[d][i] = d == a ? kept[i] : static_cast<int64_t>(i) * strides[d];
    }
  }
  MOIRE_ASSIGN(const std::vector<int64_t> index, IndexMap(ctx, tables));
  return Move(ctx, 0, data, std::move(shape), index);
}

constexpr KernelEntry kMovementKernels[] = {
    {"Transpose", 1, kLatest, Transpose, "", kTakesComplex},
    {"Expand", 8, kLatest, Expand, "", kTakesComplex},
    {"Tile", 6, kLatest, Tile, "", kTakesComplex},
    {"Concat", 4, kLatest, Concat, "", kTakesComplex},
    {"Split", 2, kLatest, Split, "", kTakesComplex},
    {"DepthToSpace", 1, kLatest, DepthToSpace, "", kTakesComplex},
    {"SpaceToDepth", 1, kLatest, SpaceToDepth, "", kTakesComplex},
    {"Trilu", 14, kLatest, Trilu},
    {"ReverseSequence", 10, kLatest, ReverseSequence, "", kTakesComplex},
    {"Compress", 9, kLatest, Compress, "", kTakesComplex},
};

}  // namespace

std::span<const KernelEntry> MovementKernels() { return kMovementKernels; }

}  // namespace moire
