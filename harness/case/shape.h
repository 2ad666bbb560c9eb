// Shapes and overflow-checked arithmetic on dims. Dims are in elements, outermost first.
#ifndef MOIRE_HARNESS_CASE_SHAPE_H_
#define MOIRE_HARNESS_CASE_SHAPE_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace moire {

using Shape = std::vector<int64_t>;  // every dim known and >= 0
using Dims = std::span<const int64_t>;

// Product of the dims; nullopt on a negative dim or where the product leaves int64. Rank 0 is 1.
std::optional<int64_t> CheckedCount(Dims dims);

// Product of the dims of a shape that is known to be valid.
int64_t Count(Dims dims);

// Row-major strides in elements. (2,3,4) -> (12,4,1).
Shape Strides(Dims dims);

// Multidirectional broadcasting (ONNX "Broadcasting in ONNX"); nullopt where they do not fit.
std::optional<Shape> BroadcastShapes(Dims a, Dims b);

// axis in [-rank, rank) -> [0, rank); nullopt outside.
std::optional<int64_t> NormalizeAxis(int64_t axis, int64_t rank);

std::string ToString(Dims dims);  // "2x3x4", "scalar" for rank 0

}  // namespace moire

#endif  // MOIRE_HARNESS_CASE_SHAPE_H_
