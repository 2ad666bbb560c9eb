#include "oracles/pooled.h"

#include <algorithm>
#include <cmath>

#include "harness/case/float_bits.h"
#include "oracles/reference/pooled.h"

namespace moire {
namespace {

// The pooled rule is looked at where the errors' root mean square is above this share of the
// ranges' half-widths. Roundings of 32 and more products stay at a hundredth.
constexpr double kWorthALook = 1.0 / 8;

struct Squares {
  int64_t elements = 0;
  double errors = 0, allowed = 0;
};

// Of the elements that are decided in `legal`, inside finite ranges of `rule`: the squares of their
// distances from the centre and of the half-widths, each with half a unit for the last rounding.
Squares Sum(const RangeTensor& legal, const RangeTensor& rule, const Tensor& actual) {
  Squares out;
  for (int64_t i = 0; i < legal.size(); ++i) {
    const auto k = static_cast<size_t>(i);
    if (legal.MarkAt(k) != kDecided || rule.MarkAt(k) != kDecided) continue;
    const double y = GetFloat(actual, i);
    const double lo = rule.Lo()[k], hi = rule.Hi()[k];
    if (!std::isfinite(y) || !std::isfinite(lo) || !std::isfinite(hi)) continue;
    const double error = y - (lo + (hi - lo) / 2);
    const double allowed = (hi - lo) / 2 + Ulp(legal.type, y) / 2;
    ++out.elements;
    out.errors += error * error;
    out.allowed += allowed * allowed;
  }
  return out;
}

}  // namespace

const RangeTensor* PooledJudge::Narrow(size_t output) {
  const auto [slot, first] = narrow_.try_emplace(output);
  if (first) {
    const Node* node = PooledProduct(*evidence_.model, evidence_.model->graph.outputs[output].name);
    auto range = EvaluatePooled(*evidence_.model, evidence_.test_case.inputs, *node);
    const RangeTensor& usual = evidence_.reference->outputs[output];
    if (range && range->opaque == Opaque::kNo && range->shape == usual.shape) {
      slot->second = std::move(*range);
    }
  }
  return slot->second ? &*slot->second : nullptr;
}

std::optional<PooledFault> PooledJudge::Judge(const Observation& seen) {
  if (evidence_.model == nullptr) return std::nullopt;
  const auto& expected = evidence_.reference->outputs;
  for (size_t i = 0; i < expected.size(); ++i) {
    const RangeTensor& usual = expected[i];
    const Tensor& actual = seen.outputs[i].tensor;
    if (usual.opaque != Opaque::kNo || usual.sum_terms < kTerms || usual.size() < kLeast ||
        !IsFloat(usual.type) || actual.type != usual.type ||
        i >= evidence_.model->graph.outputs.size() ||
        PooledProduct(*evidence_.model, evidence_.model->graph.outputs[i].name) == nullptr) {
      continue;
    }
    const Squares first = Sum(usual, usual, actual);
    if (first.elements < kLeast || first.errors <= kWorthALook * kWorthALook * first.allowed) {
      continue;
    }
    const RangeTensor* narrow = Narrow(i);
    if (narrow == nullptr) continue;
    const Squares pool = Sum(usual, *narrow, actual);
    if (pool.elements < kLeast || pool.errors <= 2 * pool.allowed) continue;
    const auto count = static_cast<double>(pool.elements);
    return PooledFault{
        .output = static_cast<int>(i),
        .severity = std::sqrt(pool.errors / (2 * pool.allowed)),
        .reason = fmt::format(
            "output {} ({} {}): {} elements within their ranges are off by {:.3g} "
            "together (root mean square), sums of {} products by at most {:.3g}",
            i, Name(usual.type), ToString(usual.shape), pool.elements,
            std::sqrt(pool.errors / count), usual.sum_terms, std::sqrt(2 * pool.allowed / count))};
  }
  return std::nullopt;
}

}  // namespace moire
