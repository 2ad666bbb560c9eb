// Tensors moved out of models and brought back in, and the files that they lie in meanwhile.
#include "harness/case/onnx_external.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "harness/case/case.h"
#include "harness/case/model_files.h"
#include "harness/case/onnx_adapter.h"
#include "harness/case/temporary_directory.h"

namespace moire {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

// With raw data, as every case of ours.
std::string ModelOf(std::string_view text) {
  const auto bytes = ParseModelText(text);
  EXPECT_TRUE(bytes) << bytes.error().message;
  return SerializeModel(*ParseModel(*bytes));
}

std::string Mixed() {
  return ModelOf(R"(<ir_version: 8, opset_import: ["" : 17]>
    g (float[2,3] x) => (float[3,2] y, float[N] r, float[2,3] z)
    <float[2,3] a = {1, 2, 3, 4, 5, 6}, uint8[5] b = {1, 2, 3, 4, 5}, float scalar = {7},
     int64[2] shape = {3, 2}, float step = {1}, float end = {4}, bool c = {1}, string[1] s = {"t"}> {
      t = Add(x, a)
      u = Mul(t, scalar)
      y = Reshape(u, shape)
      r = Range(scalar, end, step)
      z = If(c) <
        then_branch = one () => (float[2,3] o) <float[2,3] w = {9, 8, 7, 6, 5, 4}> { o = Sub(x, w) },
        else_branch = two () => (float[2,3] p) { p = Identity(x) }>
    })");
}

TEST(MoveOut, EveryTensorThatMayAndNoOther) {
  const std::string model = Mixed();
  const SplitModel split = MoveOut(model, 1, "d.bin");
  // a on the first page, b behind it, c on the second, w behind it.
  EXPECT_EQ(split.data.size(), 4096U + 1 + 24);
  EXPECT_EQ(split.data[24], 1);
  EXPECT_EQ(split.data[28], 5);
  EXPECT_EQ(split.data[4096], 1);
  EXPECT_THAT(split.model, HasSubstr("d.bin"));
  const auto inside = ParseModelText(*PrintModel(model));
  EXPECT_TRUE(inside);
  // The shape, and all that Range reads, stay: inference still knows what they say.
  EXPECT_TRUE(CheckModel(model, true));
  const Status checked = CheckModel(split.model, false);
  EXPECT_TRUE(checked || checked.error().message.find("d.bin") != std::string::npos)
      << checked.error().message;
}

TEST(MoveOut, OnlyFromSoManyBytes) {
  EXPECT_EQ(MoveOut(Mixed(), 6, "d").data.size(), 24U + 24);
  const SplitModel none = MoveOut(Mixed(), 25, "d");
  EXPECT_EQ(none.model, Mixed());
  EXPECT_EQ(none.data, "");
}

TEST(MoveOut, WhatIsNoModelStaysAsItIs) {
  const SplitModel split = MoveOut("no model", 1, "d");
  EXPECT_EQ(split.model, "no model");
  EXPECT_EQ(split.data, "");
}

TEST(ModelFile, ComesBackByteForByte) {
  const TemporaryDirectory directory;
  const std::string path = directory.path() + "/m.onnx";
  for (const int64_t least : {1, 6, 0}) {
    ASSERT_TRUE(WriteModelFile(path, Mixed(), least));
    EXPECT_EQ(fs::exists(path + ".data"), least > 0);
    const auto read = LoadModelFile(path);
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(read->model, Mixed());
    EXPECT_EQ(read->external_data_bytes, least == 0 ? 0 : least == 1 ? 1 : 24);
  }
}

TEST(ModelFile, ATruncatedFileIsRefused) {
  const TemporaryDirectory directory;
  const std::string path = directory.path() + "/m.onnx";
  ASSERT_TRUE(WriteModelFile(path, Mixed(), 1));
  fs::resize_file(path + ".data", 4100);
  EXPECT_THAT(LoadModelFile(path).error().message, HasSubstr("needs 24 bytes at offset 4097"));
  fs::remove(path + ".data");
  EXPECT_THAT(LoadModelFile(path).error().message, HasSubstr("cannot read"));
}

TEST(ModelFiles, GoWithTheirOwner) {
  std::string directory;
  {
    auto files = ModelFiles::Write(Mixed(), 1);
    ASSERT_TRUE(files) << files.error().message;
    const ModelFiles moved = std::move(*files);
    directory = moved.directory();
    RemoveAbandonedModelFiles();
    EXPECT_EQ(LoadModelFile(moved.path())->model, Mixed());
  }
  EXPECT_FALSE(fs::exists(directory));
}

TEST(Case, KeepsWhatLiesOutside) {
  Case test_case{Mixed(), {}, {}};
  test_case.options.external_data_bytes = 1024;
  const auto read = ParseCase(SerializeCase(test_case));
  ASSERT_TRUE(read);
  EXPECT_EQ(*read, test_case);
}

}  // namespace
}  // namespace moire
