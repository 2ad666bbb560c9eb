// Interval arithmetic for multi-step formulas (normalisations, poolings, recurrences): each step's
// interval holds every result that a correct evaluation in the declared type may have there, kept
// wide or rounded. Must not depend on an operator.
#ifndef MOIRE_ORACLES_REFERENCE_KERNELS_INTERVAL_H_
#define MOIRE_ORACLES_REFERENCE_KERNELS_INTERVAL_H_

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "oracles/reference/range_tensor.h"

namespace moire {

// NaN for certain: all three are NaN. An infinity for certain: all three are that infinity.
struct Interval {
  double value = 0;
  double lo = 0;
  double hi = 0;
  uint8_t mark = kDecided;

  bool exact() const { return lo == hi || (lo != lo && hi != hi); }
};

inline Interval Exactly(double x) { return {x, x, x, kDecided}; }
inline Interval Undecidable(double guess) { return {guess, guess, guess, kUndecidable}; }

inline Interval ElementOf(const RangeTensor& tensor, size_t i) {
  return {tensor.value[i], tensor.Lo()[i], tensor.Hi()[i], tensor.MarkAt(i)};
}
// Allocates ranges on the first element that needs one.
void StoreElement(RangeTensor& out, size_t i, const Interval& element);

// Without rounding: what exact arithmetic would give. A result that may be NaN or not is marked.
inline Interval ExactSum(const Interval& a, const Interval& b) {
  return {a.value + b.value, a.lo + b.lo, a.hi + b.hi, static_cast<uint8_t>(a.mark | b.mark)};
}
inline Interval ExactDifference(const Interval& a, const Interval& b) {
  return {a.value - b.value, a.lo - b.hi, a.hi - b.lo, static_cast<uint8_t>(a.mark | b.mark)};
}
// The hull of the corners, with a care for NaN among them.
Interval CarefulProduct(const Interval& a, const Interval& b);
inline Interval ExactProduct(const Interval& a, const Interval& b) {
  const double ll = a.lo * b.lo, lh = a.lo * b.hi, hl = a.hi * b.lo, hh = a.hi * b.hi;
  if (std::isnan(ll + lh + hl + hh)) return CarefulProduct(a, b);
  return {a.value * b.value, std::min(std::min(ll, lh), std::min(hl, hh)),
          std::max(std::max(ll, lh), std::max(hl, hh)), static_cast<uint8_t>(a.mark | b.mark)};
}
Interval Abs(const Interval& a);
Interval Max(const Interval& a, const Interval& b);

// The hull of two ways to evaluate; the value of the first.
Interval Hull(const Interval& a, const Interval& b);

// The operations of a float type. Results are widened by `roundings` roundings of the type (one
// unless said) and its smallest subnormal; a result that may pass the type's largest finite value,
// or that may be NaN or not, is undecidable: in a formula's intermediate it may decide everything.
class Arithmetic {
 public:
  explicit Arithmetic(DataType type);

  DataType type() const { return type_; }
  double unit() const { return unit_; }

  Interval Rounded(const Interval& exact, double roundings = 1) const {
    if (exact.lo == 0 && exact.hi == 0) return exact;  // zero is never rounded
    Interval out = exact;
    out.lo -= roundings * (unit_ * std::abs(exact.lo) + tiny_);
    out.hi += roundings * (unit_ * std::abs(exact.hi) + tiny_);
    if (-max_ <= out.lo && out.hi <= max_ && out.lo <= out.hi) return out;
    return CarefullyRounded(exact, roundings);
  }
  Interval Add(const Interval& a, const Interval& b) const { return Rounded(ExactSum(a, b)); }
  Interval Sub(const Interval& a, const Interval& b) const {
    return Rounded(ExactDifference(a, b));
  }
  Interval Mul(const Interval& a, const Interval& b) const { return Rounded(ExactProduct(a, b)); }
  Interval Div(const Interval& a, const Interval& b) const;
  Interval Square(const Interval& a) const;
  Interval Sqrt(const Interval& a) const;
  // Elementary functions err by the accuracy table's row of that name.
  Interval Exp(const Interval& a) const;
  Interval Log(const Interval& a) const;
  Interval Tanh(const Interval& a) const;
  Interval Sigmoid(const Interval& a) const;
  Interval Pow(const Interval& a, double exponent) const;  // a >= 0
  // Any non-decreasing function, |error| <= ulps * ulp(result) + absolute.
  Interval Monotone(const Interval& a, double (*function)(double), double ulps,
                    double absolute) const;

 private:
  // Where something may not be finite.
  Interval CarefullyRounded(Interval exact, double roundings) const;

  DataType type_;
  double unit_;  // unit roundoff and our own error in double
  double tiny_;  // smallest subnormal
  double max_;
};

}  // namespace moire

#endif  // MOIRE_ORACLES_REFERENCE_KERNELS_INTERVAL_H_
