#include "fuzzers/generate/geometry.h"

#include <gtest/gtest.h>

#include "fuzzers/generate/generate.h"
#include "fuzzers/generate/solved_corners.h"
#include "fuzzers/generate/solved_windows.h"
#include "harness/case/onnx_adapter.h"

namespace moire {
namespace {

Node Window(Ints kernel, Ints strides, Ints dilations, Ints pads, int64_t ceil_mode = 0) {
  Node node;
  node.Set("kernel_shape", std::move(kernel));
  node.Set("strides", std::move(strides));
  node.Set("dilations", std::move(dilations));
  node.Set("pads", std::move(pads));
  node.Set("ceil_mode", ceil_mode);
  return node;
}

TEST(Geometry, FollowsTheFormulaOfThePoolPages) {
  // floor((8 + 1 + 1 - ((3 - 1) * 2 + 1)) / 2 + 1) = 3; ceil gives 4.
  const Ints kernel = {3};
  const Ints spatial = {8};
  EXPECT_EQ(WindowOutput(Window({3}, {2}, {2}, {1, 1}), spatial, kernel), Shape{3});
  EXPECT_EQ(WindowOutput(Window({3}, {2}, {2}, {1, 1}, 1), spatial, kernel), Shape{4});
}

TEST(Geometry, RefusesMalformedWindows) {
  const Ints kernel = {3};
  const Ints spatial = {8};
  EXPECT_EQ(WindowOutput(Window({3}, {0}, {1}, {0, 0}), spatial, kernel), std::nullopt);
  EXPECT_EQ(WindowOutput(Window({3}, {1}, {-1}, {0, 0}), spatial, kernel), std::nullopt);
  EXPECT_EQ(WindowOutput(Window({3}, {1}, {1}, {0}), spatial, kernel), std::nullopt);
  EXPECT_EQ(WindowOutput(Window({3}, {1}, {4}, {0, 0}), spatial, kernel), std::nullopt);
}

TEST(Geometry, TransposedOutputUndoesTheConvolution) {
  const Ints kernel = {3};
  const Ints small = {4};
  EXPECT_EQ(TransposedOutput(Window({3}, {2}, {1}, {1, 1}), small, kernel), Shape{7});
}

TEST(Geometry, DrawnWindowsFit) {
  Random random(1);
  for (int i = 0; i < 3000; ++i) {
    Shape spatial(static_cast<size_t>(random.Between(1, 3)));
    for (int64_t& dim : spatial) dim = random.Between(1, 12);
    for (const WindowKind kind :
         {WindowKind::kConv, WindowKind::kPool, WindowKind::kConvTranspose}) {
      const WindowChoice window = DrawWindow(spatial, kind, random);
      Node node;
      node.Set("strides", window.strides);
      node.Set("dilations", window.dilations);
      if (window.auto_pad.empty()) {
        node.Set("pads", window.pads);
      } else {
        node.Set("auto_pad", window.auto_pad);
        continue;  // a stride beyond the kernel may be refused by inference
      }
      const auto out = kind == WindowKind::kConvTranspose
                           ? TransposedOutput(node, spatial, window.kernel)
                           : WindowOutput(node, spatial, window.kernel);
      ASSERT_TRUE(out.has_value());
    }
  }
}

TEST(Geometry, SolvedWindowsHitTheirCorner) {
  size_t found = 0;
  bool uneven = false;
  for (int64_t dim = 1; dim <= 9; ++dim) {
    for (uint64_t draw = 0; draw < 4; ++draw) {
      const SolvedWindow* w = FindSolvedWindow(dim, WindowKind::kPool, draw);
      if (w == nullptr) continue;
      ++found;
      const int64_t left = dim + w->begin + w->end - ((w->kernel - 1) * w->dilation + 1);
      EXPECT_GE(left, 0);
      EXPECT_LT(std::max(w->begin, w->end), w->kernel);
      uneven |= left % w->stride != 0;
    }
  }
  EXPECT_GE(found, 20u);
  EXPECT_TRUE(uneven);
  EXPECT_EQ(FindSolvedWindow(1000, WindowKind::kPool, 0), nullptr);
}

TEST(Geometry, SolvedCornersHitTheirCorner) {
  size_t slices = 0, clamped = 0, reversed = 0, pads = 0, kept = 0;
  for (int64_t dim = 1; dim <= 9; ++dim) {
    for (uint64_t draw = 0; draw < 5; ++draw) {
      if (const SolvedSlice* s = FindSolvedSlice(dim, draw)) {
        ++slices;
        EXPECT_NE(s->step, 0);
        clamped += s->start < -dim && s->end > dim ? 1 : 0;
        reversed += s->start > dim && s->end < -dim && s->step < 0 ? 1 : 0;
      }
      for (const std::string_view mode : {"constant", "reflect", "edge", "wrap"}) {
        const SolvedPad* p = FindSolvedPad(dim, mode, draw);
        if (p == nullptr) continue;
        ++pads;
        EXPECT_GE(dim + p->begin + p->end, 1);
        if (mode == "reflect") EXPECT_EQ(std::pair(p->begin, p->end), std::pair(dim - 1, dim - 1));
        if (mode == "wrap") EXPECT_LE(std::max(p->begin, p->end), dim);
        kept += p->begin + p->end == 0 ? 1 : 0;
      }
    }
  }
  EXPECT_GE(slices, 40u);
  EXPECT_GE(clamped, 8u);
  EXPECT_GE(reversed, 9u);
  EXPECT_GE(pads, 100u);
  EXPECT_GE(kept, 9u);
  EXPECT_EQ(FindSolvedSlice(1000, 0), nullptr);
  EXPECT_EQ(FindSolvedPad(0, "constant", 0), nullptr);
}

// What the generator makes of them is valid, and some reach beyond both ends.
TEST(Geometry, CutsAndPadsOfTheGeneratorAreValid) {
  GeneratorSettings settings;
  settings.only_operators = {"Slice", "Pad"};
  settings.malformed_share = 0;
  settings.pattern_share = 0;
  for (uint64_t seed = 0; seed < 120; ++seed) {
    Random random(seed);
    const Case made = ToCase(Generate(random, settings, {}));
    const Status valid = CheckModel(made.model, true);
    EXPECT_TRUE(valid) << valid.error().message << PrintModel(made.model).value_or("");
  }
}

}  // namespace
}  // namespace moire
