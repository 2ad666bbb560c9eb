#include "oracles/reference/kernels/interval.h"

#include <algorithm>
#include <cmath>

#include "harness/case/float_bits.h"
#include "oracles/reference/accuracy.h"

namespace moire {
namespace {

// The hull of a function of two intervals that takes its extremes at the corners.
template <typename Function>
Interval Corners(const Interval& a, const Interval& b, Function function) {
  Interval out;
  out.mark = a.mark | b.mark;
  out.value = function(a.value, b.value);
  if (a.exact() && b.exact()) {
    out.lo = out.hi = out.value;
    return out;
  }
  const double corners[] = {function(a.lo, b.lo), function(a.lo, b.hi), function(a.hi, b.lo),
                            function(a.hi, b.hi)};
  out.lo = out.hi = out.value;
  for (const double corner : corners) {
    if (std::isnan(corner) && !std::isnan(out.value)) {
      out.mark |= kUndecidable;
      continue;
    }
    if (!std::isnan(corner) && std::isnan(out.value)) out.mark |= kUndecidable;
    out.lo = std::min(out.lo, corner);
    out.hi = std::max(out.hi, corner);
  }
  return out;
}

}  // namespace

void StoreElement(RangeTensor& out, size_t i, const Interval& element) {
  out.value[i] = element.value;
  if (!out.exact() || !(element.lo == element.value && element.hi == element.value)) {
    if (out.exact() && element.exact() && std::isnan(element.value)) {
      out.AddMark(i, element.mark);
      return;
    }
    out.MakeRanges();
    out.lo[i] = element.lo;
    out.hi[i] = element.hi;
  }
  out.AddMark(i, element.mark);
}

Interval Hull(const Interval& a, const Interval& b) {
  Interval out = a;
  out.mark |= b.mark;
  if (std::isnan(a.value) != std::isnan(b.value)) out.mark |= kUndecidable;
  out.lo = std::min(a.lo, b.lo);
  out.hi = std::max(a.hi, b.hi);
  return out;
}

Arithmetic::Arithmetic(DataType type)
    : type_(type),
      unit_(UnitRoundoff(type) + 0x1p-52),
      tiny_(SmallestSubnormal(type)),
      max_(Traits(type).max_finite) {}

Interval Arithmetic::CarefullyRounded(Interval exact, double roundings) const {
  if (exact.exact() && !std::isfinite(exact.lo)) return exact;
  if (!std::isfinite(exact.lo) || !std::isfinite(exact.hi) || !std::isfinite(exact.value)) {
    exact.mark |= kUndecidable;
    return exact;
  }
  exact.lo -= roundings * (unit_ * std::abs(exact.lo) + tiny_);
  exact.hi += roundings * (unit_ * std::abs(exact.hi) + tiny_);
  if (exact.hi > max_ || exact.lo < -max_) exact.mark |= kUndecidable;
  return exact;
}

Interval CarefulProduct(const Interval& a, const Interval& b) {
  return Corners(a, b, [](double x, double y) { return x * y; });
}

Interval Arithmetic::Div(const Interval& a, const Interval& b) const {
  Interval out = Corners(a, b, [](double x, double y) { return x / y; });
  if (!b.exact() && b.lo <= 0 && b.hi >= 0) out.mark |= kUndecidable;
  // The reciprocal may be taken first: one more rounding.
  return Rounded(out, 2);
}

Interval Arithmetic::Square(const Interval& a) const {
  Interval out = ExactProduct(a, a);
  out.value = a.value * a.value;
  if (!a.exact()) {
    out.hi = std::max(a.lo * a.lo, a.hi * a.hi);
    out.lo = a.lo <= 0 && a.hi >= 0 ? 0 : std::min(a.lo * a.lo, a.hi * a.hi);
  }
  out = Rounded(out);
  out.lo = std::max(out.lo, 0.0);
  return out;
}

Interval Arithmetic::Monotone(const Interval& a, double (*function)(double), double ulps,
                              double absolute) const {
  Interval out{function(a.value), 0, 0, a.mark};
  out.lo = a.exact() ? out.value : function(a.lo);
  out.hi = a.exact() ? out.value : function(a.hi);
  if (std::isnan(out.lo) != std::isnan(out.value) || std::isnan(out.hi) != std::isnan(out.value)) {
    out.mark |= kUndecidable;
    return out;
  }
  // An ulp is at most two units of roundoff of the result.
  out = Rounded(out, 2 * ulps + 1);
  if (std::isfinite(out.value)) {
    out.lo -= absolute;
    out.hi += absolute;
  }
  return out;
}

Interval Arithmetic::Sqrt(const Interval& a) const {
  // A range that reaches below zero has NaN among its legal results: Monotone marks it.
  return Monotone(a, +[](double x) { return std::sqrt(x); }, 0.5, 0);
}

Interval Arithmetic::Exp(const Interval& a) const {
  const Accuracy& row = FindAccuracy("Exp", type_);
  // Results below the smallest normal are commonly flushed or clamped by vectorised exp.
  Interval out =
      Monotone(a, +[](double x) { return std::exp(x); }, row.ulps, SmallestNormal(type_));
  out.lo = std::max(out.lo, 0.0);
  return out;
}

Interval Arithmetic::Log(const Interval& a) const {
  const Accuracy& row = FindAccuracy("Log", type_);
  return Monotone(a, +[](double x) { return std::log(x); }, row.ulps, row.scale_ulps * unit_);
}

Interval Arithmetic::Tanh(const Interval& a) const {
  const Accuracy& row = FindAccuracy("Tanh", type_);
  return Monotone(a, +[](double x) { return std::tanh(x); }, row.ulps, row.scale_ulps * unit_);
}

Interval Arithmetic::Sigmoid(const Interval& a) const {
  const Accuracy& row = FindAccuracy("Sigmoid", type_);
  return Monotone(
      a, +[](double x) { return 1 / (1 + std::exp(-x)); }, row.ulps, row.scale_ulps * unit_);
}

Interval Arithmetic::Pow(const Interval& a, double exponent) const {
  const Accuracy& row = FindAccuracy("Pow", type_);
  Interval out{std::pow(a.value, exponent), std::pow(a.lo, exponent), std::pow(a.hi, exponent),
               a.mark};
  if (out.lo > out.hi) std::swap(out.lo, out.hi);
  // exp(exponent * log(a)): the rounding of the product is an absolute error of the exponent.
  const double size = std::abs(exponent) * std::max(std::abs(std::log(std::max(a.lo, tiny_))),
                                                    std::abs(std::log(std::max(a.hi, tiny_))));
  return Rounded(out, 2 * row.ulps + 1 + row.scale_ulps * size);
}

Interval Abs(const Interval& a) {
  Interval out{std::abs(a.value), std::abs(a.lo), std::abs(a.hi), a.mark};
  if (out.lo > out.hi) std::swap(out.lo, out.hi);
  if (a.lo < 0 && a.hi > 0) out.lo = 0;
  return out;
}

Interval Max(const Interval& a, const Interval& b) {
  return {std::max(a.value, b.value), std::max(a.lo, b.lo), std::max(a.hi, b.hi),
          static_cast<uint8_t>(a.mark | b.mark)};
}

}  // namespace moire
