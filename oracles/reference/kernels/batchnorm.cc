// BatchNormalization, LRN, LpNormalization.
#include <algorithm>
#include <cmath>

#include "harness/case/float_bits.h"
#include "oracles/reference/kernels/families.h"
#include "oracles/reference/kernels/statistics.h"

namespace moire {
namespace {

// ---- BatchNormalization: (x - mean) / sqrt(var + epsilon) * scale + bias, a channel at a time.
// Also legal: x * factor + (bias - mean * factor), which is what folding into weights computes.

// Training mode: the statistics of this batch, over all axes but the channels, "in float to avoid
// overflow for float16 inputs"; the running statistics are a mean of the old ones and these.
Status TrainingBatch(KernelContext& ctx) {
  const RangeTensor& x = ctx.In(0);
  const int64_t channels = x.shape.size() < 2 ? 1 : x.shape[1];
  const DataType stage = Traits(x.type).precision < 24 ? DataType::kFloat : x.type;
  const double epsilon = static_cast<double>(ctx.node().Float("epsilon", 1e-5f));
  const double momentum = static_cast<double>(ctx.node().Float("momentum", 0.9f));
  std::vector<bool> along(x.shape.size(), true);
  if (x.shape.size() > 1) along[1] = false;
  MOIRE_ASSIGN(const Lines lines, LinesAlong(ctx, x.shape, along, false));
  MOIRE_TRY(ctx.Spend(static_cast<uint64_t>(x.size() + channels) * 80));
  MOIRE_ASSIGN(RangeTensor * out, ctx.Make(0, x.type, x.shape));
  RangeTensor* running[2] = {nullptr, nullptr};
  for (size_t i = 0; i < 2; ++i) {
    if (!ctx.Wants(i + 1)) continue;
    MOIRE_ASSIGN(running[i], ctx.Make(i + 1, ctx.In(i + 3).type, {channels}));
  }
  const auto n = static_cast<int64_t>(lines.step.size());
  const Arithmetic type(x.type), wide(stage);
  LineReader reader(x);
  for (size_t c = 0; c < lines.start.size(); ++c) {
    Statistics statistics{Undecidable(0), Undecidable(0)};
    uint8_t marks = kUnspecified;  // statistics of nothing
    Row row;
    if (n > 0) {
      row = reader.Read(lines.start[c], lines.step);
      marks = reader.Marks(lines.start[c], lines.step);
      statistics = MeanAndVariance(stage, row, n);
    }
    const Interval current[] = {statistics.mean, statistics.variance};
    for (size_t i = 0; i < 2; ++i) {
      if (running[i] == nullptr) continue;
      const Interval kept = wide.Mul(ElementOf(ctx.In(i + 3), c), Exactly(momentum));
      // 1 - momentum rounds once more.
      Interval mixed =
          wide.Add(kept, wide.Rounded(ExactProduct(current[i], Exactly(1 - momentum)), 2));
      mixed.mark |= marks;
      StoreElement(*running[i], c, mixed);
    }
    const Interval inverse =
        wide.Div(Exactly(1), wide.Sqrt(wide.Add(statistics.variance, Exactly(epsilon))));
    const Affine affine{ElementOf(ctx.In(1), c), ElementOf(ctx.In(2), c), true};
    for (int64_t k = 0; k < n; ++k) {
      const Interval element{row.value[k], row.lo ? row.lo[k] : row.value[k],
                             row.hi ? row.hi[k] : row.value[k], marks};
      StoreElement(*out, static_cast<size_t>(lines.start[c] + lines.step[static_cast<size_t>(k)]),
                   Normalize(wide, type, element, statistics.mean, inverse, affine));
    }
  }
  Round(*out);
  for (RangeTensor* statistic : running) {
    if (statistic != nullptr) Round(*statistic);
  }
  return {};
}

Status BatchNormalization(KernelContext& ctx) {
  const RangeTensor& x = ctx.In(0);
  if (!IsFloat(x.type)) {
    return Fail(ErrorCode::kInvalidInput, "normalisation of {}", Name(x.type));
  }
  MOIRE_ASSIGN(const bool training, ctx.Flag("training_mode", false));
  if (ctx.opset() < 14 && ctx.Wants(1)) return Fail(ErrorCode::kUnsupported, "training mode");
  if (!training && ctx.Wants(1)) {
    return Fail(ErrorCode::kInvalidInput, "running statistics in inference mode");
  }
  if (ctx.opset() < 9 && ctx.node().Int("spatial", 1) == 0) {
    return Fail(ErrorCode::kUnsupported, "spatial is 0");
  }
  if (x.shape.empty()) return Fail(ErrorCode::kInvalidInput, "a scalar has no channels");
  const int64_t channels = x.shape.size() < 2 ? 1 : x.shape[1];
  for (size_t i = 1; i < 5; ++i) {
    if (!IsFloat(ctx.In(i).type) || ctx.In(i).shape != Shape{channels}) {
      return Fail(ErrorCode::kInvalidInput, "input {} is {} {} for {} channels", i,
                  Name(ctx.In(i).type), ToString(ctx.In(i).shape), channels);
    }
  }
  const int64_t size = x.size();
  if (training) return TrainingBatch(ctx);
  MOIRE_TRY(ctx.Spend(static_cast<uint64_t>(size + channels) * 40));
  MOIRE_ASSIGN(RangeTensor * out, ctx.Make(0, x.type, x.shape));
  if (size == 0) return {};
  const int64_t plane = size / (x.shape[0] * channels);
  const double epsilon = ctx.node().Float("epsilon", 1e-5f);
  const Arithmetic type(x.type);
  for (int64_t c = 0; c < channels; ++c) {
    const auto channel = static_cast<size_t>(c);
    const Interval scale = ElementOf(ctx.In(1), channel);
    const Interval bias = ElementOf(ctx.In(2), channel);
    const Interval mean = ElementOf(ctx.In(3), channel);
    const Interval deviation = type.Sqrt(type.Add(ElementOf(ctx.In(4), channel), Exactly(epsilon)));
    const Interval factor = type.Div(scale, deviation);
    const Interval shift = type.Sub(bias, type.Mul(mean, factor));
    // Folded into the weights before, the factor scales the terms of a sum that may cancel: what
    // those are is not known here, so a channel that comes near overflow is undecidable.
    double largest = 1;
    for (int64_t b = 0; b < x.shape[0]; ++b) {
      for (int64_t k = 0; k < plane; ++k) {
        const auto at = static_cast<size_t>((b * channels + c) * plane + k);
        if (std::isfinite(x.value[at])) largest = std::max(largest, std::abs(x.value[at]));
      }
    }
    const double headroom = x.type == DataType::kFloat16 ? 0x1p-4 : 0x1p-24;
    const bool near_overflow =
        largest * std::abs(factor.value) > Traits(x.type).max_finite * headroom;
    // (x - mean) / deviation, taken before the scale, may overflow where the product does not.
    const bool centred_overflows =
        largest + std::abs(mean.value) > Traits(x.type).max_finite / 2 * deviation.value;
    for (int64_t b = 0; b < x.shape[0]; ++b) {
      for (int64_t k = 0; k < plane; ++k) {
        const auto at = static_cast<size_t>((b * channels + c) * plane + k);
        const Interval element = ElementOf(x, at);
        // Dividing before scaling rounds once more than one product with the factor.
        const Interval centred = type.Rounded(ExactProduct(type.Sub(element, mean), factor), 2);
        Interval result = Hull(type.Add(centred, bias), type.Add(type.Mul(element, factor), shift));
        if (near_overflow || centred_overflows) result.mark |= kUndecidable;
        // The shift may be what the accumulation of the products behind x starts from.
        const double error = static_cast<double>(x.sum_terms) * type.unit() * std::abs(shift.value);
        if (std::isfinite(error)) {
          result.lo -= error;
          result.hi += error;
        }
        StoreElement(*out, at, result);
      }
    }
  }
  out->sum_terms = x.sum_terms;
  Round(*out);
  return {};
}

// ---- LRN: x / (bias + alpha / size * sum of squares over nearby channels) ^ beta.

Status Lrn(KernelContext& ctx) {
  const RangeTensor& x = ctx.In(0);
  if (!IsFloat(x.type)) {
    return Fail(ErrorCode::kInvalidInput, "normalisation of {}", Name(x.type));
  }
  if (x.shape.size() < 3) {
    return Fail(ErrorCode::kInvalidInput, "an input of {} has no spatial axis", ToString(x.shape));
  }
  const int64_t size = ctx.node().Int("size", 0);
  if (size <= 0) return Fail(ErrorCode::kInvalidInput, "size is {}", size);
  const double alpha = ctx.node().Float("alpha", 0.0001f);
  const double beta = ctx.node().Float("beta", 0.75f);
  const double bias = ctx.node().Float("bias", 1.0f);
  const int64_t channels = x.shape[1];
  MOIRE_ASSIGN(const Lines lines, LinesAlong(ctx, x.shape, 1, true));
  MOIRE_TRY(ctx.Spend(static_cast<uint64_t>(x.size() + 1) *
                      static_cast<uint64_t>(40 + 8 * std::min(size, channels))));
  MOIRE_ASSIGN(RangeTensor * out, ctx.Make(0, x.type, x.shape));
  if (channels == 0) return {};
  const Arithmetic type(x.type);
  const double share = alpha / static_cast<double>(size);
  LineReader reader(x);
  for (const int64_t start : lines.start) {
    const Row row = reader.Read(start, lines.step);
    // bias + share * sum may slide along the channels as a whole, adding one square and taking one
    // away: each step rounds it, where bias may be all there is, and an overflow anywhere stays.
    const Interval all = SumOfSquares(x.type, row, channels);
    const double largest = std::abs(bias) + std::abs(share) * std::max(all.hi, 0.0);
    const double sliding = 2 * static_cast<double>(channels) * type.unit() * largest;
    const uint8_t marks = reader.Marks(start, lines.step);
    for (int64_t c = 0; c < channels; ++c) {
      const int64_t first = std::max<int64_t>(0, c - (size - 1) / 2);
      const int64_t last = std::min(channels - 1, c + size / 2);
      const Row window{row.value + first, row.lo ? row.lo + first : nullptr,
                       row.hi ? row.hi + first : nullptr};
      Interval sum = SumOfSquares(x.type, window, last - first + 1);
      sum.mark |= all.mark | marks;
      if (!std::isfinite(all.hi)) sum.mark |= kUndecidable;
      Interval base = type.Add(type.Rounded(ExactProduct(sum, Exactly(share)), 2), Exactly(bias));
      base.lo -= sliding;
      base.hi += sliding;
      const Interval element{row.value[c], row.lo ? row.lo[c] : row.value[c],
                             row.hi ? row.hi[c] : row.value[c], kDecided};
      const auto at = static_cast<size_t>(start + lines.step[static_cast<size_t>(c)]);
      if (!std::isnan(base.value) && base.lo <= 0) {
        StoreElement(*out, at, Undecidable(0));
        continue;
      }
      // Divided by the power, or multiplied with the power of -beta.
      StoreElement(*out, at, type.Div(element, type.Pow(base, beta)));
    }
  }
  Round(*out);
  return {};
}

// ---- LpNormalization: x / norm along an axis.

Status LpNormalization(KernelContext& ctx) {
  const RangeTensor& x = ctx.In(0);
  if (!IsFloat(x.type)) {
    return Fail(ErrorCode::kInvalidInput, "normalisation of {}", Name(x.type));
  }
  const auto axis = NormalizeAxis(ctx.node().Int("axis", -1), static_cast<int64_t>(x.shape.size()));
  if (!axis) {
    return Fail(ErrorCode::kInvalidInput, "axis is out of range for rank {}", x.shape.size());
  }
  const int64_t p = ctx.node().Int("p", 2);
  if (p != 1 && p != 2) return Fail(ErrorCode::kInvalidInput, "p is {}", p);
  MOIRE_ASSIGN(const Lines lines, LinesAlong(ctx, x.shape, *axis, true));
  const auto n = static_cast<int64_t>(lines.step.size());
  MOIRE_TRY(ctx.Spend(lines.start.size() * static_cast<uint64_t>(n + 1) * 40));
  MOIRE_ASSIGN(RangeTensor * out, ctx.Make(0, x.type, x.shape));
  const Arithmetic type(x.type);
  LineReader reader(x);
  std::vector<double> value, lo, hi;
  for (const int64_t start : lines.start) {
    if (n == 0) break;
    const Row row = reader.Read(start, lines.step);
    Interval norm;
    if (p == 2) {
      norm = type.Sqrt(RoundedSquares(type, row, n));
    } else {
      value.clear();
      lo.clear();
      hi.clear();
      for (int64_t k = 0; k < n; ++k) {
        const Interval size = Abs({row.value[k], row.lo ? row.lo[k] : row.value[k],
                                   row.hi ? row.hi[k] : row.value[k], kDecided});
        value.push_back(size.value);
        lo.push_back(size.lo);
        hi.push_back(size.hi);
      }
      norm = type.Rounded(SumOf(x.type, {value.data(), lo.data(), hi.data()}, n));
      norm.lo = std::max(norm.lo, 0.0);
    }
    norm.mark |= reader.Marks(start, lines.step);
    // "When the Lp norm is zero [...] the output is defined to be zero".
    const bool zero = norm.value == 0 && norm.exact();
    for (int64_t k = 0; k < n; ++k) {
      const auto at = static_cast<size_t>(start + lines.step[static_cast<size_t>(k)]);
      const Interval element{row.value[k], row.lo ? row.lo[k] : row.value[k],
                             row.hi ? row.hi[k] : row.value[k], norm.mark};
      if (zero) {
        StoreElement(*out, at, {0, 0, 0, norm.mark});
      } else {
        StoreElement(*out, at, type.Div(element, norm));
      }
    }
  }
  Round(*out);
  return {};
}

constexpr KernelEntry kEntries[] = {
    {"BatchNormalization", 7, kLatest, BatchNormalization},
    {"LRN", 1, kLatest, Lrn},
    {"LpNormalization", 1, kLatest, LpNormalization},
};

}  // namespace

std::span<const KernelEntry> BatchNormKernels() { return kEntries; }

}  // namespace moire
