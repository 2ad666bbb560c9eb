// All outputs of one product together: a shift that is too small to leave the range of any single
// output shows in their mean square. The rule, its derivation and its chance of a false alarm
// (below 1e-12 for a pool, under its model of rounding): oracles/reference/pooled.h. Part of the
// differential oracle.
#ifndef MOIRE_ORACLES_POOLED_H_
#define MOIRE_ORACLES_POOLED_H_

#include <map>
#include <optional>
#include <string>

#include "oracles/oracle.h"

namespace moire {

struct PooledFault {
  int output = -1;      // index of the graph output
  double severity = 0;  // PooledJudge::Measure
  std::string reason;
};

// Judges graph outputs that a MatMul, Gemm, Conv or ConvTranspose makes, with at least kLeast
// decided elements that each sum at least kTerms products, all within their ranges. The pooled rule
// is evaluated only where the errors are a fair share of the ranges, and once for all observations.
class PooledJudge {
 public:
  static constexpr int64_t kLeast = 64;  // elements
  // Fewer products: the single outputs' rule is about as narrow as the pooled one.
  static constexpr int64_t kTerms = 32;

  // The evidence, with its reference, must outlive this.
  explicit PooledJudge(const Evidence& evidence) : evidence_(evidence) {}
  // The first output that is off. The observation's outputs must match the reference's in type and
  // shape.
  std::optional<PooledFault> Judge(const Observation& seen);

  // Whether an output is one that is pooled.
  bool Applies(const Observation& seen, size_t output) const;
  // Root mean square of an output's errors in units of what the rule allows: a fault above 1.
  // Nothing where the rule cannot tell. For outputs that it applies to; without the first look.
  std::optional<double> Measure(const Observation& seen, size_t output);

 private:
  const RangeTensor* Narrow(size_t output);  // by the pooled rule; null: not known

  const Evidence& evidence_;
  std::map<size_t, std::optional<RangeTensor>> narrow_;
};

}  // namespace moire

#endif  // MOIRE_ORACLES_POOLED_H_
