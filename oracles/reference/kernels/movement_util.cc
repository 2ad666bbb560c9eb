#include "oracles/reference/kernels/movement_util.h"

#include <algorithm>

namespace moire {

Result<std::vector<AxisTable>> MakeAxisTables(KernelContext& ctx, Dims shape) {
  std::vector<AxisTable> tables;
  for (const int64_t dim : shape) {
    if (dim < 0) return Fail(ErrorCode::kInvalidInput, "output dim {} is negative", dim);
    MOIRE_TRY(ctx.Reserve(DataType::kInt64, Shape{dim}));
    tables.emplace_back(static_cast<size_t>(dim));
  }
  return tables;
}

Result<std::vector<int64_t>> IndexMap(KernelContext& ctx, std::span<const AxisTable> axes) {
  Shape shape;
  for (const AxisTable& axis : axes) shape.push_back(static_cast<int64_t>(axis.size()));
  MOIRE_TRY(ctx.Reserve(DataType::kInt64, shape));
  MOIRE_TRY(ctx.Spend(static_cast<uint64_t>(Count(shape))));
  if (Count(shape) == 0) return std::vector<int64_t>{};
  // Axis by axis: `index` holds the sums over the axes so far, in row-major order.
  std::vector<int64_t> index = {0};
  for (const AxisTable& axis : axes) {
    std::vector<int64_t> next(index.size() * axis.size());
    size_t at = 0;
    for (const int64_t base : index) {
      for (const int64_t offset : axis) next[at++] = base < 0 || offset < 0 ? -1 : base + offset;
    }
    index = std::move(next);
  }
  return index;
}

Status Move(KernelContext& ctx, size_t output, const RangeTensor& source, Shape shape,
            std::span<const int64_t> index) {
  MOIRE_TRY(ctx.Reserve(source.type, shape));
  MOIRE_TRY(ctx.Spend(index.size()));
  ctx.Out(output) = GatherElements(source, std::move(shape), index);
  return {};
}

Status MoveReshaped(KernelContext& ctx, size_t output, const RangeTensor& source, Shape shape) {
  MOIRE_TRY(ctx.Reserve(source.type, shape));
  MOIRE_TRY(ctx.Spend(static_cast<uint64_t>(source.size())));
  ctx.Out(output) = source;
  ctx.Out(output).shape = std::move(shape);
  return {};
}

void CopyElements(RangeTensor& to, int64_t to_index, const RangeTensor& from, int64_t from_index,
                  int64_t n) {
  const auto copy = [&](auto& target, const auto& source) {
    std::copy_n(source.begin() + from_index, n, target.begin() + to_index);
  };
  if (IsFloat(to.type)) {
    if (!from.exact()) to.MakeRanges();
    copy(to.value, from.value);
    if (!to.exact()) {
      copy(to.lo, from.exact() ? from.value : from.lo);
      copy(to.hi, from.exact() ? from.value : from.hi);
    }
  } else if (HeldAsBytes(to.type)) {
    copy(to.strings, from.strings);
  } else {
    copy(to.ints, from.ints);
  }
  if (!from.marks.empty() && to.marks.empty()) {
    to.marks.assign(static_cast<size_t>(to.size()), kDecided);
  }
  for (int64_t i = 0; !to.marks.empty() && i < n; ++i) {
    to.marks[static_cast<size_t>(to_index + i)] = from.MarkAt(static_cast<size_t>(from_index + i));
  }
}

void FillMissing(RangeTensor& out, std::span<const int64_t> index, const RangeTensor& scalar) {
  for (size_t i = 0; i < index.size(); ++i) {
    if (index[i] < 0) CopyElements(out, static_cast<int64_t>(i), scalar, 0, 1);
  }
}

Result<int64_t> Axis(int64_t axis, size_t rank) {
  const std::optional<int64_t> normal = NormalizeAxis(axis, static_cast<int64_t>(rank));
  if (!normal) {
    return Fail(ErrorCode::kInvalidInput, "axis {} is out of range for rank {}", axis, rank);
  }
  return *normal;
}

Result<Ints> Axes(std::span<const int64_t> axes, size_t rank) {
  Ints normal;
  for (const int64_t axis : axes) {
    MOIRE_ASSIGN(const int64_t one, Axis(axis, rank));
    if (std::ranges::find(normal, one) != normal.end()) {
      return Fail(ErrorCode::kInvalidInput, "axis {} is given twice", axis);
    }
    normal.push_back(one);
  }
  return normal;
}

Result<int64_t> Coordinate(KernelContext& ctx, const RangeTensor& indices, size_t i, int64_t dim) {
  const int64_t at = indices.ints[i];
  if (indices.MarkAt(i) != kDecided) ctx.MayReject();
  if (at >= -dim && at < dim) return at < 0 ? at + dim : at;
  if (indices.MarkAt(i) != kDecided) {
    return Fail(ErrorCode::kUndecidable, "an index that may be out of range is not known");
  }
  return ctx.MustReject("index {} is outside an axis of size {}", at, dim);
}

Status CheckIndices(const RangeTensor& indices) {
  if (IsInteger(indices.type)) return {};
  return Fail(ErrorCode::kInvalidInput, "indices of {}", Name(indices.type));
}

Result<std::optional<Ints>> OptionalInts(const KernelContext& ctx, size_t input) {
  if (ctx.Input(input) == nullptr) return std::nullopt;
  // A scalar stands for a list of one in official cases.
  if (ctx.In(input).shape.size() > 1) return ctx.ExactList(input);
  MOIRE_ASSIGN(Ints values, ctx.ExactInts(input));
  return values;
}

Result<int64_t> ExactInt(const KernelContext& ctx, size_t input) {
  MOIRE_ASSIGN(const Ints values, ctx.ExactInts(input));
  if (values.size() != 1) {
    return Fail(ErrorCode::kInvalidInput, "input {} has {} elements, 1 expected", input,
                values.size());
  }
  return values[0];
}

void MarkAll(RangeTensor& tensor, uint8_t mark) {
  if (mark == kDecided) return;
  for (size_t i = 0; i < static_cast<size_t>(tensor.size()); ++i) tensor.AddMark(i, mark);
}

uint8_t AllMarks(const RangeTensor& tensor) {
  uint8_t all = kDecided;
  for (const uint8_t mark : tensor.marks) all |= mark;
  return all;
}

}  // namespace moire
