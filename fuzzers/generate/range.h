// Range: an estimate of where the finite values of a tensor lie, carried along while a graph is
// built so that magnitudes stay tame and domains (Log, Div, Cast to integer) are mostly kept. An
// estimate, not a bound: wrong is harmless.
#ifndef MOIRE_FUZZERS_GENERATE_RANGE_H_
#define MOIRE_FUZZERS_GENERATE_RANGE_H_

#include <algorithm>
#include <cmath>

namespace moire {

struct Range {
  double lo = 0;
  double hi = 0;

  double Magnitude() const { return std::max(std::fabs(lo), std::fabs(hi)); }
  bool Inside(double low, double high) const { return lo >= low && hi <= high; }
  bool AwayFromZero(double distance) const { return lo >= distance || hi <= -distance; }
};

inline Range Hull(Range a, Range b) { return {std::min(a.lo, b.lo), std::max(a.hi, b.hi)}; }
inline Range Sum(Range a, Range b) { return {a.lo + b.lo, a.hi + b.hi}; }
inline Range Difference(Range a, Range b) { return {a.lo - b.hi, a.hi - b.lo}; }
inline Range Product(Range a, Range b) {
  const double p[] = {a.lo * b.lo, a.lo * b.hi, a.hi * b.lo, a.hi * b.hi};
  return {*std::min_element(p, p + 4), *std::max_element(p, p + 4)};
}
inline Range Quotient(Range a, Range b) {
  // Near-zero divisors are kept out by the operator's entry; here 1e-2 stands for them.
  const double nearest = b.AwayFromZero(1e-2) ? std::min(std::fabs(b.lo), std::fabs(b.hi)) : 1e-2;
  const double m = a.Magnitude() / nearest;
  return {a.lo >= 0 && b.lo >= 0 ? 0 : -m, m};
}
inline Range Scaled(Range a, double factor) { return Product(a, {factor, factor}); }
template <typename F>
Range Monotone(Range a, F f) {
  const double x = f(a.lo);
  const double y = f(a.hi);
  return {std::min(x, y), std::max(x, y)};
}

}  // namespace moire

#endif  // MOIRE_FUZZERS_GENERATE_RANGE_H_
