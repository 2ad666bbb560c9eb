// `moire bits` on simulated backends, small counts; moire_planted --bits measures with the full
// ones. And the stress cases on the clean twin.
#include "tests/faulty/precision.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>

#include "tests/faulty/fault_sizes.h"
#include "tests/faulty/stress.h"

namespace moire::faulty {
namespace {

TEST(Precision, SimulatedBackendsAreToldApart) {
  const PrecisionReport report = RunPrecision({.backends = 20, .lengths = {24, 128}});
  for (const std::string& wrong : report.wrong) ADD_FAILURE() << wrong;
  EXPECT_EQ(report.right, 20);
  EXPECT_EQ(report.kinds.size(), 4U);
  EXPECT_EQ(report.orders.size(), 5U);
}

// Sums in bfloat16 are none of the four kinds, and must not be taken for one.
TEST(Precision, AnotherPrecisionIsOther) {
  FaultySettings settings;
  settings.arithmetic = Arithmetic{.step = DataType::kBfloat16};
  FaultyConfiguration configuration(settings);
  EXPECT_EQ(EstimateBitsOf("MatMul", configuration, {}).precision, Precision::kOther);
}

// A backend that is exact on single factors and not on dense data contradicts itself.
TEST(Precision, AContradictionIsUndetermined) {
  class Mixed : public Configuration {
   public:
    Mixed() {
      FaultySettings settings;
      settings.arithmetic = Arithmetic{.factor_bits = 8};
      narrow_ = std::make_unique<FaultyConfiguration>(settings);
      settings.arithmetic = Arithmetic{};
      wide_ = std::make_unique<FaultyConfiguration>(settings);
    }
    const std::string& name() const override { return wide_->name(); }
    Observation Run(const Case& test_case) override {
      const auto factors = test_case.inputs[0].tensor.As<float>();
      const auto zeros = std::ranges::count(factors, 0.0F);
      return (zeros == 0 ? narrow_ : wide_)->Run(test_case);
    }

   private:
    std::unique_ptr<FaultyConfiguration> narrow_, wide_;
  };
  Mixed mixed;
  const OperatorBits bits = EstimateBitsOf("MatMul", mixed, {});
  EXPECT_EQ(bits.precision, Precision::kUndetermined);
  EXPECT_FALSE(bits.lengths.at(0).why.empty());
}

TEST(Precision, WhatIsNotImplementedIsAProblem) {
  FaultyConfiguration configuration({});
  EXPECT_FALSE(EstimateBitsOf("RNN", configuration, {}).problem.empty());
}

TEST(FaultSizes, AreCaught) {
  for (const FaultSize& size : RunFaultSizes(40, 1)) {
    SCOPED_TRACE(size.fault);
    EXPECT_EQ(size.alarms, 0);
    EXPECT_GE(size.trials, 40);
    // One term: nine in ten and more. Everything else: always.
    EXPECT_GE(size.caught,
              size.fault.starts_with("one term") ? size.trials * 85 / 100 : size.trials);
  }
}

TEST(Stress, TheCleanTwinRaisesNoAlarm) {
  const auto report = RunStress({.cases = 150, .backend = {}, .save = {}});
  ASSERT_TRUE(report) << report.error().message;
  for (const std::string& alarm : report->alarms) ADD_FAILURE() << alarm;
  EXPECT_EQ(report->judged, 150);
  EXPECT_EQ(report->families.size(), 3U);
  EXPECT_GE(report->data.size(), 15U);
}

}  // namespace
}  // namespace moire::faulty
