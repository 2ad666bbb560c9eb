// DeformConv, RoiAlign, MaxRoiPool, antialiased Resize, ImageDecoder, MelWeightMatrix: known
// results, and the places where correct implementations differ.
#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "oracles/reference/kernels/kernel_testing.h"

namespace moire {
namespace {

using testing::Floats;
using testing::Integers;
using testing::IsLegal;
using testing::Ranged;
using testing::RunNode;

const RangeTensor kMap = Floats({1, 2, 3, 4, 5, 6, 7, 8, 9}, {1, 1, 3, 3});

RangeTensor Offsets(double y, double x) { return Floats({y, x}, {1, 2, 1, 1}); }
Result<RangeTensor> Deform(const RangeTensor& offsets) {
  const std::vector<Attribute> attributes = {{"strides", Ints{3, 3}, {}}};
  return RunNode({"DeformConv", attributes, 22}, {kMap, Floats({2}, {1, 1, 1, 1}), offsets});
}

TEST(DeformConv, ReadsBetweenElements) {
  const auto center = Deform(Offsets(1, 1));
  ASSERT_TRUE(center) << center.error().message;
  EXPECT_TRUE(IsLegal(*center, 0, 10));
  EXPECT_FALSE(IsLegal(*center, 0, 10.001));
  const auto between = Deform(Offsets(0.5, 1.25));  // rows 0 and 1, columns 1 and 2
  EXPECT_TRUE(IsLegal(*between, 0, 2 * (2.25 + 5.25) / 2));
  EXPECT_FALSE(IsLegal(*between, 0, 7.51));
  const auto outside = Deform(Offsets(-0.5, 0));  // half of row -1, which is zero
  EXPECT_TRUE(IsLegal(*outside, 0, 1));
  EXPECT_FALSE(IsLegal(*outside, 0, 2));
}

// A runtime may read the nearest pixel and multiply it by 0.
TEST(DeformConv, APlaceOutsideAnInfiniteImageIsNotDecided) {
  RangeTensor map = kMap;
  map.value[0] = std::numeric_limits<double>::infinity();
  const auto at = [&](double y) {
    const std::vector<Attribute> attributes = {{"strides", Ints{3, 3}, {}}};
    return RunNode({"DeformConv", attributes, 22}, {map, Floats({2}, {1, 1, 1, 1}), Offsets(y, y)})
        ->MarkAt(0);
  };
  EXPECT_EQ(at(7), kUndecidable);
  EXPECT_EQ(Deform(Offsets(7, 7))->MarkAt(0), kDecided);
}

TEST(DeformConv, UnknownPlacesAreNotDecided) {
  RangeTensor offsets = Offsets(1, 1);
  offsets.MakeRanges();
  offsets.lo[0] = -5;
  offsets.hi[0] = 5;
  EXPECT_EQ(Deform(offsets)->MarkAt(0), kUndecidable);
  EXPECT_EQ(Deform(Offsets(1e30, 0))->MarkAt(0) & kUnspecified, kUnspecified);
}

Result<RangeTensor> Align(const RangeTensor& rois, std::vector<Attribute> attributes = {}) {
  attributes.push_back({"sampling_ratio", int64_t{1}, {}});
  return RunNode({"RoiAlign", attributes, 22}, {kMap, rois, Integers(DataType::kInt64, {0})});
}

TEST(RoiAlign, SamplesTheMiddleOfEachBin) {
  const auto out = Align(Floats({0.5, 0.5, 2.5, 2.5}, {1, 4}));  // 0 to 2: the point is (1, 1)
  ASSERT_TRUE(out) << out.error().message;
  EXPECT_TRUE(IsLegal(*out, 0, 5));
  EXPECT_FALSE(IsLegal(*out, 0, 5.01));
}

TEST(RoiAlign, APlaceOutsideAnImageWithNanIsNotDecided) {
  RangeTensor map = kMap;
  const auto at = [&] {
    return RunNode({"RoiAlign", {{"sampling_ratio", int64_t{1}, {}}}, 22},
                   {map, Floats({6, 6, 7, 7}, {1, 4}), Integers(DataType::kInt64, {0})})
        ->MarkAt(0);
  };
  EXPECT_EQ(at(), kDecided);
  map.AddMark(0, kUndecidable);  // may be NaN
  EXPECT_EQ(at(), kUndecidable);
  map = kMap;
  map.value[0] = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(at(), kUndecidable);
}

TEST(RoiAlign, EdgesAndEmptyRegionsAreOpen) {
  const auto repeated = Align(Floats({-0.9, -0.9, 0.1, 0.1}, {1, 4}));  // the point is -0.9
  EXPECT_EQ(repeated->MarkAt(0), kDecided);
  EXPECT_TRUE(IsLegal(*repeated, 0, 1));
  // The point lies on -1, where its value jumps to zero.
  EXPECT_EQ(Align(Floats({-1, -1, 0, 0}, {1, 4}))->MarkAt(0), kUndecidable);
  EXPECT_EQ(Align(Floats({2, 2, 1, 1}, {1, 4}))->MarkAt(0), kUnspecified);
  const auto nowhere = RunNode(
      {"RoiAlign", {}, 22}, {kMap, Floats({0, 0, 1, 1}, {1, 4}), Integers(DataType::kInt64, {1})});
  EXPECT_FALSE(nowhere);
}

TEST(MaxRoiPool, RoundsCornersAndPools) {
  const std::vector<Attribute> shape = {{"pooled_shape", Ints{1, 2}, {}}};
  const auto out = RunNode({"MaxRoiPool", shape, 22}, {kMap, Floats({0, 0, 0, 1.2, 1.4}, {1, 5})});
  ASSERT_TRUE(out) << out.error().message;
  EXPECT_EQ(out->value, (std::vector<double>{4, 5}));
  const auto tie = RunNode({"MaxRoiPool", shape, 22}, {kMap, Floats({0, 0, 0, 0.5, 1}, {1, 5})});
  EXPECT_EQ(tie->MarkAt(0), kUndecidable);
  const auto empty = RunNode({"MaxRoiPool", shape, 22}, {kMap, Floats({0, 5, 5, 6, 6}, {1, 5})});
  EXPECT_EQ(empty->MarkAt(0), kUnspecified);
}

TEST(Resize, AntialiasAveragesMoreElements) {
  const std::vector<Attribute> attributes = {{"antialias", int64_t{1}, {}},
                                             {"mode", std::string("linear"), {}}};
  const auto out = RunNode({"Resize", attributes, 19},
                           {Floats({0, 0, 8, 0, 0, 0}), {}, {}, Integers(DataType::kInt64, {3})});
  ASSERT_TRUE(out) << out.error().message;
  // Elements at 0.5 and 1.5 of the triangle of width 2: weights 3, 3, 1, 1 of 8.
  EXPECT_TRUE(IsLegal(*out, 1, 3));
  EXPECT_TRUE(IsLegal(*out, 0, 1));
  EXPECT_FALSE(IsLegal(*out, 1, 4));
  EXPECT_FALSE(IsLegal(*out, 0, 0));
}

RangeTensor Stream(const std::string& bytes) {
  std::vector<int64_t> values;
  for (const char c : bytes) values.push_back(static_cast<uint8_t>(c));
  return Integers(DataType::kUint8, std::move(values));
}

TEST(ImageDecoder, ReadsPlainSamples) {
  const auto rgb = RunNode({"ImageDecoder"}, {Stream("P6\n2 1\n255\nabcdef")});
  ASSERT_TRUE(rgb) << rgb.error().message;
  EXPECT_EQ(rgb->shape, (Shape{1, 2, 3}));
  EXPECT_EQ(rgb->ints, (std::vector<int64_t>{'a', 'b', 'c', 'd', 'e', 'f'}));
  const auto bgr = RunNode({"ImageDecoder", {{"pixel_format", std::string("BGR"), {}}}},
                           {Stream("P6\n2 1\n255\nabcdef")});
  EXPECT_EQ(bgr->ints, (std::vector<int64_t>{'c', 'b', 'a', 'f', 'e', 'd'}));
  const auto gray = RunNode({"ImageDecoder"}, {Stream("P5 1 1 255\nx")});
  EXPECT_EQ(gray->ints, (std::vector<int64_t>{'x', 'x', 'x'}));
}

TEST(ImageDecoder, LeavesOpenWhatItCannotRead) {
  const auto mix = RunNode({"ImageDecoder", {{"pixel_format", std::string("Grayscale"), {}}}},
                           {Stream("P6\n1 1\n255\nabc")});
  EXPECT_EQ(mix.error().code, ErrorCode::kUndecidable);
  for (const char* bytes :
       {"P6\n2 1\n255\nabc", "P6 99999999999 1 255\n", "BM", "II*", "\xff\xd8"}) {
    EXPECT_EQ(RunNode({"ImageDecoder"}, {Stream(bytes)}).error().code, ErrorCode::kUnsupported)
        << bytes;
  }
}

TEST(MelWeightMatrix, TrianglesOverBins) {
  const auto scalar = [](int64_t x) { return Integers(DataType::kInt64, {x}, {}); };
  const auto mel = [&](double low, double high) {
    return RunNode({"MelWeightMatrix"},
                   {scalar(8), scalar(16), scalar(8192), Floats({low}, {}), Floats({high}, {})});
  };
  const auto out = mel(0, 4096);
  ASSERT_TRUE(out) << out.error().message;
  EXPECT_EQ(out->shape, (Shape{9, 8}));
  EXPECT_EQ(out->value[0], 1);  // the official case
  EXPECT_TRUE(IsLegal(*out, 1 * 8 + 2, 1));
  EXPECT_FALSE(IsLegal(*out, 1 * 8 + 2, 0.5));
  // 8192 / 17 hertz is the edge between two bins.
  EXPECT_EQ(mel(8192.0 / 17, 4000)->MarkAt(0), kUndecidable);
  EXPECT_FALSE(mel(0, 8000));
}

}  // namespace
}  // namespace moire
