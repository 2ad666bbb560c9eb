// How far a correct implementation may be from the exact result: the accuracy table, one for all
// backends, and the bound for sums. A row is never loosened to silence a finding; `moire calibrate`
// reports where a backend leaves the table and never writes it.
#ifndef MOIRE_ORACLES_REFERENCE_ACCURACY_H_
#define MOIRE_ORACLES_REFERENCE_ACCURACY_H_

#include <span>
#include <string_view>

#include "harness/case/data_type.h"
#include "oracles/reference/range_tensor.h"

namespace moire {

// |y - f(x)| <= ulps * ulp(f(x)) + scale_ulps * u * scale, where u is the unit roundoff of the
// type that is computed in and scale the size of the formula's intermediates.
struct Accuracy {
  std::string_view function;  // operator name
  DataType type;              // kUndefined: every float type without a row of its own
  double ulps;                // a, in ulps of the result in the computing type
  double scale_ulps;          // b, in units of u * scale
  std::string_view reason;
};

std::span<const Accuracy> AccuracyTable();
// The row for an operator and type; aborts when the operator has no row (a kernel's mistake).
const Accuracy& FindAccuracy(std::string_view function, DataType type);

// The row's allowance at a result y of the computing type; 0 at infinities and NaN.
double ErrorBound(DataType type, double y, const Accuracy& row, double scale);

// Widens element i of `out` by its row; `scale` is the magnitude of the intermediates (0 for none).
// float16 and bfloat16 are commonly computed in float32 and rounded once, or in their own type: the
// row is applied in units of the declared type either way. Call before Round().
void Widen(RangeTensor& out, size_t i, const Accuracy& row, double scale);

// Half-width of the range of a sum of products sum(a[k] * b[k]) (b null: sum(a[k])) that is
// accumulated in `accumulation` in any order, by the rule of DESIGN 3.6: the larger of
// 4 * sqrt(n) * u * sum|a||b| and twice the largest deviation seen on these terms in that type
// (forward, reverse, 4, 8 and 16 lanes, pairwise, and prefixes scaled to the whole: where data
// repeats, equal roundings add up), never more than n * u * sum|a||b|, plus n smallest subnormals.
// 0 where every order is exact (integers below 2^precision in sum|a||b|).
// a and b are n values with strides. Sets *exact to the sum in extended precision. Sets *overflow
// when some partial sum can leave the type's range in some order (sum of positive or of negative
// products above max_finite): the element is undecidable then.
double SumBound(const double* a, int64_t a_stride, const double* b, int64_t b_stride, int64_t n,
                DataType accumulation, double* exact, bool* overflow);

}  // namespace moire

#endif  // MOIRE_ORACLES_REFERENCE_ACCURACY_H_
