// Sums and dot products with their ranges, and a tensor seen as lines of scattered elements.
// Shared by reductions, products, convolutions, poolings and normalisations.
#ifndef MOIRE_ORACLES_REFERENCE_KERNELS_SUMS_H_
#define MOIRE_ORACLES_REFERENCE_KERNELS_SUMS_H_

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <span>
#include <vector>

#include "harness/case/float_bits.h"
#include "oracles/reference/kernel.h"
#include "oracles/reference/kernels/interval.h"

namespace moire {

// n contiguous elements; lo and hi null when they are exact.
struct Row {
  const double* value = nullptr;
  const double* lo = nullptr;
  const double* hi = nullptr;
};

// sum(a[k] * b[k]), sum(a[k]), sum(a[k]^2) accumulated in `type` in any order, not yet rounded at
// the end (a formula that goes on with the sum passes it through Arithmetic::Rounded): the rule of
// SumBound (accuracy.h) on the values, plus what the input ranges allow.
//
// `folded` is the number of roundings a term may suffer beside the accumulation. A scale that
// follows or precedes a product (Mul, BatchNormalization, alpha) may legally be folded into the
// constant factor, which then is rounded once for each fold: |w' x - w s x| <= u |w s x| a term.
// The reference charges the scale's own node only with its roundings of the result, so the terms'
// share, folded * u * sum|a||b|, is charged here, and the smallest subnormal for each factor.
// Products and convolutions take 2: two scales in a row (Conv + Mul + BatchNormalization) are the
// most that runtimes fold.
//
// Non-finite terms follow IEEE 754: a NaN for certain gives NaN, infinities of one sign that
// infinity unless finite terms may overflow to the other. Where some order of evaluation overflows
// and another does not: undecidable. When all terms have one sign the sum overflows in every order
// or never, so the interval [sum, inf] says it all.
inline constexpr double kFoldedScales = 2;
Interval SumOfProducts(DataType type, const Row& a, const Row& b, int64_t n, double folded);
Interval SumOf(DataType type, const Row& a, int64_t n, double folded = 0);
Interval SumOfSquares(DataType type, const Row& a, int64_t n);
// SumOfSquares as an intermediate: rounded, not below zero.
Interval RoundedSquares(const Arithmetic& type, const Row& a, int64_t n);

// Half-width of a sum of n terms that take only a few magnitudes and are not known to the last bit
// (they have ranges, or a scale may be folded into them); 0 where they take many. Then roundings
// repeat, and those of terms that are off by a bit need not resemble those that SumBound measures:
// 2048 times 0.7 may happen to add up exactly where 2048 times 2.1 loses half a unit each time.
// Partial sums grow to the whole, half of it in the mean: n * u * sum|term| / 2.
template <typename SizeOf>
double RepetitionBound(DataType type, int64_t n, double magnitude, SizeOf size_of) {
  // Below this the statistical part of SumBound, 4 sqrt(n), exceeds the worst case n / 2.
  if (n <= 64) return 0;
  double seen[32];
  size_t count = 0;
  for (int64_t k = 0; k < n; ++k) {
    const double size = size_of(k);
    if (std::find(seen, seen + count, size) != seen + count) continue;
    if (count == std::size(seen)) return 0;
    seen[count++] = size;
  }
  return static_cast<double>(n) * UnitRoundoff(type) * magnitude / 2;
}

// A tensor as lines: element j of line i is at start[i] + step[j].
struct Lines {
  Shape shape;                 // of the tensor of lines
  std::vector<int64_t> start;  // one for each line, in row-major order of `shape`
  std::vector<int64_t> step;   // in row-major order of the axes along the line
};
// Lines along the axes where along[axis]; those axes stay with size 1 when keep is set.
Result<Lines> LinesAlong(KernelContext& ctx, Dims shape, const std::vector<bool>& along, bool keep);
// Lines along one axis.
Result<Lines> LinesAlong(KernelContext& ctx, Dims shape, int64_t axis, bool keep);

// Copies a line of a float tensor to contiguous scratch (or points at it where it is contiguous).
// Steps increase.
class LineReader {
 public:
  explicit LineReader(const RangeTensor& tensor) : tensor_(tensor) {}
  Row Read(int64_t start, std::span<const int64_t> step);
  // Of the elements of a line, combined.
  uint8_t Marks(int64_t start, std::span<const int64_t> step) const;

 private:
  const RangeTensor& tensor_;
  std::vector<double> value_, lo_, hi_;
};

// Low bits of an integer as the type holds them: two's complement wrap; bool is value != 0.
// ONNX does not say what integer overflow gives; every runtime and numpy wrap.
int64_t WrapInteger(DataType type, uint64_t bits);

}  // namespace moire

#endif  // MOIRE_ORACLES_REFERENCE_KERNELS_SUMS_H_
