// Mean and variance of a line, and the normalised elements, with every result that a correct
// evaluation may have. Shared by the normalisation kernels.
//
// Both usual evaluations of the variance are legal: E[(x - mean)^2], the formula on the pages of
// LayerNormalization, GroupNormalization and BatchNormalization, and E[x^2] - mean^2, which the
// official function bodies of LayerNormalization, GroupNormalization and MeanVarianceNormalization
// use. The second cancels: its error is in units of u * E[x^2]. Where it can make variance +
// epsilon zero or negative, the line is undecidable.
#ifndef MOIRE_ORACLES_REFERENCE_KERNELS_STATISTICS_H_
#define MOIRE_ORACLES_REFERENCE_KERNELS_STATISTICS_H_

#include <vector>

#include "oracles/reference/kernels/sums.h"

namespace moire {

struct Statistics {
  Interval mean;
  Interval variance;
};

// In the arithmetic of `type`; n > 0.
Statistics MeanAndVariance(DataType type, const Row& row, int64_t n);
// sum(x) / n, as ReduceMean.
Interval MeanOf(DataType type, const Row& row, int64_t n);
// sum(x^2) / n.
Interval MeanSquareOf(DataType type, const Row& row, int64_t n);

// A line cast to another float type: each element may be rounded.
class CastRow {
 public:
  // Keeps pointing at `row` where the cast loses nothing.
  Row Cast(DataType from, DataType to, const Row& row, int64_t n);

 private:
  std::vector<double> value_, lo_, hi_;
};

// scale and bias of one element in the second stage.
struct Affine {
  Interval scale = Exactly(1);
  Interval bias = Exactly(0);
  bool has_bias = false;
};

// ((x - mean) * inverse) * scale + bias in `stage` for the first product, rounded to `type`, in
// `type` for the rest; also evaluated as x * (inverse * scale) + (bias - mean * inverse * scale).
Interval Normalize(const Arithmetic& stage, const Arithmetic& type, const Interval& x,
                   const Interval& mean, const Interval& inverse, const Affine& affine);

}  // namespace moire

#endif  // MOIRE_ORACLES_REFERENCE_KERNELS_STATISTICS_H_
