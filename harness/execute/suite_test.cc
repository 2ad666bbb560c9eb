// The official cases and the dense sweeps on backends with planted faults, and on their clean twin,
// the reference as a backend.
#include "harness/execute/suite.h"

#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>

#include "harness/case/onnx_adapter.h"
#include "harness/execute/calibrate.h"

namespace moire {
namespace {

namespace fs = std::filesystem;

enum class Fault { kNone, kScaled, kDies, kUnsupported };

// The reference's results, spoilt.
class Spoilt : public Configuration {
 public:
  Spoilt(std::unique_ptr<Configuration> clean, Fault fault)
      : clean_(std::move(clean)), fault_(fault) {}
  const std::string& name() const override { return clean_->name(); }

  Observation Run(const Case& test_case) override {
    Observation seen = clean_->Run(test_case);
    if (fault_ == Fault::kDies) std::raise(SIGSEGV);
    if (fault_ == Fault::kUnsupported) {
      seen.outcome = Outcome::kUnsupported;
      seen.reason = "no kernel";
    }
    for (NamedTensor& output : seen.outputs) {
      for (int64_t i = 0; fault_ == Fault::kScaled && i < output.tensor.size(); ++i) {
        const double y = GetFloat(output.tensor, i);
        if (y > 0.5) SetFloat(output.tensor, i, y * 0.9);
      }
    }
    return seen;
  }

 private:
  std::unique_ptr<Configuration> clean_;
  Fault fault_;
};

OpenAll Open(Fault fault) {
  return [fault]() -> Result<Configurations> {
    MOIRE_ASSIGN(Configurations clean, OpenSpecs({"reference"})());
    Configurations out;
    for (auto& one : clean) out.push_back(std::make_unique<Spoilt>(std::move(one), fault));
    return out;
  };
}

class SuiteTest : public ::testing::Test {
 protected:
  void SetUp() override {
    root_ = fs::path(::testing::TempDir()) /
            ::testing::UnitTest::GetInstance()->current_test_info()->name();
    fs::remove_all(root_);
    Write("a", "y = Add (x, x)", {2, 4});
    Write("b", "y = Mul (x, x)", {1, 4});
  }
  void TearDown() override { fs::remove_all(root_); }

  // x = [1 2].
  void Write(const std::string& name, const std::string& body, std::vector<double> expected) {
    const fs::path data = root_ / name / "test_data_set_0";
    fs::create_directories(data);
    const Result<std::string> model = ParseModelText(
        "<ir_version: 10, opset_import: [\"\" : 21]>\n"
        "g (float[2] x) => (float[2] y) { " +
        body + " }");
    ASSERT_TRUE(model.has_value()) << model.error().message;
    Tensor x = MakeTensor(DataType::kFloat, {2});
    Tensor y = x;
    for (int64_t i = 0; i < 2; ++i) {
      SetFloat(x, i, static_cast<double>(i + 1));
      SetFloat(y, i, expected[static_cast<size_t>(i)]);
    }
    ASSERT_TRUE(WriteFile((root_ / name / "model.onnx").string(), *model).has_value());
    ASSERT_TRUE(WriteFile((data / "input_0.pb").string(), SerializeTensor({"x", x})).has_value());
    ASSERT_TRUE(WriteFile((data / "output_0.pb").string(), SerializeTensor({"y", y})).has_value());
  }

  ConformanceReport Run(Fault fault) {
    const Result<ConformanceReport> report = RunSuite(root_.string(), Open(fault));
    EXPECT_TRUE(report.has_value()) << report.error().message;
    return report.value_or(ConformanceReport{});
  }

  fs::path root_;
};

TEST_F(SuiteTest, TheCleanTwinPasses) {
  const ConformanceReport report = Run(Fault::kNone);
  EXPECT_EQ(report.passed, 2);
  EXPECT_EQ(report.failed, 0);
}

TEST_F(SuiteTest, WrongResultsFailWithWhatTheReferenceSays) {
  const ConformanceReport report = Run(Fault::kScaled);
  ASSERT_EQ(report.failed, 2);
  EXPECT_NE(report.cases[0].reason.find("wrong by the reference too"), std::string::npos)
      << report.cases[0].reason;
}

TEST_F(SuiteTest, ACaseThatExpectsTooMuchIsToldApart) {
  Write("b", "y = Mul (x, x)", {1.01, 4});
  const ConformanceReport report = Run(Fault::kNone);
  ASSERT_EQ(report.failed, 1);
  EXPECT_NE(report.cases[1].reason.find("legal by the reference"), std::string::npos)
      << report.cases[1].reason;
}

TEST_F(SuiteTest, ADeathTakesItsCaseAlone) {
  const ConformanceReport report = Run(Fault::kDies);
  ASSERT_EQ(report.cases.size(), 2u);
  for (const CaseReport& one : report.cases) {
    EXPECT_EQ(one.outcome, CaseOutcome::kFailed);
    EXPECT_EQ(one.reason, "died of signal 11");
  }
}

TEST_F(SuiteTest, UnsupportedIsNotFailed) {
  const ConformanceReport report = Run(Fault::kUnsupported);
  EXPECT_EQ(report.not_implemented, 2);
  EXPECT_EQ(report.failed, 0);
}

TEST_F(SuiteTest, AnUnknownBackendIsAnError) {
  EXPECT_FALSE(RunSuite(root_.string(), OpenSpecs({"no-such-backend"})));
}

TEST(Calibrate, ReportsAFunctionThatLeavesTheTable) {
  const CalibrateOptions options = {.filter = "Tanh", .points = 4096};
  const auto clean = Calibrate(OpenSpecs({"reference"}), options);
  ASSERT_TRUE(clean.has_value()) << clean.error().message;
  ASSERT_EQ(clean->size(), 4u);  // Tanh in four types; Atanh has a small t
  for (const Calibration& row : *clean) {
    EXPECT_EQ(row.problem, "");
    EXPECT_GT(row.decided, 1000);
    EXPECT_EQ(row.outside, 0) << row.function;
  }
  const auto faulty = Calibrate(Open(Fault::kScaled), options);
  ASSERT_TRUE(faulty.has_value());
  for (const Calibration& row : *faulty) {
    EXPECT_GT(row.outside, 100) << row.function;
    EXPECT_LT(row.actual, row.low);
  }
}

TEST(Calibrate, SaysWhyNothingWasCompared) {
  const auto rows = Calibrate(Open(Fault::kUnsupported), {.filter = "Erf", .points = 256});
  ASSERT_TRUE(rows.has_value());
  for (const Calibration& row : *rows) EXPECT_NE(row.problem.find("no kernel"), std::string::npos);
  EXPECT_FALSE(Calibrate(OpenSpecs({"reference"}), {.filter = "Frobnicate"}));
}

}  // namespace
}  // namespace moire
