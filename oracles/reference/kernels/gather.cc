// Gather, GatherElements, GatherND: elements picked by an index tensor. An index outside [-s, s -
// 1] is an error by the operators' pages; a marked index marks what it picks.
#include "oracles/reference/kernels/families.h"
#include "oracles/reference/kernels/movement_util.h"

namespace moire {
namespace {

// Before opset 11 negative indices are not allowed, nor forbidden as an error: nothing is claimed.
Status CheckNegative(const KernelContext& ctx, const RangeTensor& indices) {
  if (ctx.opset() >= 11) return {};
  for (const int64_t index : indices.ints) {
    if (index < 0) return Fail(ErrorCode::kInvalidInput, "negative index before opset 11");
  }
  return {};
}

Status Gather(KernelContext& ctx) {
  const RangeTensor& data = ctx.In(0);
  const RangeTensor& indices = ctx.In(1);
  MOIRE_TRY(CheckIndices(indices));
  MOIRE_ASSIGN(const int64_t axis, Axis(ctx.node().Int("axis", 0), data.shape.size()));
  MOIRE_TRY(CheckNegative(ctx, indices));
  const auto a = static_cast<size_t>(axis);
  Shape shape(data.shape.begin(), data.shape.begin() + axis);
  shape.insert(shape.end(), indices.shape.begin(), indices.shape.end());
  shape.insert(shape.end(), data.shape.begin() + axis + 1, data.shape.end());
  MOIRE_TRY(ctx.Reserve(DataType::kInt64, shape));

  AxisTable picked;
  MOIRE_TRY(ctx.Reserve(DataType::kInt64, indices.shape));
  for (size_t i = 0; i < indices.ints.size(); ++i) {
    MOIRE_ASSIGN(const int64_t at, Coordinate(ctx, indices, i, data.shape[a]));
    picked.push_back(at);
  }
  if (Count(shape) == 0) return Move(ctx, 0, data, std::move(shape), {});
  const int64_t inner = Count(Dims(data.shape).subspan(a + 1));
  const int64_t outer = Count(Dims(data.shape).first(a));
  MOIRE_TRY(ctx.Spend(static_cast<uint64_t>(Count(shape))));
  std::vector<int64_t> index;
  index.reserve(static_cast<size_t>(Count(shape)));
  for (int64_t o = 0; o < outer; ++o) {
    for (const int64_t at : picked) {
      const int64_t base = (o * data.shape[a] + at) * inner;
      for (int64_t i = 0; i < inner; ++i) index.push_back(base + i);
    }
  }
  MOIRE_TRY(Move(ctx, 0, data, std::move(shape), index));
  if (indices.marks.empty()) return {};
  RangeTensor& out = ctx.Out(0);
  const auto run = static_cast<size_t>(inner);
  for (size_t i = 0; i < index.size(); ++i) out.AddMark(i, indices.MarkAt(i / run % picked.size()));
  return {};
}

Status GatherElementsKernel(KernelContext& ctx) {
  const RangeTensor& data = ctx.In(0);
  const RangeTensor& indices = ctx.In(1);
  MOIRE_TRY(CheckIndices(indices));
  MOIRE_ASSIGN(const int64_t axis, Axis(ctx.node().Int("axis", 0), data.shape.size()));
  const auto a = static_cast<size_t>(axis);
  bool fits = indices.shape.size() == data.shape.size();
  for (size_t d = 0; fits && d < data.shape.size(); ++d) {
    fits = d == a || indices.shape[d] <= data.shape[d];
  }
  if (!fits) {
    return Fail(ErrorCode::kInvalidInput, "indices {} do not fit data {} along axis {}",
                ToString(indices.shape), ToString(data.shape), axis);
  }
  // The index's own coordinates, but for the gathered axis.
  MOIRE_ASSIGN(std::vector<AxisTable> tables, MakeAxisTables(ctx, indices.shape));
  const Shape strides = Strides(data.shape);
  for (size_t d = 0; d < tables.size(); ++d) {
    for (size_t i = 0; d != a && i < tables[d].size(); ++i) {
      tables[d][i] = static_cast<int64_t>(i) * strides[d];
    }
  }
  MOIRE_ASSIGN(std::vector<int64_t> index, IndexMap(ctx, tables));
  for (size_t i = 0; i < index.size(); ++i) {
    MOIRE_ASSIGN(const int64_t at, Coordinate(ctx, indices, i, data.shape[a]));
    index[i] += at * strides[a];
  }
  MOIRE_TRY(Move(ctx, 0, data, indices.shape, index));
  for (size_t i = 0; i < indices.marks.size(); ++i) ctx.Out(0).AddMark(i, indices.marks[i]);
  return {};
}

Status GatherND(KernelContext& ctx) {
  const RangeTensor& data = ctx.In(0);
  const RangeTensor& indices = ctx.In(1);
  MOIRE_TRY(CheckIndices(indices));
  const int64_t batch = ctx.opset() >= 12 ? ctx.node().Int("batch_dims", 0) : 0;
  const auto r = static_cast<int64_t>(data.shape.size());
  const auto q = static_cast<int64_t>(indices.shape.size());
  if (r < 1 || q < 1 || batch < 0 || batch >= std::min(q, r)) {
    return Fail(ErrorCode::kInvalidInput, "batch_dims {} for ranks {} and {}", batch, r, q);
  }
  const int64_t depth = indices.shape.back();  // coordinates in one index tuple
  if (depth < 1 || depth > r - batch) {
    return Fail(ErrorCode::kInvalidInput, "index tuples of {} for rank {}, batch_dims {}", depth, r,
                batch);
  }
  for (int64_t d = 0; d < batch; ++d) {
    if (data.shape[static_cast<size_t>(d)] != indices.shape[static_cast<size_t>(d)]) {
      return Fail(ErrorCode::kInvalidInput, "batch dims of data and indices differ");
    }
  }
  Shape shape(indices.shape.begin(), indices.shape.end() - 1);
  shape.insert(shape.end(), data.shape.begin() + batch + depth, data.shape.end());
  MOIRE_TRY(ctx.Reserve(DataType::kInt64, shape));
  MOIRE_TRY(ctx.Spend(static_cast<uint64_t>(Count(shape)) + indices.ints.size()));

  const Shape strides = Strides(data.shape);
  const int64_t tuples = indices.size() / depth;
  const int64_t batches = Count(Dims(indices.shape).first(static_cast<size_t>(batch)));
  const int64_t in_batch = batches == 0 ? 1 : tuples / batches;
  const int64_t slice = Count(Dims(data.shape).subspan(static_cast<size_t>(batch + depth)));
  const int64_t batch_stride = batch == 0 ? 0 : strides[static_cast<size_t>(batch - 1)];
  std::vector<int64_t> index;
  std::vector<uint8_t> marks;  // of each tuple
  for (int64_t t = 0; t < tuples; ++t) {
    int64_t base = t / in_batch * batch_stride;
    uint8_t mark = kDecided;
    for (int64_t k = 0; k < depth; ++k) {
      const auto i = static_cast<size_t>(t * depth + k);
      const auto d = static_cast<size_t>(batch + k);
      MOIRE_ASSIGN(const int64_t at, Coordinate(ctx, indices, i, data.shape[d]));
      base += at * strides[d];
      mark |= indices.MarkAt(i);
    }
    marks.push_back(mark);
    for (int64_t i = 0; i < slice; ++i) index.push_back(base + i);
  }
  MOIRE_TRY(Move(ctx, 0, data, std::move(shape), index));
  for (size_t i = 0; !indices.marks.empty() && i < index.size(); ++i) {
    ctx.Out(0).AddMark(i, marks[i / static_cast<size_t>(slice)]);
  }
  return {};
}

constexpr KernelEntry kGatherKernels[] = {
    {"Gather", 1, kLatest, Gather, "", kTakesComplex},
    {"GatherElements", 11, kLatest, GatherElementsKernel, "", kTakesComplex},
    {"GatherND", 11, kLatest, GatherND, "", kTakesComplex},
};

}  // namespace

std::span<const KernelEntry> GatherKernels() { return kGatherKernels; }

}  // namespace moire
