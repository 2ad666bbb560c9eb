// Conformance on cases written here: a clean one passes, a planted wrong result fails.
#include "oracles/reference/conformance/conformance.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "harness/case/case.h"
#include "harness/case/onnx_adapter.h"

namespace moire {
namespace {

namespace fs = std::filesystem;

class ConformanceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    root_ = fs::path(::testing::TempDir()) /
            ::testing::UnitTest::GetInstance()->current_test_info()->name();
    fs::remove_all(root_);
  }
  void TearDown() override { fs::remove_all(root_); }

  // x = [[1 2 3][4 5 6]]; `body` computes y from it.
  void Write(const std::string& name, const std::string& body, const Tensor& expected) {
    const fs::path data = root_ / name / "test_data_set_0";
    fs::create_directories(data);
    const std::string text =
        "<ir_version: 10, opset_import: [\"\" : 21]>\n"
        "g (int64[2,3] x) => (int64[a,b] y) { " +
        body + " }";
    const Result<std::string> model = ParseModelText(text);
    ASSERT_TRUE(model.has_value()) << model.error().message;
    Tensor x = Int64Tensor(Ints{1, 2, 3, 4, 5, 6});
    x.shape = {2, 3};
    ASSERT_TRUE(WriteFile((root_ / name / "model.onnx").string(), *model).has_value());
    ASSERT_TRUE(WriteFile((data / "input_0.pb").string(), SerializeTensor({"x", x})).has_value());
    ASSERT_TRUE(
        WriteFile((data / "output_0.pb").string(), SerializeTensor({"y", expected})).has_value());
  }

  static Tensor Transposed() {
    Tensor y = Int64Tensor(Ints{1, 4, 2, 5, 3, 6});
    y.shape = {3, 2};
    return y;
  }

  fs::path root_;
};

TEST_F(ConformanceTest, CountsPassedFailedAndNotImplemented) {
  Write("a_right", "y = Transpose (x)", Transposed());
  Tensor wrong = Transposed();
  SetInt(wrong, 3, 7);
  Write("b_wrong_value", "y = Transpose (x)", wrong);
  Tensor misshapen = Transposed();
  misshapen.shape = {2, 3};
  Write("c_wrong_shape", "y = Transpose (x)", misshapen);
  Write("d_unknown", "y = Mystery (x)", Transposed());
  const Result<ConformanceReport> report = RunConformance(root_.string());
  ASSERT_TRUE(report.has_value()) << report.error().message;
  EXPECT_EQ(report->passed, 1);
  EXPECT_EQ(report->failed, 2);
  EXPECT_EQ(report->not_implemented, 1);
  ASSERT_EQ(report->cases.size(), 4u);
  EXPECT_EQ(report->cases[1].reason, "output 'y' element 3: 7 expected, got 5");
  EXPECT_EQ(report->cases[2].reason, "output 'y' has shape 3x2, expected 2x3");
}

TEST_F(ConformanceTest, NothingToRunIsAnError) {
  EXPECT_EQ(RunConformance(root_.string()).error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace moire
