// How the faulty runtime adds up: order, the type that every step is rounded to, the precision that
// factors are reduced to. Depends on harness/case alone.
#ifndef MOIRE_TESTS_FAULTY_ARITHMETIC_H_
#define MOIRE_TESTS_FAULTY_ARITHMETIC_H_

#include <cmath>
#include <cstddef>
#include <utility>
#include <vector>

#include "harness/case/float_bits.h"

namespace moire::faulty {

// In which order a sum is added up.
enum class Order { kForward, kReverse, kLanes, kPairwise, kFma };
inline constexpr int kOrders = 5;

// Arithmetic of one sum: `step` is the narrow type to round to after every operation, or undefined.
struct Arithmetic {
  Order order = Order::kForward;
  DataType step = DataType::kUndefined;
  size_t lanes = 8;            // of kLanes
  bool wide_products = false;  // products are rounded with the sum that they enter only
  int factor_bits = 0;         // significand bits that factors and terms are reduced to; 0: all
  bool truncate = false;       // reduced towards zero, not to nearest even

  template <typename T>
  T Round(T x) const {
    if (step == DataType::kUndefined) return x;
    return static_cast<T>(RoundTo(step, static_cast<double>(x)));
  }
  template <typename T>
  T Add(T a, T b) const {
    return Round(a + b);
  }
  // A factor as the runtime takes it in.
  template <typename T>
  T Take(T x) const {
    if (factor_bits == 0 || !std::isfinite(x)) return x;
    int exponent = 0;
    const T scaled = std::ldexp(std::frexp(x, &exponent), factor_bits);
    return std::ldexp(truncate ? std::trunc(scaled) : std::nearbyint(scaled),
                      exponent - factor_bits);
  }

  template <typename T>
  T Sum(std::vector<T> terms) const {
    for (T& term : terms) term = Take(term);
    return Accumulate(std::move(terms));
  }

  template <typename T>
  T Accumulate(std::vector<T> terms) const {
    const size_t n = terms.size();
    if (n == 0) return 0;
    switch (order) {
      case Order::kReverse: {
        T sum = terms[n - 1];
        for (size_t k = n - 1; k-- > 0;) sum = Add(sum, terms[k]);
        return sum;
      }
      case Order::kLanes: {
        if (n <= lanes) break;
        std::vector<T> sums(terms.begin(), terms.begin() + static_cast<std::ptrdiff_t>(lanes));
        for (size_t k = lanes; k < n; ++k) sums[k % lanes] = Add(sums[k % lanes], terms[k]);
        return Arithmetic{Order::kPairwise, step}.Accumulate(std::move(sums));
      }
      case Order::kPairwise: {
        for (size_t width = n; width > 1; width = (width + 1) / 2) {
          for (size_t k = 0; k < width / 2; ++k) terms[k] = Add(terms[2 * k], terms[2 * k + 1]);
          if (width % 2 != 0) terms[width / 2] = terms[width - 1];
        }
        return terms[0];
      }
      default:
        break;
    }
    T sum = terms[0];
    for (size_t k = 1; k < n; ++k) sum = Add(sum, terms[k]);
    return sum;
  }

  template <typename T>
  T Dot(const std::vector<T>& a, const std::vector<T>& b) const {
    if (order == Order::kFma) {
      T sum = 0;
      for (size_t k = 0; k < a.size(); ++k) sum = Round(std::fma(Take(a[k]), Take(b[k]), sum));
      return sum;
    }
    std::vector<T> products(a.size());
    for (size_t k = 0; k < a.size(); ++k) {
      const T product = Take(a[k]) * Take(b[k]);
      products[k] = wide_products ? product : Round(product);
    }
    return Accumulate(std::move(products));
  }
};

}  // namespace moire::faulty

#endif  // MOIRE_TESTS_FAULTY_ARITHMETIC_H_
