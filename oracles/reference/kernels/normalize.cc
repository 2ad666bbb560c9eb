// LayerNormalization, InstanceNormalization, GroupNormalization, RMSNormalization,
// MeanVarianceNormalization: each line is shifted and scaled by its own statistics.
// What is legal of the statistics: statistics.h.
#include <algorithm>
#include <cmath>

#include "harness/case/float_bits.h"
#include "oracles/reference/kernels/families.h"
#include "oracles/reference/kernels/statistics.h"

namespace moire {
namespace {

constexpr uint64_t kStepsAnElement = 60;

// The type of the first stage (attribute stash_type).
Result<DataType> StashType(const KernelContext& ctx) {
  const auto type = static_cast<DataType>(ctx.node().Int("stash_type", 1));
  if (type != DataType::kFloat && type != DataType::kBfloat16 && type != DataType::kFloat16 &&
      type != DataType::kDouble) {
    return Fail(ErrorCode::kInvalidInput, "stash_type {}", static_cast<int>(type));
  }
  return type;
}

// 1 / sqrt(variance + epsilon). Undecidable where that may not exist.
Interval InverseDeviation(const Arithmetic& stage, const Interval& variance, double epsilon) {
  const Interval shifted = stage.Add(variance, Exactly(epsilon));
  if (!std::isnan(shifted.value) && shifted.lo <= 0) {
    Interval out = Undecidable(1 / std::sqrt(std::max(shifted.value, 0.0)));
    out.mark |= shifted.mark;
    return out;
  }
  return stage.Div(Exactly(1), stage.Sqrt(shifted));
}

// Offsets of the elements of a tensor that is broadcast (unidirectionally) to `shape`.
Result<std::vector<int64_t>> BroadcastOffsets(KernelContext& ctx, Dims from, Dims shape) {
  if (from.size() > shape.size()) {
    return Fail(ErrorCode::kInvalidInput, "{} does not broadcast to {}", ToString(from),
                ToString(shape));
  }
  const size_t pad = shape.size() - from.size();
  const Shape strides = Strides(from);
  MOIRE_TRY(ctx.Reserve(DataType::kInt64, shape));
  std::vector<int64_t> offsets(Count(shape) == 0 ? 0 : 1, 0);
  for (size_t axis = 0; axis < shape.size() && !offsets.empty(); ++axis) {
    const int64_t size = axis < pad ? 1 : from[axis - pad];
    if (size != 1 && size != shape[axis]) {
      return Fail(ErrorCode::kInvalidInput, "{} does not broadcast to {}", ToString(from),
                  ToString(shape));
    }
    const int64_t step = size == 1 ? 0 : strides[axis - pad];
    std::vector<int64_t> next;
    next.reserve(offsets.size() * static_cast<size_t>(shape[axis]));
    for (const int64_t base : offsets) {
      for (int64_t i = 0; i < shape[axis]; ++i) next.push_back(base + i * step);
    }
    offsets = std::move(next);
  }
  return offsets;
}

// Lines over axes [axis, rank).
Result<Lines> SuffixLines(KernelContext& ctx, Dims shape) {
  const auto axis = NormalizeAxis(ctx.node().Int("axis", -1), static_cast<int64_t>(shape.size()));
  if (!axis) {
    return Fail(ErrorCode::kInvalidInput, "axis is out of range for rank {}", shape.size());
  }
  std::vector<bool> along(shape.size(), false);
  for (size_t i = static_cast<size_t>(*axis); i < along.size(); ++i) along[i] = true;
  return LinesAlong(ctx, shape, along, true);
}

Status CheckFloat(const RangeTensor& x) {
  if (IsFloat(x.type)) return {};
  return Fail(ErrorCode::kInvalidInput, "normalisation of {}", Name(x.type));
}

// ---- LayerNormalization, RMSNormalization.

Status LayerNormalization(KernelContext& ctx) {
  const RangeTensor& x = ctx.In(0);
  const RangeTensor& scale = ctx.In(1);
  const RangeTensor* bias = ctx.Input(2);
  MOIRE_TRY(CheckFloat(x));
  MOIRE_ASSIGN(const DataType stash, StashType(ctx));
  MOIRE_ASSIGN(const Lines lines, SuffixLines(ctx, x.shape));
  const size_t n = lines.step.size();
  MOIRE_TRY(ctx.Spend(lines.start.size() * (n + 1) * kStepsAnElement));
  MOIRE_ASSIGN(const std::vector<int64_t> scale_at, BroadcastOffsets(ctx, scale.shape, x.shape));
  std::vector<int64_t> bias_at;
  if (bias != nullptr) {
    MOIRE_ASSIGN(bias_at, BroadcastOffsets(ctx, bias->shape, x.shape));
  }
  MOIRE_ASSIGN(RangeTensor * out, ctx.Make(0, x.type, x.shape));
  RangeTensor* means = nullptr;
  RangeTensor* inverses = nullptr;
  if (ctx.Wants(1)) {
    MOIRE_ASSIGN(means, ctx.Make(1, stash, lines.shape));
  }
  if (ctx.Wants(2)) {
    MOIRE_ASSIGN(inverses, ctx.Make(2, stash, lines.shape));
  }
  const Arithmetic stage(stash);
  const Arithmetic type(x.type);
  const double epsilon = ctx.node().Float("epsilon", 1e-5f);
  LineReader reader(x);
  CastRow cast;
  for (size_t i = 0; i < lines.start.size(); ++i) {
    if (n == 0) {
      if (means != nullptr) means->AddMark(i, kUnspecified);
      if (inverses != nullptr) inverses->AddMark(i, kUnspecified);
      continue;
    }
    const int64_t start = lines.start[i];
    const uint8_t marks = reader.Marks(start, lines.step);
    const Row row =
        cast.Cast(x.type, stash, reader.Read(start, lines.step), static_cast<int64_t>(n));
    Statistics statistics = MeanAndVariance(stash, row, static_cast<int64_t>(n));
    statistics.mean.mark |= marks;
    Interval inverse = InverseDeviation(stage, statistics.variance, epsilon);
    inverse.mark |= marks;
    if (means != nullptr) StoreElement(*means, i, statistics.mean);
    if (inverses != nullptr) StoreElement(*inverses, i, inverse);
    for (size_t k = 0; k < n; ++k) {
      const auto at = static_cast<size_t>(start + lines.step[k]);
      const Interval element{row.value[k], row.lo ? row.lo[k] : row.value[k],
                             row.hi ? row.hi[k] : row.value[k], marks};
      Affine affine;
      affine.scale = ElementOf(scale, static_cast<size_t>(scale_at[at]));
      affine.has_bias = bias != nullptr;
      if (bias != nullptr) affine.bias = ElementOf(*bias, static_cast<size_t>(bias_at[at]));
      StoreElement(*out, at, Normalize(stage, type, element, statistics.mean, inverse, affine));
    }
  }
  Round(*out);
  if (means != nullptr) Round(*means);
  if (inverses != nullptr) Round(*inverses);
  return {};
}

Status RmsNormalization(KernelContext& ctx) {
  const RangeTensor& x = ctx.In(0);
  const RangeTensor& scale = ctx.In(1);
  MOIRE_TRY(CheckFloat(x));
  MOIRE_ASSIGN(const DataType stash, StashType(ctx));
  MOIRE_ASSIGN(const Lines lines, SuffixLines(ctx, x.shape));
  const size_t n = lines.step.size();
  MOIRE_TRY(ctx.Spend(lines.start.size() * (n + 1) * kStepsAnElement));
  MOIRE_ASSIGN(const std::vector<int64_t> scale_at, BroadcastOffsets(ctx, scale.shape, x.shape));
  MOIRE_ASSIGN(RangeTensor * out, ctx.Make(0, scale.type, x.shape));
  const Arithmetic stage(stash);
  const Arithmetic type(x.type);
  const double epsilon = ctx.node().Float("epsilon", 1e-5f);
  LineReader reader(x);
  CastRow cast;
  for (const int64_t start : lines.start) {
    if (n == 0) break;
    const uint8_t marks = reader.Marks(start, lines.step);
    const Row row =
        cast.Cast(x.type, stash, reader.Read(start, lines.step), static_cast<int64_t>(n));
    const Interval square = MeanSquareOf(stash, row, static_cast<int64_t>(n));
    const Interval inverse = InverseDeviation(stage, square, epsilon);
    for (size_t k = 0; k < n; ++k) {
      const auto at = static_cast<size_t>(start + lines.step[k]);
      const Interval element{row.value[k], row.lo ? row.lo[k] : row.value[k],
                             row.hi ? row.hi[k] : row.value[k], marks};
      Interval normalized = stage.Mul(element, inverse);
      if (stash != x.type) normalized = type.Rounded(normalized);
      // One more rounding: the scale may be folded into the inverse.
      StoreElement(
          *out, at,
          type.Rounded(
              ExactProduct(normalized, ElementOf(scale, static_cast<size_t>(scale_at[at]))), 2));
    }
  }
  Round(*out);
  return {};
}

// ---- InstanceNormalization, GroupNormalization.

// Channels of one batch entry in `groups` equal groups, each normalised by itself; scale and bias
// a channel (or a group, before opset 21).
Status Grouped(KernelContext& ctx, int64_t groups, DataType stash, bool affine_by_group) {
  const RangeTensor& x = ctx.In(0);
  const RangeTensor& scale = ctx.In(1);
  const RangeTensor& bias = ctx.In(2);
  const int64_t channels = x.shape[1];
  if (groups <= 0 || channels % groups != 0) {
    return Fail(ErrorCode::kInvalidInput, "{} channels in {} groups", channels, groups);
  }
  const Shape affine_shape{affine_by_group ? groups : channels};
  if (scale.shape != affine_shape || bias.shape != affine_shape) {
    return Fail(ErrorCode::kInvalidInput, "scale {} and bias {} for {} channels",
                ToString(scale.shape), ToString(bias.shape), channels);
  }
  const int64_t size = x.size();
  MOIRE_TRY(ctx.Spend(static_cast<uint64_t>(size + 1) * kStepsAnElement));
  MOIRE_ASSIGN(RangeTensor * out, ctx.Make(0, x.type, x.shape));
  if (size == 0) return {};
  const int64_t plane = size / (x.shape[0] * channels);
  const int64_t group_channels = channels / groups;
  const int64_t n = group_channels * plane;
  std::vector<int64_t> step(static_cast<size_t>(n));
  for (int64_t k = 0; k < n; ++k) step[static_cast<size_t>(k)] = k;
  const Arithmetic stage(stash);
  const Arithmetic type(x.type);
  const double epsilon = ctx.node().Float("epsilon", 1e-5f);
  LineReader reader(x);
  CastRow cast;
  for (int64_t line = 0; line < x.shape[0] * groups; ++line) {
    const int64_t start = line * n;
    const uint8_t marks = reader.Marks(start, step);
    const Row row = cast.Cast(x.type, stash, reader.Read(start, step), n);
    const Statistics statistics = MeanAndVariance(stash, row, n);
    const Interval inverse = InverseDeviation(stage, statistics.variance, epsilon);
    for (int64_t k = 0; k < n; ++k) {
      const int64_t group = line % groups;
      const auto channel =
          static_cast<size_t>(affine_by_group ? group : group * group_channels + k / plane);
      const Interval element{row.value[k], row.lo ? row.lo[k] : row.value[k],
                             row.hi ? row.hi[k] : row.value[k], marks};
      const Affine affine{ElementOf(scale, channel), ElementOf(bias, channel), true};
      StoreElement(*out, static_cast<size_t>(start + k),
                   Normalize(stage, type, element, statistics.mean, inverse, affine));
    }
  }
  Round(*out);
  return {};
}

Status CheckImage(const RangeTensor& x) {
  MOIRE_TRY(CheckFloat(x));
  if (x.shape.size() >= 3) return {};
  return Fail(ErrorCode::kInvalidInput, "an input of {} has no spatial axis", ToString(x.shape));
}

Status InstanceNormalization(KernelContext& ctx) {
  MOIRE_TRY(CheckImage(ctx.In(0)));
  if (ctx.In(0).shape[1] == 0) return Fail(ErrorCode::kUnsupported, "no channels");
  return Grouped(ctx, ctx.In(0).shape[1], ctx.In(0).type, false);
}

Status GroupNormalization18(KernelContext& ctx) {
  MOIRE_TRY(CheckImage(ctx.In(0)));
  return Grouped(ctx, ctx.node().Int("num_groups", 0), ctx.In(0).type, true);
}

Status GroupNormalization(KernelContext& ctx) {
  MOIRE_TRY(CheckImage(ctx.In(0)));
  MOIRE_ASSIGN(const DataType stash, StashType(ctx));
  return Grouped(ctx, ctx.node().Int("num_groups", 0), stash, false);
}

// ---- MeanVarianceNormalization.

Status MeanVarianceNormalization(KernelContext& ctx) {
  const RangeTensor& x = ctx.In(0);
  MOIRE_TRY(CheckFloat(x));
  std::vector<bool> along(x.shape.size(), false);
  for (const int64_t axis : ctx.node().IntList("axes", {0, 2, 3})) {
    const auto normal = NormalizeAxis(axis, static_cast<int64_t>(x.shape.size()));
    if (!normal) {
      return Fail(ErrorCode::kInvalidInput, "axis {} is out of range for rank {}", axis,
                  x.shape.size());
    }
    along[static_cast<size_t>(*normal)] = true;
  }
  MOIRE_ASSIGN(const Lines lines, LinesAlong(ctx, x.shape, along, true));
  const size_t n = lines.step.size();
  MOIRE_TRY(ctx.Spend(lines.start.size() * (n + 1) * kStepsAnElement));
  MOIRE_ASSIGN(RangeTensor * out, ctx.Make(0, x.type, x.shape));
  const Arithmetic type(x.type);
  LineReader reader(x);
  for (const int64_t start : lines.start) {
    if (n == 0) break;
    const uint8_t marks = reader.Marks(start, lines.step);
    const Row row = reader.Read(start, lines.step);
    const Statistics statistics = MeanAndVariance(x.type, row, static_cast<int64_t>(n));
    Interval inverse = Undecidable(0);
    const Interval& variance = statistics.variance;
    if (std::isnan(variance.value) || variance.lo > 0) {
      // The function body adds 1e-9 to the deviation; the formula on the page does not.
      const Interval deviation = type.Sqrt(variance);
      inverse = Hull(type.Div(Exactly(1), type.Add(deviation, Exactly(1e-9f))),
                     type.Div(Exactly(1), deviation));
    }
    for (size_t k = 0; k < n; ++k) {
      const auto at = static_cast<size_t>(start + lines.step[k]);
      const Interval element{row.value[k], row.lo ? row.lo[k] : row.value[k],
                             row.hi ? row.hi[k] : row.value[k], marks};
      StoreElement(*out, at, Normalize(type, type, element, statistics.mean, inverse, Affine{}));
    }
  }
  Round(*out);
  return {};
}

constexpr KernelEntry kEntries[] = {
    {"LayerNormalization", 17, kLatest, LayerNormalization},
    {"RMSNormalization", 23, kLatest, RmsNormalization},
    {"InstanceNormalization", 1, kLatest, InstanceNormalization},
    {"GroupNormalization", 18, 20, GroupNormalization18},
    {"GroupNormalization", 21, kLatest, GroupNormalization},
    {"MeanVarianceNormalization", 9, kLatest, MeanVarianceNormalization},
};

}  // namespace

std::span<const KernelEntry> NormalizeKernels() { return kEntries; }

}  // namespace moire
