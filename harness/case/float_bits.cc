#include "harness/case/float_bits.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

namespace moire {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

// What the format does with the codes above its largest finite value, and its exponent bias.
struct Layout {
  int mantissa_bits;
  int exponent_bits;
  int bias;
  bool infinity;  // has infinities
  bool fnuz;      // one NaN at the code of negative zero
};

Layout LayoutOf(DataType type) {
  switch (type) {
    case DataType::kFloat16: return {10, 5, 15, true, false};
    case DataType::kBfloat16: return {7, 8, 127, true, false};
    case DataType::kFloat8E4M3FN: return {3, 4, 7, false, false};
    case DataType::kFloat8E4M3FNUZ: return {3, 4, 8, false, true};
    case DataType::kFloat8E5M2: return {2, 5, 15, true, false};
    case DataType::kFloat8E5M2FNUZ: return {2, 5, 16, false, true};
    case DataType::kFloat4E2M1: return {1, 2, 1, false, false};
    default: return {23, 8, 127, true, false};
  }
}

// Exponent of the ulp for the binade of |value|, never below that of the subnormals.
int UlpExponent(const TypeTraits& traits, double value) {
  const int exponent = value == 0 ? traits.min_exponent : std::ilogb(value);
  return std::max(exponent, traits.min_exponent) - (traits.precision - 1);
}

// Nearest multiple of the type's ulp at a finite value, ties to even, without library calls: integer
// arithmetic on the bits of a value that is normal in the type; below, adding and subtracting
// 1.5 * 2^52 subnormals in the default rounding mode.
double RoundSignificand(const TypeTraits& traits, double value) {
  const auto power = [](int exponent) {  // normal doubles only
    return std::bit_cast<double>(static_cast<uint64_t>(exponent + 1023) << 52);
  };
  if (std::abs(value) >= power(traits.min_exponent)) {
    const int dropped = 53 - traits.precision;
    const uint64_t bits = std::bit_cast<uint64_t>(value);
    const uint64_t even = (bits >> dropped) & 1;
    const uint64_t half = uint64_t{1} << (dropped - 1);
    return std::bit_cast<double>((bits + half - 1 + even) & ~(2 * half - 1));
  }
  const double magic = 1.5 * power(52 + traits.min_exponent - (traits.precision - 1));
  return std::copysign((std::abs(value) + magic) - magic, value);
}

}  // namespace

bool HasInfinity(DataType type) {
  switch (type) {
    case DataType::kFloat:
    case DataType::kDouble:
    case DataType::kFloat16:
    case DataType::kBfloat16:
    case DataType::kFloat8E5M2: return true;
    default: return false;
  }
}

double RoundTo(DataType type, double value, bool saturate) {
  if (type == DataType::kDouble || std::isnan(value)) return value;
  if (type == DataType::kFloat) return static_cast<double>(static_cast<float>(value));
  const TypeTraits& traits = Traits(type);
  if (std::isinf(value)) {
    if (HasInfinity(type)) return value;
    return saturate ? std::copysign(traits.max_finite, value) : kNan;
  }
  if (type == DataType::kFloat8E8M0) {
    if (value <= 0) return saturate ? 0x1p-127 : kNan;
    return std::clamp(std::exp2(std::nearbyint(std::log2(value))), 0x1p-127, 0x1p127);
  }
  const double rounded = RoundSignificand(traits, value);
  if (std::abs(rounded) <= traits.max_finite) return rounded;
  if (HasInfinity(type)) return std::copysign(kInfinity, value);
  return saturate ? std::copysign(traits.max_finite, value) : kNan;
}

double RoundDown(DataType type, double value) {
  if (type == DataType::kDouble || std::isnan(value) || std::isinf(value)) return value;
  const TypeTraits& traits = Traits(type);
  if (value > traits.max_finite) return traits.max_finite;
  if (value < -traits.max_finite) return -kInfinity;
  const double ulp = std::ldexp(1.0, UlpExponent(traits, value));
  return std::floor(value / ulp) * ulp;
}

double RoundUp(DataType type, double value) { return -RoundDown(type, -value); }

double Ulp(DataType type, double value) {
  if (std::isnan(value) || std::isinf(value)) return kNan;
  return std::ldexp(1.0, UlpExponent(Traits(type), value));
}

double UnitRoundoff(DataType type) { return std::ldexp(1.0, -Traits(type).precision); }

double SmallestSubnormal(DataType type) {
  const TypeTraits& traits = Traits(type);
  return std::ldexp(1.0, traits.min_exponent - (traits.precision - 1));
}

double SmallestNormal(DataType type) { return std::ldexp(1.0, Traits(type).min_exponent); }

uint64_t EncodeFloat(DataType type, double value) {
  if (type == DataType::kDouble) return std::bit_cast<uint64_t>(value);
  if (type == DataType::kFloat) return std::bit_cast<uint32_t>(static_cast<float>(value));
  if (type == DataType::kFloat8E8M0) {
    if (std::isnan(value)) return 0xff;
    return static_cast<uint64_t>(std::ilogb(RoundTo(type, value)) + 127);
  }
  const Layout layout = LayoutOf(type);
  const int width = 1 + layout.exponent_bits + layout.mantissa_bits;
  const uint64_t sign = std::signbit(value) ? uint64_t{1} << (width - 1) : 0;
  const uint64_t exponent_mask = (uint64_t{1} << layout.exponent_bits) - 1;
  const double rounded = RoundTo(type, value);
  if (std::isnan(rounded)) {
    if (layout.fnuz) return uint64_t{1} << (width - 1);
    if (layout.infinity) {
      return sign | (exponent_mask << layout.mantissa_bits) |
             (uint64_t{1} << (layout.mantissa_bits - 1));
    }
    if (type == DataType::kFloat4E2M1) return sign;  // no NaN: zero
    return sign | ((uint64_t{1} << (width - 1)) - 1);
  }
  if (std::isinf(rounded)) return sign | (exponent_mask << layout.mantissa_bits);
  if (rounded == 0) return layout.fnuz ? 0 : sign;
  const double magnitude = std::abs(rounded);
  const int min_exponent = 1 - layout.bias;
  const int exponent = std::max(std::ilogb(magnitude), min_exponent);
  const auto significand =
      static_cast<uint64_t>(std::ldexp(magnitude, layout.mantissa_bits - exponent));
  const uint64_t hidden = uint64_t{1} << layout.mantissa_bits;
  const uint64_t biased =
      significand < hidden ? 0 : static_cast<uint64_t>(exponent + layout.bias);
  return sign | (biased << layout.mantissa_bits) | (significand & (hidden - 1));
}

double DecodeFloat(DataType type, uint64_t bits) {
  if (type == DataType::kDouble) return std::bit_cast<double>(bits);
  if (type == DataType::kFloat) return std::bit_cast<float>(static_cast<uint32_t>(bits));
  if (type == DataType::kFloat8E8M0) {
    return bits == 0xff ? kNan : std::ldexp(1.0, static_cast<int>(bits) - 127);
  }
  const Layout layout = LayoutOf(type);
  const int width = 1 + layout.exponent_bits + layout.mantissa_bits;
  const bool negative = (bits >> (width - 1)) & 1;
  const uint64_t exponent_mask = (uint64_t{1} << layout.exponent_bits) - 1;
  const uint64_t mantissa_mask = (uint64_t{1} << layout.mantissa_bits) - 1;
  const uint64_t exponent = (bits >> layout.mantissa_bits) & exponent_mask;
  const uint64_t mantissa = bits & mantissa_mask;
  if (layout.fnuz) {
    if (negative && exponent == 0 && mantissa == 0) return kNan;
  } else if (exponent == exponent_mask) {
    if (layout.infinity) return mantissa != 0 ? kNan : (negative ? -kInfinity : kInfinity);
    if (type == DataType::kFloat8E4M3FN && mantissa == mantissa_mask) return kNan;
  }
  const double magnitude =
      exponent == 0
          ? std::ldexp(static_cast<double>(mantissa), 1 - layout.bias - layout.mantissa_bits)
          : std::ldexp(static_cast<double>(mantissa + mantissa_mask + 1),
                       static_cast<int>(exponent) - layout.bias - layout.mantissa_bits);
  return negative ? -magnitude : magnitude;
}

}  // namespace moire
