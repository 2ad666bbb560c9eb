#include "harness/backends/backend.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/backends/spec.h"
#include "harness/backends/testing/echo_backend.h"
#include "harness/backends/testing/sample_cases.h"

namespace moire {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

const BackendEntry kRegistry[] = {
    {"echo", "gives back its inputs", OpenEcho, ListEcho, InstallEcho}};

std::string ErrorOf(std::string_view spec) {
  const auto opened = OpenConfigurations(spec);
  return opened ? "opened" : opened.error().message;
}

struct SpecRow {
  std::string_view spec, name, target, settings;
};

class SpecTest : public ::testing::TestWithParam<SpecRow> {};

TEST_P(SpecTest, IsTakenApart) {
  const auto parsed = ParseSpec(GetParam().spec, "ort");
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(parsed->name, GetParam().name);
  EXPECT_EQ(parsed->target, GetParam().target);
  EXPECT_EQ(parsed->settings, GetParam().settings);
}

INSTANTIATE_TEST_SUITE_P(
    Forms, SpecTest,
    ::testing::Values(
        SpecRow{"ort", "ort", "", ""}, SpecRow{"ort@1.27.0", "ort", "1.27.0", ""},
        SpecRow{"ort:level=all", "ort", "", "level=all"},
        SpecRow{"ort@1.27.0:level=all,threads=2", "ort", "1.27.0", "level=all,threads=2"},
        SpecRow{"ort@/x/libonnxruntime.so", "ort", "/x/libonnxruntime.so", ""},
        SpecRow{"ort@./lib.so:level=none", "ort", "./lib.so", "level=none"},
        SpecRow{"/x/libonnxruntime.so.1.2", "ort", "/x/libonnxruntime.so.1.2", ""},
        SpecRow{"/x/libonnxruntime.so:level=none", "ort", "/x/libonnxruntime.so", "level=none"},
        SpecRow{"libonnxruntime.so", "ort", "./libonnxruntime.so", ""},
        SpecRow{"/with:colon/and@at/lib.so", "ort", "/with:colon/and@at/lib.so", ""},
        SpecRow{"/with:colon/lib.so:level=all", "ort", "/with:colon/lib.so", "level=all"},
        SpecRow{"ort:level=all,optimized_model=/a:b/c.onnx", "ort", "",
                "level=all,optimized_model=/a:b/c.onnx"},
        SpecRow{"ort@1.27.0:none", "ort", "1.27.0", "none"}));

// The reference knows no setting of its own.
TEST(SpecTest, EveryBackendCanRunTheModelWrittenAgain) {
  const auto opened = OpenConfigurations("reference:resaved=1");
  ASSERT_TRUE(opened) << opened.error().message;
  ASSERT_EQ(opened->size(), 1u);
  Configuration& resaved = *opened->front();
  EXPECT_EQ(resaved.name(), "reference:resaved=1");
  const Observation seen = resaved.Run(testing::FusableCase());
  EXPECT_EQ(seen.configuration, "reference:resaved=1");
  ASSERT_EQ(seen.outcome, Outcome::kOutputs) << seen.reason;
  EXPECT_EQ(seen.outputs[0].tensor, testing::Floats({2, 2}, {4.5, 0, 10.5, 0}));
  for (const char* spec : {"reference:resaved=1,level=all", "reference:level=all,resaved=1"}) {
    EXPECT_THAT(ErrorOf(spec), HasSubstr("no settings"));
  }
}

TEST(SpecTest, MistakesAreNamed) {
  EXPECT_THAT(ErrorOf(""), HasSubstr("no name"));
  EXPECT_THAT(ErrorOf("@1.27.0"), HasSubstr("no name"));
  EXPECT_THAT(ErrorOf("ort@"), HasSubstr("no version or path"));
  EXPECT_THAT(ErrorOf("ort:"), HasSubstr("nothing follows the ':'"));
  EXPECT_THAT(ErrorOf("ort:none"), HasSubstr("'none' is not of the form key=value"));
  EXPECT_THAT(ErrorOf("ort:level=all,level=none"), HasSubstr("given twice"));
  EXPECT_THAT(ErrorOf("ort:=all"), HasSubstr("not of the form"));
}

TEST(BackendTest, UnknownBackendListsThoseThereAre) {
  const auto opened = OpenConfigurations("tensorflow@2");
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(opened.error().message,
              AllOf(HasSubstr("'tensorflow'"), HasSubstr("reference"), HasSubstr("ort")));
}

TEST(BackendTest, EveryRowIsComplete) {
  for (const BackendEntry& entry : BackendRegistry()) {
    EXPECT_FALSE(entry.name.empty());
    EXPECT_FALSE(entry.help.empty());
    EXPECT_NE(entry.open, nullptr);
    ASSERT_NE(entry.list, nullptr);
    for (const BackendInfo& info : entry.list()) EXPECT_EQ(info.name, entry.name);
    ASSERT_NE(entry.install, nullptr);
    EXPECT_FALSE(entry.install("no version")) << entry.name;
  }
}

TEST(BackendTest, EveryOutcomeHasItsOwnName) {
  std::vector<std::string_view> names;
  for (int i = 0; i <= static_cast<int>(Outcome::kOutOfMemory); ++i) {
    names.push_back(Name(static_cast<Outcome>(i)));
  }
  EXPECT_THAT(names, ::testing::ElementsAre("outputs", "rejected", "unsupported", "crashed",
                                            "timed out", "out of memory"));
}

TEST(EchoTest, RunsLikeAnyBackend) {
  auto opened = OpenConfigurationsFrom(kRegistry, "echo");
  ASSERT_TRUE(opened) << opened.error().message;
  ASSERT_EQ(opened->size(), 1u);
  Configuration& echo = *opened->front();
  Case test_case;
  test_case.inputs = {{"a", testing::Floats({2}, {1, 2})}, {"b", Int64Tensor(Shape{7})}};
  Observation seen = echo.Run(test_case);
  EXPECT_EQ(seen.configuration, echo.name());
  EXPECT_EQ(seen.outcome, Outcome::kOutputs);
  EXPECT_EQ(seen.outputs, test_case.inputs);
  EXPECT_EQ(echo.Run({}).outcome, Outcome::kRejected);

  auto reversed = OpenConfigurationsFrom(kRegistry, "echo:reverse=1");
  ASSERT_TRUE(reversed);
  EXPECT_EQ(reversed->front()->Run(test_case).outputs.front().name, "b");
  auto again = OpenConfigurationsFrom(kRegistry, reversed->front()->name());
  ASSERT_TRUE(again);
  EXPECT_EQ(again->front()->name(), reversed->front()->name());
  EXPECT_FALSE(OpenConfigurationsFrom(kRegistry, "echo:upside=1"));
  EXPECT_FALSE(OpenConfigurationsFrom(kRegistry, "echo@1"));
}

}  // namespace
}  // namespace moire
