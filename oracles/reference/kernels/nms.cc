// NonMaxSuppression. The result is a list of indices, so every comparison decides structure: one
// that rounding could turn, or that the page leaves open (equal scores, equality with a threshold),
// makes the output undecidable.
#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

#include "harness/case/float_bits.h"
#include "oracles/reference/kernels/families.h"
#include "oracles/reference/kernels/movement_util.h"

namespace moire {
namespace {

struct Box {
  double y1, x1, y2, x2;
};

// `center`: [x_center, y_center, width, height]; otherwise any pair of diagonal corners.
Box ReadBox(const double* at, bool center) {
  if (center) {
    return {at[1] - at[3] / 2, at[0] - at[2] / 2, at[1] + at[3] / 2, at[0] + at[2] / 2};
  }
  return {std::min(at[0], at[2]), std::min(at[1], at[3]), std::max(at[0], at[2]),
          std::max(at[1], at[3])};
}

// Where everything but the quotient is exact in float: whether all ways to compare it with the
// threshold agree ("strictly greater").
std::optional<bool> ExactOverlap(const Box& a, const Box& b, double common, double joined,
                                 double threshold) {
  const auto exact = [](double x) { return RoundTo(DataType::kFloat, x) == x; };
  for (const double x : {a.x1, a.x2, a.y1, a.y2, b.x1, b.x2, b.y1, b.y2, a.x2 - a.x1, a.y2 - a.y1,
                         b.x2 - b.x1, b.y2 - b.y1, (a.x2 - a.x1) * (a.y2 - a.y1),
                         (b.x2 - b.x1) * (b.y2 - b.y1), common, joined + common, joined}) {
    if (!exact(x)) return std::nullopt;
  }
  const bool greater = common / joined > threshold;
  if ((RoundTo(DataType::kFloat, common / joined) > threshold) != greater ||
      (common > RoundTo(DataType::kFloat, threshold * joined)) != greater) {
    return std::nullopt;
  }
  return greater;
}

// Whether two boxes overlap by more than the threshold; kUndecidable near it.
Result<bool> Overlap(const Box& a, const Box& b, double threshold) {
  const double width = std::min(a.x2, b.x2) - std::max(a.x1, b.x1);
  const double height = std::min(a.y2, b.y2) - std::max(a.y1, b.y1);
  const double unit = UnitRoundoff(DataType::kFloat);
  const double extent = std::max({std::abs(a.x1), std::abs(a.x2), std::abs(b.x1), std::abs(b.x2),
                                  std::abs(a.y1), std::abs(a.y2), std::abs(b.y1), std::abs(b.y2)});
  const double slack = 8 * unit * extent;  // of a width or height
  if (!std::isfinite(extent)) return Fail(ErrorCode::kUndecidable, "a box is not finite");
  if (width < -slack || height < -slack) return false;
  const double area_a = (a.x2 - a.x1) * (a.y2 - a.y1), area_b = (b.x2 - b.x1) * (b.y2 - b.y1);
  if (!(area_a > 0) || !(area_b > 0)) {
    return Fail(ErrorCode::kUndecidable, "a box without an area");
  }
  if (width == 0 || height == 0) return Fail(ErrorCode::kUndecidable, "boxes that touch");
  const double common = std::max(width, 0.0) * std::max(height, 0.0);
  const double joined = area_a + area_b - common;
  const double iou = common / joined;
  // First-order error of the intersection and of the union, relative to the union.
  const double error = 4 * slack *
                           (std::abs(width) + std::abs(height) + a.x2 - a.x1 + a.y2 - a.y1 + b.x2 -
                            b.x1 + b.y2 - b.y1) /
                           joined +
                       8 * unit;
  if (std::abs(iou - threshold) <= error) {
    const std::optional<bool> exact = ExactOverlap(a, b, common, joined, threshold);
    if (exact) return *exact;
    return Fail(ErrorCode::kUndecidable, "an overlap of {} at a threshold of {}", iou, threshold);
  }
  return iou > threshold;
}

struct Thresholds {
  int64_t most = 0;  // boxes for each class
  double iou = 0;
  std::optional<double> score;
};

// A float tensor whose values decide structure.
Status CheckExact(const RangeTensor& input) {
  if (!IsFloat(input.type)) return Fail(ErrorCode::kInvalidInput, "{} input", Name(input.type));
  if (AllMarks(input) != kDecided) return Fail(ErrorCode::kUndecidable, "an input is not certain");
  for (size_t i = 0; i < input.value.size(); ++i) {
    if (!(input.Lo()[i] == input.Hi()[i])) {  // NaN too
      return Fail(ErrorCode::kUndecidable, "an input is not certain");
    }
  }
  return {};
}

// The boxes of one class that stay, best first.
Result<Ints> Select(KernelContext& ctx, std::span<const Box> boxes, const double* scores,
                    const Thresholds& thresholds) {
  std::vector<size_t> order;
  for (size_t i = 0; i < boxes.size(); ++i) {
    if (thresholds.score && scores[i] == *thresholds.score) {
      return Fail(ErrorCode::kUndecidable, "a score equals the threshold");
    }
    if (!thresholds.score || scores[i] > *thresholds.score) order.push_back(i);
  }
  std::ranges::sort(order, [&](size_t i, size_t j) {
    return scores[i] != scores[j] ? scores[i] > scores[j] : i < j;
  });
  Ints kept;
  for (size_t k = 0; k < order.size(); ++k) {
    if (static_cast<int64_t>(kept.size()) >= thresholds.most) break;
    MOIRE_TRY(ctx.Spend(8 * (kept.size() + 1)));
    bool suppressed = false;
    for (const int64_t chosen : kept) {
      MOIRE_ASSIGN(const bool overlaps,
                   Overlap(boxes[order[k]], boxes[static_cast<size_t>(chosen)], thresholds.iou));
      suppressed = suppressed || overlaps;
    }
    if (suppressed) continue;
    if (k > 0 && scores[order[k]] == scores[order[k - 1]]) {
      return Fail(ErrorCode::kUndecidable, "equal scores");
    }
    kept.push_back(static_cast<int64_t>(order[k]));
  }
  return kept;
}

Result<double> OptionalFloat(KernelContext& ctx, size_t input, double otherwise) {
  if (ctx.Input(input) == nullptr) return otherwise;
  MOIRE_TRY(CheckExact(ctx.In(input)));
  if (ctx.In(input).size() != 1)
    return Fail(ErrorCode::kInvalidInput, "input {} is no scalar", input);
  return ctx.In(input).value[0];
}

Status NonMaxSuppression(KernelContext& ctx) {
  const RangeTensor& boxes = ctx.In(0);
  const RangeTensor& scores = ctx.In(1);
  MOIRE_TRY(CheckExact(boxes));
  MOIRE_TRY(CheckExact(scores));
  const bool fits = boxes.shape.size() == 3 && scores.shape.size() == 3 && boxes.shape[2] == 4 &&
                    boxes.shape[0] == scores.shape[0] && boxes.shape[1] == scores.shape[2];
  if (!fits) {
    return Fail(ErrorCode::kInvalidInput, "boxes {}, scores {}", ToString(boxes.shape),
                ToString(scores.shape));
  }
  Thresholds thresholds;
  if (ctx.Input(2) != nullptr) {
    MOIRE_ASSIGN(thresholds.most, ExactInt(ctx, 2));
  }
  MOIRE_ASSIGN(thresholds.iou, OptionalFloat(ctx, 3, 0));
  if (ctx.Input(4) != nullptr) {
    MOIRE_ASSIGN(thresholds.score, OptionalFloat(ctx, 4, 0));
  }
  if (!(thresholds.iou >= 0 && thresholds.iou <= 1)) {
    return Fail(ErrorCode::kInvalidInput, "iou_threshold {}", thresholds.iou);
  }
  MOIRE_ASSIGN(const bool center, ctx.Flag("center_point_box", false));
  const int64_t n = boxes.shape[1], classes = scores.shape[1];
  std::vector<std::array<int64_t, 3>> selected;
  for (int64_t b = 0; b < boxes.shape[0]; ++b) {
    MOIRE_TRY(ctx.Spend(static_cast<uint64_t>(n)));
    std::vector<Box> of_batch;
    for (int64_t i = 0; i < n; ++i) {
      of_batch.push_back(ReadBox(&boxes.value[static_cast<size_t>((b * n + i) * 4)], center));
    }
    for (int64_t c = 0; c < classes && n > 0; ++c) {
      MOIRE_TRY(ctx.Spend(static_cast<uint64_t>(n) * 16));
      const double* line = &scores.value[static_cast<size_t>((b * classes + c) * n)];
      MOIRE_ASSIGN(const Ints kept, Select(ctx, of_batch, line, thresholds));
      for (const int64_t i : kept) selected.push_back({b, c, i});
    }
  }
  MOIRE_ASSIGN(RangeTensor * out,
               ctx.Make(0, DataType::kInt64, {static_cast<int64_t>(selected.size()), 3}));
  for (size_t i = 0; i < selected.size(); ++i) {
    std::ranges::copy(selected[i], out->ints.begin() + static_cast<int64_t>(3 * i));
  }
  return {};
}

constexpr KernelEntry kSuppressionKernels[] = {
    {"NonMaxSuppression", 10, kLatest, NonMaxSuppression},
};

}  // namespace

std::span<const KernelEntry> SuppressionKernels() { return kSuppressionKernels; }

}  // namespace moire
