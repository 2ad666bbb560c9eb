// Directed rounding in double without touching the rounding mode: the lower and upper neighbour of
// a sum, product, quotient or square root, or the result itself where it is exact. The error of
// each operation is computed exactly (Knuth's TwoSum; fused multiply-add for the others). Two
// finite operands whose result passes double's range give an interval that ends at infinity. Must
// not depend on tensors or operators.
#ifndef MOIRE_ORACLES_REFERENCE_KERNELS_DIRECTED_H_
#define MOIRE_ORACLES_REFERENCE_KERNELS_DIRECTED_H_

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

namespace moire {

struct Bounds {
  double lo;
  double hi;
};

// Below this magnitude the error of a product is not exact in double any more.
inline constexpr double kTinyProduct = 0x1p-960;
inline constexpr double kDoubleMax = std::numeric_limits<double>::max();
inline constexpr double kDoubleInfinity = std::numeric_limits<double>::infinity();
inline constexpr double kDoubleNan = std::numeric_limits<double>::quiet_NaN();

// The next double up; not for NaN. Infinity stays.
inline double Above(double x) {
  if (x == kDoubleInfinity) return x;
  if (x == 0) return std::numeric_limits<double>::denorm_min();
  const auto bits = std::bit_cast<int64_t>(x);
  return std::bit_cast<double>(x > 0 ? bits + 1 : bits - 1);
}
inline double Below(double x) { return -Above(-x); }

// `result` and the sign of what it lacks to the exact one.
inline Bounds AroundBy(double result, double error) {
  return {error < 0 ? Below(result) : result, error > 0 ? Above(result) : result};
}
// Both neighbours, where the error is not known.
inline Bounds Around(double result) { return {Below(result), Above(result)}; }

inline Bounds Overflowed(double result) {
  return result > 0 ? Bounds{kDoubleMax, kDoubleInfinity} : Bounds{-kDoubleInfinity, -kDoubleMax};
}

inline Bounds SumBounds(double a, double b) {
  const double sum = a + b;
  if (!std::isfinite(sum)) {
    return std::isfinite(a) && std::isfinite(b) ? Overflowed(sum) : Bounds{sum, sum};
  }
  const double other = sum - a;
  return AroundBy(sum, (a - (sum - other)) + (b - other));
}

inline Bounds ProductBounds(double a, double b) {
  const double product = a * b;
  if (!std::isfinite(product)) {
    return std::isfinite(a) && std::isfinite(b) ? Overflowed(product) : Bounds{product, product};
  }
  if (std::abs(product) < kTinyProduct) {
    return a == 0 || b == 0 ? Bounds{product, product} : Around(product);
  }
  return AroundBy(product, std::fma(a, b, -product));
}

// b is not zero.
inline Bounds QuotientBounds(double a, double b) {
  const double quotient = a / b;
  if (!std::isfinite(quotient)) {
    return std::isfinite(a) && std::isfinite(b) ? Overflowed(quotient) : Bounds{quotient, quotient};
  }
  if (a == 0 || std::isinf(b)) return {quotient, quotient};
  if (std::abs(quotient) < kTinyProduct || std::abs(a) < kTinyProduct) return Around(quotient);
  const double rest = std::fma(-quotient, b, a);
  return AroundBy(quotient, b > 0 ? rest : -rest);
}

// a >= 0.
inline Bounds RootBounds(double a) {
  const double root = std::sqrt(a);
  if (a == 0 || std::isinf(a)) return {root, root};
  if (a < kTinyProduct) return Around(root);
  return AroundBy(root, std::fma(-root, root, a));
}

}  // namespace moire

#endif  // MOIRE_ORACLES_REFERENCE_KERNELS_DIRECTED_H_
