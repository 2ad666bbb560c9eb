// The pooled rule: how far many outputs of one product may be off together. A single output of a
// sum of n products gets the rule of SumBound (accuracy.h), which holds for every output of every
// case and is wide for it: 4 sqrt(n) u sum|a||b|. A fault that shifts all outputs of a MatMul or
// Conv a little stays below it in each of them and stands out in their mean square.
//
// Model of one output. Its error is x = sum of s_k * d_k over the additions (and products) made:
// s_k the partial sum (or product), d_k its relative rounding, |d_k| <= u, of mean 0 whatever came
// before (rounding to nearest; Higham and Mary, "A New Approach to Probabilistic Rounding Error
// Analysis", SIAM J. Sci. Comput. 41, 2019, model 4.7). Azuma's inequality with |s_k d_k| <= u
// |s_k| makes x sub-Gaussian with t = u * sqrt(sum of s_k^2). The partial sums depend on the order;
// t takes the largest root over forward, reverse, 4 to 64 strided lanes and pairwise order. Where
// roundings do not scatter (repeated data), the deviation that those orders really show on these
// terms replaces it:
//   t = max(u * sqrt(max over orders of sum s_k^2 + sum of (a b)^2), deviation)
// On top comes what is no rounding of the sum: f, the ranges of the inputs and the folded scales of
// sums.h, counted with their worst case. So |error| <= |x| + f.
//
// Pool of N outputs, half-widths h = L * t + f, w = h^2 / sum(h^2). Since (x + f) / h <= max(x / (L
// t), 1),
//   sum(error^2) / sum(h^2) <= 1 + (sum of w * (x/t)^2) / L^2.
// For a sub-Gaussian y of proxy 1, E exp(c y^2) <= 1 / sqrt(1 - 2c) for c < 1/2, and by convexity
// the same holds for sum(w * y^2), however the outputs depend on each other. With c = (1 - 1/L^2) /
// 2:
//   P(sum(error^2) > 2 sum(h^2)) <= P(sum(w y^2) > L^2) <= L exp(-(L^2 - 1) / 2)
// and L = 8 gives 1.7e-13 for a pool. The test on mean squares needs no independent outputs to be
// free of false alarms; 64 of them are asked for so that it says something the single outputs do
// not.
#ifndef MOIRE_ORACLES_REFERENCE_POOLED_H_
#define MOIRE_ORACLES_REFERENCE_POOLED_H_

#include <span>
#include <string_view>

#include "harness/case/model.h"
#include "oracles/reference/range_tensor.h"

namespace moire {

inline constexpr double kPooledFactor = 8;  // L

// While one lives, SumOfProducts on this thread uses L * t + f in place of its usual half-width,
// never more than that. For EvaluatePooled and its tests.
class PooledRule {
 public:
  PooledRule();
  ~PooledRule();
  PooledRule(const PooledRule&) = delete;
  PooledRule& operator=(const PooledRule&) = delete;
};
bool PooledRuleHolds();

// t of n contiguous products a[k] * b[k] accumulated in `type`.
double PooledSpread(DataType type, const double* a, const double* b, int64_t n);

// The node of the main graph that makes the graph output `output`, where it is a MatMul, Gemm, Conv
// or ConvTranspose of float type; null otherwise.
const Node* PooledProduct(const Model& model, std::string_view output);

// What `node` gives, its own sums by the pooled rule, its inputs as Evaluate has them: element i
// has the centre (lo + hi) / 2 and the half-width h = (hi - lo) / 2. Not rounded to legal results:
// a runtime's element is compared with the centre. kUnsupported, kUndecidable where Evaluate cannot
// tell either.
Result<RangeTensor> EvaluatePooled(const Model& model, std::span<const NamedTensor> inputs,
                                   const Node& node);

}  // namespace moire

#endif  // MOIRE_ORACLES_REFERENCE_POOLED_H_
