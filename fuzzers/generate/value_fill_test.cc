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

// Of every type: strings have no bits, complex128 more than a word, uint2 less than a byte.
TEST(Resized, RepeatsTheElementsOfEveryType) {
  Random random(4);
  for (const TypeTraits& traits : AllTypes()) {
    const Tensor tensor = FillTensor(traits.type, {5}, Profile::kModerate, {0, 3}, random);
    const Tensor resized = Resized(tensor, {2, 4}, 2);
    ASSERT_EQ(resized.shape, (Shape{2, 4})) << traits.name;
    for (int64_t i = 0; i < resized.size(); ++i) {
      EXPECT_EQ(ElementToString(resized, i), ElementToString(tensor, (i + 2) % 5)) << traits.name;
    }
    EXPECT_EQ(Resized(tensor, {0}).size(), 0) << traits.name;
  }
}

}  // namespace
}  // namespace moire
