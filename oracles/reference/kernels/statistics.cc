#include "oracles/reference/kernels/statistics.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "harness/case/float_bits.h"

namespace moire {

Interval MeanOf(DataType type, const Row& row, int64_t n) {
  // sum(x) / n; also sum(x * (1/n)), where each term is rounded once more: folded = 1. The
  // reciprocal's own rounding and the division's are common to all terms.
  const Interval sum = SumOf(type, row, n, 1);
  const auto count = static_cast<double>(n);
  return Arithmetic(type).Rounded({sum.value / count, sum.lo / count, sum.hi / count, sum.mark}, 2);
}

Interval MeanSquareOf(DataType type, const Row& row, int64_t n) {
  const Interval sum = SumOfSquares(type, row, n);
  const auto count = static_cast<double>(n);
  Interval out =
      Arithmetic(type).Rounded({sum.value / count, sum.lo / count, sum.hi / count, sum.mark}, 3);
  out.lo = std::max(out.lo, 0.0);
  return out;
}

Statistics MeanAndVariance(DataType type, const Row& row, int64_t n) {
  const Arithmetic in_type(type);
  Statistics out;
  out.mean = MeanOf(type, row, n);
  if (!std::isfinite(out.mean.value) || out.mean.mark != kDecided) {
    out.variance = out.mean;
    if (std::isnan(out.mean.value) || std::isinf(out.mean.value)) {
      // A line with NaN or an infinity: x - mean is NaN somewhere, so is the variance.
      out.variance.value = out.variance.lo = out.variance.hi =
          std::numeric_limits<double>::quiet_NaN();
    }
    return out;
  }
  // Two passes, with the ranges of the inputs.
  std::vector<double> value, lo, hi;
  value.reserve(static_cast<size_t>(n));
  lo.reserve(static_cast<size_t>(n));
  hi.reserve(static_cast<size_t>(n));
  uint8_t marks = kDecided;
  for (int64_t k = 0; k < n; ++k) {
    const Interval x{row.value[k], row.lo ? row.lo[k] : row.value[k],
                     row.hi ? row.hi[k] : row.value[k], kDecided};
    const Interval d = in_type.Sub(x, out.mean);
    marks |= d.mark;
    value.push_back(d.value);
    lo.push_back(d.lo);
    hi.push_back(d.hi);
  }
  out.variance = MeanSquareOf(type, {value.data(), lo.data(), hi.data()}, n);
  out.variance.mark |= marks;

  // One pass: rounding only, at the nominal values (the ranges are in the two-pass interval).
  const Interval square = SumOfSquares(type, {row.value, nullptr, nullptr}, n);
  const double unit = in_type.unit();
  const auto count = static_cast<double>(n);
  const double mean = std::abs(out.mean.value);
  const Interval nominal = MeanOf(type, {row.value, nullptr, nullptr}, n);
  const double mean_error = std::max(nominal.hi - nominal.value, nominal.value - nominal.lo);
  const double square_mean = square.value / count;
  const double error = (square.hi - square.lo) / (2 * count) + 3 * unit * square_mean +
                       (2 * mean + mean_error) * mean_error + 2 * unit * mean * mean +
                       unit * out.variance.value;
  out.variance.mark |= square.mark;
  if (!std::isfinite(error) || square_mean > Traits(type).max_finite) {
    out.variance.mark |= kUndecidable;
    return out;
  }
  out.variance.lo -= error;
  out.variance.hi += error;
  return out;
}

Row CastRow::Cast(DataType from, DataType to, const Row& row, int64_t n) {
  if (Traits(to).precision >= Traits(from).precision &&
      Traits(to).max_finite >= Traits(from).max_finite) {
    return row;
  }
  value_.clear();
  lo_.clear();
  hi_.clear();
  for (int64_t k = 0; k < n; ++k) {
    const double x = row.value[k];
    const double rounded = RoundTo(to, x);
    const double low = row.lo ? row.lo[k] : x;
    const double high = row.hi ? row.hi[k] : x;
    value_.push_back(x);
    // A runtime may skip the narrower type. An overflow there makes the range infinite, and so the
    // line undecidable.
    lo_.push_back(std::min({low, RoundTo(to, low), rounded}));
    hi_.push_back(std::max({high, RoundTo(to, high), rounded}));
  }
  return {value_.data(), lo_.data(), hi_.data()};
}

Interval Normalize(const Arithmetic& stage, const Arithmetic& type, const Interval& x,
                   const Interval& mean, const Interval& inverse, const Affine& affine) {
  Interval normalized = stage.Mul(stage.Sub(x, mean), inverse);
  if (stage.type() != type.type()) normalized = type.Rounded(normalized);
  Interval out = type.Mul(normalized, affine.scale);
  if (affine.has_bias) out = type.Add(out, affine.bias);
  if (!std::isfinite(out.value)) {
    const double slope = inverse.value * affine.scale.value;
    const double other = x.value * slope + (affine.bias.value - mean.value * slope);
    if (std::isnan(other) != std::isnan(out.value)) out.mark |= kUndecidable;
    return out;
  }
  // The other order: x and mean are scaled before they cancel. Its extra error is four roundings
  // of terms of these sizes.
  const double slope = std::max(std::abs(inverse.lo), std::abs(inverse.hi)) *
                       std::max(std::abs(affine.scale.lo), std::abs(affine.scale.hi));
  const double size =
      std::max(std::abs(x.lo), std::abs(x.hi)) + std::max(std::abs(mean.lo), std::abs(mean.hi));
  const double extra = 4 * stage.unit() * slope * size;
  const double limit = Traits(stage.type()).max_finite;
  // bias - mean * slope is taken together first.
  const double bias = std::max(std::abs(affine.bias.lo), std::abs(affine.bias.hi));
  if (!(slope * size + bias <= limit) || !(slope <= limit)) out.mark |= kUndecidable;
  out.lo -= extra;
  out.hi += extra;
  return out;
}

}  // namespace moire
