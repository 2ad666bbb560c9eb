#include "fuzzers/values/assessment.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "oracles/reference/decidable.h"

namespace moire {

double Assessment::Badness() const {
  if (!evaluated) return std::numeric_limits<double>::infinity();
  return static_cast<double>(not_finite + undecided) /
         static_cast<double>(std::max<int64_t>(elements, 1));
}

int64_t CountNotFinite(const RangeTensor& value) {
  int64_t count = std::ranges::count_if(value.value, [](double x) { return !std::isfinite(x); });
  for (const RangeTensor& part : value.parts) count += CountNotFinite(part);
  return count;
}

Assessment Assess(const ReferenceResult& result) {
  Assessment out;
  out.evaluated = result.status == ReferenceStatus::kEvaluated;
  for (const RangeTensor& output : result.outputs) {
    const Decided decided = CountDecided(output);
    out.elements += decided.elements;
    out.undecided += decided.elements - decided.decidable;
    out.not_finite += CountNotFinite(output);
  }
  return out;
}

}  // namespace moire
