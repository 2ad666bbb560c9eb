// The rules for NaN where an operator chooses among elements: what the reference decides, and that
// the swapped rule (NaN ignored where it wins, or the other way round) is caught for every type,
// place and length.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "oracles/reference/kernels/kernel_testing.h"

namespace moire {
namespace {

using testing::Floats;
using testing::Integers;
using testing::IsLegal;
using testing::NodeSpec;
using testing::RunNode;
using testing::RunNodeAll;

const double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr DataType kTypes[] = {DataType::kFloat, DataType::kFloat16, DataType::kBfloat16,
                               DataType::kDouble};

TEST(NanRule, MaxMinReluClipHardSigmoidPassItOn) {
  for (const DataType type : kTypes) {
    const RangeTensor x = Floats(type, {kNan, 0.5});
    const RangeTensor one = Floats(type, {1}, {});
    const RangeTensor zero = Floats(type, {0}, {});
    const Result<RangeTensor> results[] = {
        RunNode({"Max"}, {x, one}),   RunNode({"Max"}, {one, x}), RunNode({"Min"}, {x, zero}),
        RunNode({"Min"}, {zero, x}),  RunNode({"Relu"}, {x}),     RunNode({"Clip"}, {x, zero, one}),
        RunNode({"HardSigmoid"}, {x})};
    for (const auto& out : results) {
      ASSERT_TRUE(out) << out.error().message;
      EXPECT_EQ(out->MarkAt(0), kDecided);
      EXPECT_TRUE(IsLegal(*out, 0, kNan));
      for (const double swapped : {0.0, 1.0, 0.5}) EXPECT_FALSE(IsLegal(*out, 0, swapped));
      EXPECT_FALSE(IsLegal(*out, 1, kNan));
    }
  }
}

// n different numbers with NaN at one or two places.
std::vector<double> Line(size_t n, size_t first, size_t second) {
  std::vector<double> out;
  for (size_t i = 0; i < n; ++i) out.push_back(static_cast<double>(i * 5 % n) - 2);
  out[first] = out[second] = kNan;
  return out;
}

TEST(NanRule, ArgMaxAndArgMinPickIt) {
  for (const DataType type : kTypes) {
    for (const size_t n : {2, 3, 8, 17, 33}) {
      for (size_t first = 0; first < n; ++first) {
        const size_t second = std::min(first + 1, n - 1);
        const RangeTensor x = Floats(type, Line(n, first, second));
        for (const char* op : {"ArgMax", "ArgMin"}) {
          for (const int64_t last : {0, 1}) {
            const NodeSpec spec = {op, {{"select_last_index", last, {}}}};
            const auto out = RunNode(spec, {x});
            ASSERT_TRUE(out) << out.error().message;
            EXPECT_EQ(out->MarkAt(0), kDecided);
            EXPECT_EQ(out->ints[0], static_cast<int64_t>(last == 1 ? second : first));
          }
        }
      }
    }
  }
}

TEST(NanRule, TopKRanksItAboveEveryNumber) {
  for (const DataType type : kTypes) {
    for (size_t first = 0; first < 9; ++first) {
      const size_t second = std::min<size_t>(first + 2, 8);
      const RangeTensor x = Floats(type, Line(9, first, second));
      const size_t nans = first == second ? 1 : 2;
      for (const int64_t largest : {0, 1}) {
        const NodeSpec spec = {"TopK", {{"largest", largest, {}}}, 21, 2};
        const auto out = RunNodeAll(spec, {x, Integers(DataType::kInt64, {9})});
        ASSERT_TRUE(out) << out.error().message;
        for (size_t j = 0; j < 9; ++j) {
          const bool nan = largest == 1 ? j < nans : j >= 9 - nans;
          EXPECT_EQ((*out)[0].MarkAt(j), kDecided);
          EXPECT_EQ((*out)[1].MarkAt(j), kDecided);
          EXPECT_EQ(IsLegal((*out)[0], j, kNan), nan) << j;
        }
        const size_t at = largest == 1 ? 0 : 9 - nans;  // equals stand by index
        EXPECT_EQ((*out)[1].ints[at], static_cast<int64_t>(first));
      }
    }
  }
}

TEST(NanRule, RangesBesideItStayUndecidable) {
  RangeTensor x = Floats({kNan, 1, 1.05});
  x.MakeRanges();
  x.hi[1] = 1.1;
  const auto out = RunNodeAll({"TopK", {}, 21, 2}, {x, Integers(DataType::kInt64, {3})});
  EXPECT_EQ((*out)[1].MarkAt(0), kDecided);
  EXPECT_EQ((*out)[1].MarkAt(1), kUndecidable);
  EXPECT_EQ((*out)[1].MarkAt(2), kUndecidable);
}

// A slope of NaN matters below zero alone: whether x is below is not known.
TEST(NanRule, ASlopeBesideZeroStaysUndecidable) {
  const RangeTensor slope = Floats(DataType::kFloat, {kNan}, {});
  const auto open = RunNode({"PRelu"}, {testing::Ranged(DataType::kFloat, -1e-7, 0, 1e-7), slope});
  ASSERT_TRUE(open);
  EXPECT_EQ(open->MarkAt(0), kUndecidable);
  const auto above = RunNode({"PRelu"}, {testing::Ranged(DataType::kFloat, 0, 0, 1e-7), slope});
  ASSERT_TRUE(above);
  EXPECT_EQ(above->MarkAt(0), kDecided);
}

TEST(NanRule, WhatReductionsAndWindowsDoIsOpen) {
  const RangeTensor x = Floats({1, kNan, 2});
  EXPECT_EQ(RunNode({"ReduceMax"}, {x})->MarkAt(0), kUnspecified);
  EXPECT_EQ(RunNode({"Sign"}, {x})->MarkAt(1), kUnspecified);
}

}  // namespace
}  // namespace moire
