#include "harness/case/float_bits.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "harness/case/random.h"

namespace moire {
namespace {

constexpr DataType kSmall[] = {DataType::kFloat16,       DataType::kBfloat16,
                               DataType::kFloat8E4M3FN,  DataType::kFloat8E4M3FNUZ,
                               DataType::kFloat8E5M2,    DataType::kFloat8E5M2FNUZ,
                               DataType::kFloat4E2M1,    DataType::kFloat8E8M0};

TEST(FloatBits, EveryCodeSurvivesDecodeAndEncode) {
  for (const DataType type : kSmall) {
    const uint64_t codes = uint64_t{1} << Traits(type).bits;
    for (uint64_t code = 0; code < codes; ++code) {
      const double value = DecodeFloat(type, code);
      if (std::isnan(value)) {
        EXPECT_TRUE(std::isnan(DecodeFloat(type, EncodeFloat(type, value))));
      } else {
        EXPECT_EQ(EncodeFloat(type, value), code) << Name(type) << " " << value;
        EXPECT_EQ(RoundTo(type, value), value) << Name(type);
      }
    }
  }
}

// The largest code is the table's largest finite value.
TEST(FloatBits, LargestFiniteValueIsTheTables) {
  for (const DataType type : kSmall) {
    double largest = 0;
    for (uint64_t code = 0; code < uint64_t{1} << Traits(type).bits; ++code) {
      const double value = DecodeFloat(type, code);
      if (std::isfinite(value)) largest = std::max(largest, value);
    }
    EXPECT_EQ(largest, Traits(type).max_finite) << Name(type);
  }
}

#ifdef __FLT16_MANT_DIG__
TEST(FloatBits, Float16AgreesWithTheCompiler) {
  Random random(1);
  for (int i = 0; i < 200'000; ++i) {
    const double value = std::ldexp(random.Unit() * 2 - 1, static_cast<int>(random.Below(50)) - 30);
    const auto expected = static_cast<_Float16>(value);
    uint16_t bits = 0;
    std::memcpy(&bits, &expected, 2);
    EXPECT_EQ(EncodeFloat(DataType::kFloat16, value), bits) << value;
  }
}
#endif

TEST(FloatBits, RoundingTiesGoToEvenAndOverflowToInfinity) {
  EXPECT_EQ(RoundTo(DataType::kFloat16, 65519.99), 65504.0);
  EXPECT_TRUE(std::isinf(RoundTo(DataType::kFloat16, 65520.0)));
  EXPECT_EQ(RoundTo(DataType::kBfloat16, 1.00390625), 1.0);      // tie, to even
  EXPECT_EQ(RoundTo(DataType::kBfloat16, 1.01171875), 1.015625);  // tie, to even
  EXPECT_EQ(RoundTo(DataType::kFloat8E4M3FN, 1e9), 448.0);
  EXPECT_TRUE(std::isnan(RoundTo(DataType::kFloat8E4M3FN, 1e9, /*saturate=*/false)));
}

TEST(FloatBits, DirectedRoundingBracketsTheValue) {
  Random random(2);
  for (const DataType type : {DataType::kFloat, DataType::kFloat16, DataType::kBfloat16}) {
    for (int i = 0; i < 20'000; ++i) {
      const double value = std::ldexp(random.Unit() - 0.5, static_cast<int>(random.Below(55)) - 40);
      const double down = RoundDown(type, value);
      const double up = RoundUp(type, value);
      EXPECT_LE(down, value);
      EXPECT_GE(up, value);
      EXPECT_LE(up - down, Ulp(type, value));
      EXPECT_EQ(RoundTo(type, down), down);
      EXPECT_EQ(RoundTo(type, up), up);
    }
  }
}

}  // namespace
}  // namespace moire
