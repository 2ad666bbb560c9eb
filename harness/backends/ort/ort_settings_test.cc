#include "harness/backends/ort/ort_settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/backends/ort/ort_errors.h"

namespace moire {
namespace {

using ::testing::HasSubstr;

std::vector<std::string> Written(std::string_view settings) {
  const auto parsed = ParseOrtSettings(settings);
  if (!parsed) return {"error: " + parsed.error().message};
  std::vector<std::string> written;
  for (const OrtSettings& one : *parsed) written.push_back(ToString(one));
  return written;
}

TEST(OrtSettingsTest, NoSettingsAreEveryLevel) {
  EXPECT_THAT(Written(""),
              ::testing::ElementsAre("level=none", "level=basic", "level=extended", "level=all"));
  EXPECT_THAT(Written("threads=2"),
              ::testing::ElementsAre("level=none,threads=2", "level=basic,threads=2",
                                     "level=extended,threads=2", "level=all,threads=2"));
  EXPECT_THAT(Written("level=none+all"), ::testing::ElementsAre("level=none", "level=all"));
}

TEST(OrtSettingsTest, CanonicalFormIsAFixedPoint) {
  const std::string all =
      "level=extended,threads=3,mode=parallel,disable=A+B,log=1,optimized_model=/x/y.onnx,"
      "denormals_zero=1,arena=1";
  EXPECT_THAT(Written(all), ::testing::ElementsAre(all));
  EXPECT_THAT(Written("arena=1,log=1,disable=A,level=all"),
              ::testing::ElementsAre("level=all,disable=A,log=1,arena=1"));
  EXPECT_THAT(Written("level=all,threads=1,mode=sequential,log=0,denormals_zero=0,arena=0"),
              ::testing::ElementsAre("level=all"));
}

TEST(OrtSettingsTest, MistakesAreNamed) {
  const std::pair<std::string_view, std::string_view> rows[] = {
      {"lvl=all",
       "the settings are: level, threads, mode, disable, log, optimized_model, "
       "denormals_zero, arena"},
      {"level=max", "the levels are: none, basic, extended, all"},
      {"level=", "there is no level ''"},
      {"level=all+all", "given twice"},
      {"threads=0", "from 1 to"},
      {"threads=two", "from 1 to"},
      {"threads=2x", "from 1 to"},
      {"threads=99999999999", "from 1 to"},
      {"mode=fast", "sequential or parallel"},
      {"disable=A++B", "empty name"},
      {"disable=", "empty name"},
      {"log=yes", "setting log: 'yes' is neither 0 nor 1"},
      {"optimized_model=", "needs a file name"},
      {"optimized_model=/tmp/x", "needs one level"},
  };
  for (const auto& [settings, message] : rows) {
    const auto parsed = ParseOrtSettings(settings);
    ASSERT_FALSE(parsed) << settings;
    EXPECT_EQ(parsed.error().code, ErrorCode::kInvalidInput);
    EXPECT_THAT(parsed.error().message, HasSubstr(message));
  }
}

TEST(OrtErrorsTest, OnlyTheRuntimesOwnWordsAreUnsupported) {
  const std::tuple<OrtErrorCode, std::string, Outcome> rows[] = {
      {ORT_NOT_IMPLEMENTED, "anything", Outcome::kUnsupported},
      {ORT_FAIL, "Fatal error: Frobnicate is not a registered function/op", Outcome::kUnsupported},
      {ORT_FAIL, "Unsupported model IR version: 14, max supported IR version: 13",
       Outcome::kUnsupported},
      {ORT_FAIL,
       "... guarantees* support for models stamped with official released onnx opset versions. "
       "Opset "
       "29 is under development and support for this is limited.",
       Outcome::kUnsupported},
      {ORT_RUNTIME_EXCEPTION, "Batchwise recurrent operations (layout == 1) are not supported.",
       Outcome::kUnsupported},
      {ORT_FAIL,
       "Exception during loading: MLDataType for: tensor(complex64) is not currently "
       "registered or supported",
       Outcome::kUnsupported},
      {ORT_RUNTIME_EXCEPTION, "std::bad_alloc", Outcome::kOutOfMemory},
      // A refusal that may be a bug must stay a refusal.
      {ORT_INVALID_GRAPH, "This is an invalid model. Error: Duplicate definition of name (x).",
       Outcome::kRejected},
      {ORT_FAIL, "gamma is expected to have 1 dimension, got 3", Outcome::kRejected},
      {ORT_INVALID_ARGUMENT, "Unexpected input data type", Outcome::kRejected},
  };
  for (const auto& [code, message, outcome] : rows) {
    EXPECT_EQ(ClassifyOrtFailure({code, message}), outcome) << message;
  }
}

TEST(TransformerLogTest, TellsWhatRanFromWhatModified) {
  Transformers names;
  for (const char* message : {"GraphTransformer ConstantFolding modified: 0 with status: OK",
                              "GraphTransformer DivMulFusion modified: 1 with status: OK",
                              "GraphTransformer ConstantFolding modified: 1 with status: OK",
                              "Applying graph transformer MatMulAddFusion on step 1.", ""}) {
    EnterTransformer(message, names);
  }
  EXPECT_EQ(names.run, (std::vector<std::string>{"ConstantFolding", "DivMulFusion"}));
  EXPECT_EQ(names.applied, (std::vector<std::string>{"DivMulFusion", "ConstantFolding"}));
}

}  // namespace
}  // namespace moire
