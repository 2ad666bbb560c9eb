// Smooth functions of one variable over ranges, widened by the accuracy table. Shared by the
// elementary functions and the activations. Must not depend on an operator.
#ifndef MOIRE_ORACLES_REFERENCE_KERNELS_CURVE_H_
#define MOIRE_ORACLES_REFERENCE_KERNELS_CURVE_H_

#include <algorithm>
#include <cmath>

#include "oracles/reference/accuracy.h"
#include "oracles/reference/kernels/elementwise.h"

namespace moire {

// f over the range x, where f is monotone but for at most one extremum, at `extremum` (NaN: none).
// f(x) and scale(x) are functions of double. f of an infinity is exact, being a limit, but an
// infinite end of a range stands for the finite arguments before it too.
template <typename Function, typename Scale>
Interval Curve(DataType type, const Accuracy& row, const Interval& x, const Function& f,
               const Scale& scale, double extremum = kDoubleNan) {
  if (std::isnan(x.lo)) return NanForCertain();
  const double value = f(x.value);
  Interval out{value, kDoubleInfinity, -kDoubleInfinity, kDecided};
  bool any_nan = false;
  const auto visit = [&](double at) {
    const double y = at == x.value ? value : f(at);
    any_nan |= std::isnan(y);
    const double bound = std::isinf(at) && IsPoint(x) ? 0 : ErrorBound(type, y, row, scale(at));
    out.lo = std::min(out.lo, y - bound);
    out.hi = std::max(out.hi, y + bound);
  };
  visit(x.lo);
  if (x.lo != x.hi) visit(x.hi);
  if (x.lo < extremum && extremum < x.hi) visit(extremum);
  if (any_nan || std::isnan(value)) {
    return IsPoint(x) ? NanForCertain() : Undecidable(value);
  }
  return Spanning(value, out.lo, out.hi);
}

template <typename Function>
Interval Curve(DataType type, const Accuracy& row, const Interval& x, const Function& f) {
  return Curve(type, row, x, f, [](double) { return 1.0; });
}

// The hull of two alternatives, with both marks.
// Where one of them is NaN and the other a number, nothing is certain.
inline Interval HullOf(const Interval& a, const Interval& b) {
  const uint8_t torn = std::isnan(a.lo) != std::isnan(b.lo) ? kUndecidable : kDecided;
  return {a.value, std::min(a.lo, b.lo), std::max(a.hi, b.hi),
          static_cast<uint8_t>(a.mark | b.mark | torn)};
}

}  // namespace moire

#endif  // MOIRE_ORACLES_REFERENCE_KERNELS_CURVE_H_
