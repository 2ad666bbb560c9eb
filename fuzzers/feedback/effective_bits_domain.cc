// Feedback domain: how many effective bits two configurations' results are apart, by the operator
// that made the output and its element type. A fuzzer that is rewarded for every further bit climbs
// towards inputs where rounding, reassociation or a wrong kernel shows most.
#include <algorithm>
#include <bit>
#include <cmath>

#include "fuzzers/feedback/waypoint_registry.h"
#include "harness/case/random.h"

namespace moire {
namespace {

// Tracks the largest difference in units of the larger magnitude.
class FloatGap {
 public:
  explicit FloatGap(const TypeTraits& traits)
      : precision_(traits.precision), smallest_(std::ldexp(1.0, traits.min_exponent)) {}

  void Add(double a, double b) {
    if (a == b) return;
    if (!std::isfinite(a) || !std::isfinite(b)) {
      incomparable_ |= std::isnan(a) != std::isnan(b) || !std::isnan(a);
      return;
    }
    // Halves: the difference of two large numbers must not overflow.
    const double difference = std::fabs(a / 2 - b / 2);
    const double scale = std::max({std::fabs(a), std::fabs(b), smallest_});
    largest_ = std::max(largest_, difference / scale * 2);
    differ_ = true;
  }
  uint32_t bits() const {
    if (incomparable_) return kIncomparable;
    if (!differ_) return 0;
    // One unit in the last place of 1.0 is 2^(1 - precision): one bit.
    const double lost = std::ceil(std::log2(largest_)) + precision_;
    return static_cast<uint32_t>(std::clamp(lost, 1.0, static_cast<double>(precision_)));
  }

 private:
  int precision_;
  double smallest_;
  double largest_ = 0;
  bool differ_ = false;
  bool incomparable_ = false;
};

template <typename T>
uint32_t FloatBits(const TypeTraits& traits, const Tensor& first, const Tensor& second) {
  FloatGap gap(traits);
  const auto a = first.As<T>();
  const auto b = second.As<T>();
  for (size_t i = 0; i < a.size(); ++i) {
    if (a[i] != b[i]) gap.Add(a[i], b[i]);
  }
  return gap.bits();
}

uint32_t SlowFloatBits(const TypeTraits& traits, const Tensor& first, const Tensor& second) {
  FloatGap gap(traits);
  for (int64_t i = 0; i < first.size(); ++i) gap.Add(GetFloat(first, i), GetFloat(second, i));
  return gap.bits();
}

uint32_t IntBits(bool is_unsigned, const Tensor& first, const Tensor& second) {
  uint64_t largest = 0;
  for (int64_t i = 0; i < first.size(); ++i) {
    const int64_t a = GetInt(first, i);
    const int64_t b = GetInt(second, i);
    const bool less = is_unsigned ? static_cast<uint64_t>(a) < static_cast<uint64_t>(b) : a < b;
    const auto up = static_cast<uint64_t>(b) - static_cast<uint64_t>(a);
    largest = std::max(largest, less ? up : -up);
  }
  return static_cast<uint32_t>(std::bit_width(largest));
}

class EffectiveBits : public FeedbackDomain {
 public:
  std::string_view name() const override { return "effective-bits"; }
  uint32_t keys() const override { return 512; }
  // Bits 1 to 31, and "incomparable" together with everything above.
  uint32_t levels() const override { return 32; }
  void Observe(const RunFacts& facts, const Lamps& lamps) const override {
    for (const ResultPair& pair : facts.results) {
      if (pair.op.empty()) continue;
      const uint32_t gap = EffectiveBitGap(*pair.first, *pair.second);
      if (gap == 0) continue;
      lamps.Light(
          HashBytes(pair.op.data(), pair.op.size(), Mix64(static_cast<uint64_t>(pair.first->type))),
          gap - 1);
    }
  }
};

}  // namespace

uint32_t EffectiveBitGap(const Tensor& first, const Tensor& second) {
  if (first.type != second.type || first.shape != second.shape) return kIncomparable;
  if (first.data == second.data && first.strings == second.strings) return 0;
  const TypeTraits& traits = Traits(first.type);
  switch (traits.kind) {
    case TypeClass::kFloat:
      if (first.type == DataType::kFloat) return FloatBits<float>(traits, first, second);
      if (first.type == DataType::kDouble) return FloatBits<double>(traits, first, second);
      return SlowFloatBits(traits, first, second);
    case TypeClass::kSigned:
    case TypeClass::kUnsigned:
    case TypeClass::kBool:
      return IntBits(traits.kind == TypeClass::kUnsigned, first, second);
    default:
      return kIncomparable;
  }
}

const FeedbackDomain& EffectiveBitsDomain() {
  static const EffectiveBits domain;
  return domain;
}

}  // namespace moire
