// What the data movement kernels share: index maps, copies between range tensors, axes and sizes
// checked before anything is allocated. Depends on the kernel contract alone.
#ifndef MOIRE_ORACLES_REFERENCE_KERNELS_MOVEMENT_UTIL_H_
#define MOIRE_ORACLES_REFERENCE_KERNELS_MOVEMENT_UTIL_H_

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "oracles/reference/kernel.h"

namespace moire {

// For every coordinate along one output axis, its offset in the source, in elements; -1: no source.
using AxisTable = std::vector<int64_t>;

// Tables for an output of this shape, zero-filled; kOverBudget before a huge one is allocated.
Result<std::vector<AxisTable>> MakeAxisTables(KernelContext& ctx, Dims shape);

// The source index of each output element: the sum of its coordinates' offsets, -1 when one is -1.
Result<std::vector<int64_t>> IndexMap(KernelContext& ctx, std::span<const AxisTable> axes);

// Out(output)[i] = source[index[i]]; -1 gives zero, false, "".
Status Move(KernelContext& ctx, size_t output, const RangeTensor& source, Shape shape,
            std::span<const int64_t> index);

// Out(output) = source with another shape of as many elements.
Status MoveReshaped(KernelContext& ctx, size_t output, const RangeTensor& source, Shape shape);

// Copies n elements with their ranges and marks; the tensors are of the same type.
void CopyElements(RangeTensor& to, int64_t to_index, const RangeTensor& from, int64_t from_index,
                  int64_t n);

// Copies the one element of `scalar` to where the index is -1.
void FillMissing(RangeTensor& out, std::span<const int64_t> index, const RangeTensor& scalar);

// kInvalidInput outside [-rank, rank).
Result<int64_t> Axis(int64_t axis, size_t rank);
// Axes normalised, distinct; kInvalidInput otherwise.
Result<Ints> Axes(std::span<const int64_t> axes, size_t rank);

// The coordinate that element i of an index tensor names along an axis of size `dim`. Outside
// [-dim, dim - 1] it is an error by the pages of Gather*, ScatterElements: ctx.MustReject; but
// kUndecidable when the index itself is marked. A marked index inside may be another: MayReject.
Result<int64_t> Coordinate(KernelContext& ctx, const RangeTensor& indices, size_t i, int64_t dim);

// kInvalidInput unless the tensor holds integers.
Status CheckIndices(const RangeTensor& indices);

// An optional integer input that decides structure; nullopt when it is omitted.
Result<std::optional<Ints>> OptionalInts(const KernelContext& ctx, size_t input);
// The single element of a structure-deciding integer input (a scalar or one-element tensor).
Result<int64_t> ExactInt(const KernelContext& ctx, size_t input);

// Adds `mark` to every element.
void MarkAll(RangeTensor& tensor, uint8_t mark);
// The marks of all elements combined.
uint8_t AllMarks(const RangeTensor& tensor);

}  // namespace moire

#endif  // MOIRE_ORACLES_REFERENCE_KERNELS_MOVEMENT_UTIL_H_
