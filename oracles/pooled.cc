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

bool PooledJudge::Applies(const Observation& seen, size_t output) const {
  if (evidence_.model == nullptr || output >= seen.outputs.size() ||
      output >= evidence_.model->graph.outputs.size()) {
    return false;
  }
  const RangeTensor& usual = evidence_.reference->outputs[output];
  return usual.opaque == Opaque::kNo && usual.sum_terms >= kTerms && usual.size() >= kLeast &&
         IsFloat(usual.type) && seen.outputs[output].tensor.type == usual.type &&
         PooledProduct(*evidence_.model, evidence_.model->graph.outputs[output].name) != nullptr;
}

std::optional<double> PooledJudge::Measure(const Observation& seen, size_t output) {
  const RangeTensor* narrow = Narrow(output);
  if (narrow == nullptr) return std::nullopt;
  const Squares pool =
      Sum(evidence_.reference->outputs[output], *narrow, seen.outputs[output].tensor);
  if (pool.elements < kLeast) return std::nullopt;
  return pool.errors == 0 ? 0 : std::sqrt(pool.errors / (2 * pool.allowed));
}

std::optional<PooledFault> PooledJudge::Judge(const Observation& seen) {
  const auto& expected = evidence_.reference->outputs;
  for (size_t i = 0; i < expected.size(); ++i) {
    if (!Applies(seen, i)) continue;
    const RangeTensor& usual = expected[i];
    const Squares first = Sum(usual, usual, seen.outputs[i].tensor);
    if (first.elements < kLeast || first.errors <= kWorthALook * kWorthALook * first.allowed) {
      continue;
    }
    const std::optional<double> share = Measure(seen, i);
    if (!share || *share <= 1) continue;
    const double off = std::sqrt(first.errors / static_cast<double>(first.elements));
    return PooledFault{
        .output = static_cast<int>(i),
        .severity = *share,
        .reason =
            fmt::format("output {} ({} {}): {} elements within their ranges are off by {:.3g} "
                        "together (root mean square), {:.3g} times what sums of {} products allow",
                        i, Name(usual.type), ToString(usual.shape), first.elements, off, *share,
                        usual.sum_terms)};
  }
  return std::nullopt;
}

}  // namespace moire
