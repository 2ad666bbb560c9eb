#include "oracles/same_observation.h"

#include <cmath>

#include "oracles/error_class.h"

namespace moire {
namespace {

bool SameTensor(const Tensor& a, const Tensor& b) {
  if (a == b) return true;
  if (a.type != b.type || a.shape != b.shape || !IsFloat(a.type)) return false;
  for (int64_t i = 0; i < a.size(); ++i) {
    const double x = GetFloat(a, i);
    const double y = GetFloat(b, i);
    const bool same = std::isnan(x) ? std::isnan(y) : x == y && std::signbit(x) == std::signbit(y);
    if (!same) return false;
  }
  return true;
}

}  // namespace

std::string DifferenceOf(const Observation& a, const Observation& b) {
  if (a.outcome != b.outcome) return "one run ends with outputs or an error, the other does not";
  if (a.outcome != Outcome::kOutputs) {
    if (MessageClass(a.reason) == MessageClass(b.reason)) return {};
    return fmt::format("one run says '{}', the other '{}'", a.reason, b.reason);
  }
  if (a.outputs.size() != b.outputs.size()) return "the numbers of outputs differ";
  for (size_t i = 0; i < a.outputs.size(); ++i) {
    if (!SameTensor(a.outputs[i].tensor, b.outputs[i].tensor)) {
      return fmt::format("output {} differs between two runs", i);
    }
  }
  if (a.later.size() != b.later.size()) return "the numbers of runs differ";
  for (size_t run = 0; run < a.later.size(); ++run) {
    const std::string difference = DifferenceOf(a.later[run], b.later[run]);
    if (!difference.empty()) return fmt::format("run {}: {}", run + 1, difference);
  }
  return {};
}

}  // namespace moire
