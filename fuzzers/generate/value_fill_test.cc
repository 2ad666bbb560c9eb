#include "fuzzers/generate/value_fill.h"

#include <gtest/gtest.h>

#include <cmath>

namespace moire {
namespace {

TEST(FillTensor, StaysInRange) {
  Random random(1);
  for (const TypeTraits& traits : AllTypes()) {
    if (!IsFloat(traits.type) && !IsExact(traits.type)) continue;
    if (traits.bits < 16 && IsFloat(traits.type)) continue;
    const Range range = IsBool(traits.type) ? Range{0, 1} : Range{1, 5};
    for (const Profile profile :
         {Profile::kSmallIntegers, Profile::kModerate, Profile::kConstant, Profile::kRepeated}) {
      if (traits.bits < 8) continue;
      const Tensor tensor = FillTensor(traits.type, {3, 5}, profile, range, random);
      const Range seen = MeasureRange(tensor);
      EXPECT_GE(seen.lo, range.lo) << traits.name;
      EXPECT_LE(seen.hi, range.hi) << traits.name;
    }
  }
}

TEST(FillTensor, EdgeValuesAreThere) {
  Random random(2);
  const Tensor tensor = FillTensor(DataType::kFloat, {4096}, Profile::kEdge,
                                   ProfileRange(Profile::kEdge, DataType::kFloat), random);
  int nan = 0, infinite = 0, subnormal = 0, negative_zero = 0;
  for (const float value : tensor.As<float>()) {
    nan += std::isnan(value);
    infinite += std::isinf(value);
    subnormal += std::fpclassify(value) == FP_SUBNORMAL;
    negative_zero += value == 0 && std::signbit(value);
  }
  EXPECT_GT(nan, 0);
  EXPECT_GT(infinite, 0);
  EXPECT_GT(subnormal, 0);
  EXPECT_GT(negative_zero, 0);
}

TEST(FillTensor, IsDeterministic) {
  Random a(3), b(3);
  EXPECT_EQ(FillTensor(DataType::kFloat16, {50}, Profile::kModerate, {-1, 1}, a),
            FillTensor(DataType::kFloat16, {50}, Profile::kModerate, {-1, 1}, b));
}

}  // namespace
}  // namespace moire
