#include "harness/backends/reference/reference_backend.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/backends/testing/sample_cases.h"

namespace moire {
namespace {

using ::testing::HasSubstr;

std::unique_ptr<Configuration> Open() {
  auto opened = OpenConfigurations("reference");
  return opened && opened->size() == 1 ? std::move(opened->front()) : nullptr;
}

TEST(ReferenceBackendTest, GivesNominalResults) {
  const auto reference = Open();
  ASSERT_NE(reference, nullptr);
  const Observation seen = reference->Run(testing::FusableCase());
  ASSERT_EQ(seen.outcome, Outcome::kOutputs) << seen.reason;
  EXPECT_EQ(seen.configuration, "reference");
  ASSERT_EQ(seen.outputs.size(), 1u);
  EXPECT_EQ(seen.outputs[0].name, "y");
  EXPECT_EQ(seen.outputs[0].tensor, testing::Floats({2, 2}, {4.5, 0, 10.5, 0}));
}

TEST(ReferenceBackendTest, SaysWhyThereIsNoResult) {
  const auto reference = Open();
  ASSERT_NE(reference, nullptr);
  const std::vector<NamedTensor> inputs = {{"x", testing::Floats({2}, {1, 2})}};
  Observation seen = reference->Run(testing::OneNode("Frobnicate", inputs, DataType::kFloat));
  EXPECT_EQ(seen.outcome, Outcome::kUnsupported);
  EXPECT_THAT(seen.reason, HasSubstr("Frobnicate"));
  Case broken = testing::FusableCase();
  broken.model = "not a model";
  seen = reference->Run(broken);
  EXPECT_EQ(seen.outcome, Outcome::kRejected);
  EXPECT_EQ(seen.stage, "load");
  Case missing = testing::FusableCase();
  missing.inputs.clear();
  seen = reference->Run(missing);
  EXPECT_EQ(seen.outcome, Outcome::kRejected);
  EXPECT_EQ(seen.stage, "run");
}

TEST(ReferenceBackendTest, TakesNoVersionAndNoSettings) {
  EXPECT_FALSE(OpenConfigurations("reference@1"));
  EXPECT_FALSE(OpenConfigurations("reference:level=all"));
  EXPECT_FALSE(InstallReference("1"));
}

}  // namespace
}  // namespace moire
