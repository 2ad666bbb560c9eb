// Resize and Upsample: nearest for every type, linear and cubic for floats, one axis after another.
//
// Runtimes compute coordinates in float32. A coordinate is taken as exact when every step of its
// formula is exact there; otherwise it has a slack, which makes the choice of a nearest element
// undecidable close to a boundary, and widens the weights of the other modes.
#include <algorithm>
#include <cmath>

#include "harness/case/float_bits.h"
#include "oracles/reference/kernels/families.h"
#include "oracles/reference/kernels/movement_util.h"
#include "oracles/reference/kernels/sums.h"

namespace moire {
namespace {

enum class Mode { kNearest, kLinear, kCubic };

constexpr double kMaxReach = 1 << 20;  // of a stretched filter, in elements

struct AxisPlan {
  int64_t in = 0;
  int64_t out = 0;
  double scale = 1;
  double roi_start = 0;
  double roi_end = 1;
  bool fractional = false;  // in * scale is no whole number: length_resized has two meanings
  bool identity() const { return in == out && scale == 1 && roi_start == 0 && roi_end == 1; }
};

struct Plan {
  Mode mode = Mode::kNearest;
  std::string transform;  // coordinate_transformation_mode
  std::string nearest;    // nearest_mode
  bool exclude_outside = false;
  bool antialias = false;
  double cubic_a = -0.75;
  double extrapolation = 0;
  std::vector<AxisPlan> axes;
};

struct Point {
  double at = 0;
  double slack = 0;  // 0: exact in float32
};

bool FloatExact(double x) { return RoundTo(DataType::kFloat, x) == x; }

// Where output coordinate i lies in the input, by the page's formulas.
Result<Point> Original(const Plan& plan, const AxisPlan& axis, int64_t i) {
  const auto x = static_cast<double>(i);
  const auto in = static_cast<double>(axis.in);
  const auto out = static_cast<double>(axis.out);
  const std::string& mode = plan.transform;
  const double unit = UnitRoundoff(DataType::kFloat);
  const auto half_pixel = [&](double offset) {
    const double moved = x + 0.5;
    const double quotient = moved / axis.scale;
    const double at = offset + quotient - 0.5;
    const bool exact = FloatExact(moved) && FloatExact(quotient) && FloatExact(at) &&
                       std::fma(quotient, axis.scale, -moved) == 0 && offset == 0;
    return Point{at, exact ? 0 : 6 * unit * (std::abs(quotient) + std::abs(offset) + 1)};
  };
  if (axis.identity()) return Point{x, 0};
  if (mode == "half_pixel" || (mode == "pytorch_half_pixel" && axis.out > 1)) return half_pixel(0);
  // With one output pixel the page's formula gives 0, its earlier reading and the node cases -0.5:
  // both clamp to the first element.
  if (mode == "pytorch_half_pixel") return Point{0, 0};
  if (mode == "half_pixel_symmetric") {
    const double adjustment = out / (axis.scale * in);
    return half_pixel(in / 2 * (1 - adjustment));
  }
  if (mode == "asymmetric") {
    const double at = x / axis.scale;
    const bool exact = FloatExact(at) && std::fma(at, axis.scale, -x) == 0;
    return Point{at, exact ? 0 : 4 * unit * (at + 1)};
  }
  if (axis.fractional) return Fail(ErrorCode::kUndecidable, "{} of a fractional length", mode);
  if (mode == "align_corners") {
    if (axis.out == 1) return Point{0, 0};
    const double at = x * (in - 1) / (out - 1);
    // The last point's rounding may fall outside by a unit: harmless after clamping.
    return Point{at, i == 0 ? 0 : 4 * unit * (at + 1)};
  }
  if (mode == "tf_crop_and_resize") {
    const double span = axis.roi_end - axis.roi_start;
    const double at = axis.out > 1 ? axis.roi_start * (in - 1) + x * span * (in - 1) / (out - 1)
                                   : 0.5 * (axis.roi_start + axis.roi_end) * (in - 1);
    const bool exact = i == 0 && axis.out > 1 && FloatExact(at);
    return Point{at, exact ? 0 : 8 * unit * (in * (std::abs(axis.roi_start) + std::abs(span)) + 1)};
  }
  // Opset 11 had tf_half_pixel_for_nn.
  return Fail(ErrorCode::kUnsupported, "coordinate_transformation_mode '{}'", mode);
}

double Nearest(const std::string& mode, double at) {
  if (mode == "floor") return std::floor(at);
  if (mode == "ceil") return std::ceil(at);
  if (mode == "round_prefer_ceil") return std::floor(at + 0.5);
  return std::ceil(at - 0.5);
}

struct Tap {
  int64_t index;  // clamped into the input
  double weight;
  double slack;         // of the weight, from the point's; cancels in the sum of the weights
  double rounding = 0;  // of the weight's own computation
};

// What one output coordinate is made of.
struct Sample {
  std::vector<Tap> taps;
  int64_t center = 0;  // an element near the point
  bool extrapolated = false;
  uint8_t mark = kDecided;
};

double LinearWeight(double distance) { return std::max(0.0, 1 - std::abs(distance)); }

// Keys' cubic convolution kernel with coefficient a.
double CubicWeight(double distance, double a) {
  const double d = std::abs(distance);
  if (d <= 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
  if (d < 2) return ((a * d - 5 * a) * d + 8 * a) * d - 4 * a;
  return 0;
}

Result<Sample> SampleAt(const Plan& plan, const AxisPlan& axis, int64_t i) {
  MOIRE_ASSIGN(const Point point, Original(plan, axis, i));
  Sample out;
  const auto last = static_cast<double>(axis.in - 1);
  if (plan.transform == "tf_crop_and_resize") {
    const auto outside = [&](double at) { return at < 0 || at > last; };
    out.extrapolated = outside(point.at);
    if (outside(point.at - point.slack) != outside(point.at + point.slack)) {
      out.mark = kUndecidable;
    }
  }
  const auto clamp = [&](double at) { return static_cast<int64_t>(std::clamp(at, 0.0, last)); };
  if (plan.mode == Mode::kNearest) {
    const int64_t chosen = clamp(Nearest(plan.nearest, point.at));
    if (clamp(Nearest(plan.nearest, point.at - point.slack)) != chosen ||
        clamp(Nearest(plan.nearest, point.at + point.slack)) != chosen) {
      out.mark = kUndecidable;
    }
    out.taps = {{chosen, 1, 0}};
    return out;
  }
  out.center = clamp(std::round(point.at));
  // "Antialiasing is achieved by stretching the resampling filter by a factor max(1, 1 / scale)";
  // the weights are divided by their sum, as in the official cases.
  const double shrink = plan.antialias ? std::min(axis.scale, 1.0) : 1;
  const bool normalised = plan.exclude_outside || shrink < 1;
  // Elements that have a weight anywhere within the slack.
  const double reach = std::ceil((plan.mode == Mode::kLinear ? 1 : 2) / shrink);
  if (reach > kMaxReach) return Fail(ErrorCode::kOverBudget, "a filter over {} elements", reach);
  const double from = std::floor(point.at - point.slack) - reach + 1;
  const double to = std::floor(point.at + point.slack) + reach;
  // The steepest slope of the weights: 1 for linear; for cubic it grows with |a|.
  const double slope = shrink * (plan.mode == Mode::kLinear ? 1 : 3 + 2 * std::abs(plan.cubic_a));
  // The cubic polynomials cancel terms of up to 8 a (d + 1).
  const double rounding = plan.mode == Mode::kLinear || point.at == std::floor(point.at)
                              ? 0
                              : 64 * UnitRoundoff(DataType::kFloat) * std::abs(plan.cubic_a);
  double sum = 0;
  for (double k = from; k <= to; ++k) {
    const double distance = (point.at - k) * shrink;
    const double weight =
        plan.mode == Mode::kLinear ? LinearWeight(distance) : CubicWeight(distance, plan.cubic_a);
    const bool outside = k < 0 || k > last;
    if (plan.exclude_outside && outside) continue;
    out.taps.push_back({clamp(k), weight, slope * point.slack, rounding});
    sum += weight;
  }
  if (plan.mode == Mode::kLinear && !normalised) {
    // A point that is clamped to the border first has its neighbour beside it, at weight zero.
    const double at = static_cast<double>(out.center);
    for (const double side : {-1.0, 1.0}) out.taps.push_back({clamp(at + side), 0, 0});
  }
  if (normalised) {
    if (!(std::abs(sum) > 1e-3)) {
      out.mark |= kUndecidable;
      sum = 1;
    }
    for (Tap& tap : out.taps) {
      tap.weight /= sum;
      tap.rounding /= std::abs(sum);
      tap.slack = (tap.slack * 8 + 8 * UnitRoundoff(DataType::kFloat)) / std::abs(sum);
    }
  }
  return out;
}

// One axis of an interpolation.
Result<RangeTensor> ResizeAxis(KernelContext& ctx, const Plan& plan, const AxisPlan& axis,
                               RangeTensor source, size_t a) {
  Shape shape = source.shape;
  shape[a] = axis.out;
  MOIRE_TRY(ctx.Reserve(source.type, shape));
  RangeTensor out = MakeRangeTensor(source.type, shape);
  out.MakeRanges();
  if (out.size() == 0) return out;
  const int64_t inner = Count(Dims(shape).subspan(a + 1));
  const int64_t outer = Count(Dims(shape).first(a));
  MOIRE_TRY(ctx.Spend(static_cast<uint64_t>(out.size()) * 8));
  source.MakeRanges();
  const double unit = UnitRoundoff(source.type);
  for (int64_t i = 0; i < axis.out; ++i) {
    MOIRE_ASSIGN(const Sample sample, SampleAt(plan, axis, i));
    MOIRE_TRY(ctx.Spend(sample.taps.size() * static_cast<uint64_t>(outer * inner)));
    for (int64_t o = 0; o < outer * inner; ++o) {
      const int64_t base = o / inner * axis.in * inner + o % inner;
      const auto at = static_cast<size_t>((o / inner * axis.out + i) * inner + o % inner);
      double value = 0, lo = 0, hi = 0, size = 0, moved = 0, terms = 0;
      uint8_t marks = sample.mark;
      // The weights' errors cancel in their sum: what counts is how far the elements are apart.
      const double center = source.value[static_cast<size_t>(base + sample.center * inner)];
      for (const Tap& tap : sample.taps) {
        const auto s = static_cast<size_t>(base + tap.index * inner);
        const double a_lo = tap.weight * source.lo[s], a_hi = tap.weight * source.hi[s];
        value += tap.weight * source.value[s];
        terms += tap.weight != 0;
        lo += std::min(a_lo, a_hi);
        hi += std::max(a_lo, a_hi);
        size += std::abs(tap.weight) * std::max(std::abs(source.lo[s]), std::abs(source.hi[s]));
        moved +=
            tap.slack * std::max(std::abs(source.lo[s] - center), std::abs(source.hi[s] - center));
        moved += tap.rounding * std::max(std::abs(source.lo[s]), std::abs(source.hi[s]));
        marks |= source.MarkAt(s);
        // Whether an element of weight zero takes part is open.
        if (!std::isfinite(source.lo[s]) || !std::isfinite(source.hi[s])) marks |= kUndecidable;
      }
      if (!(size <= Traits(source.type).max_finite)) marks |= kUndecidable;
      // A rounding for each weight, product and sum.
      const double error = unit * size * 3 * terms + moved + 8 * SmallestSubnormal(source.type);
      out.value[at] = sample.extrapolated ? 0 : value;
      out.lo[at] = lo - error;
      out.hi[at] = hi + error;
      out.AddMark(at, marks);
    }
  }
  return out;
}

// Marks or fills what lies outside in tf_crop_and_resize, or cannot be decided, along each axis.
Status FinishOutside(const Plan& plan, RangeTensor& out) {
  const Shape strides = Strides(out.shape);
  RangeTensor fill = MakeRangeTensor(out.type, {});
  if (IsFloat(out.type)) {
    fill.value[0] = RoundTo(out.type, plan.extrapolation);
  } else if (IsExact(out.type)) {
    fill.ints[0] = static_cast<int64_t>(plan.extrapolation);
  }
  for (size_t a = 0; a < plan.axes.size(); ++a) {
    std::vector<Sample> samples;
    for (int64_t i = 0; i < plan.axes[a].out; ++i) {
      MOIRE_ASSIGN(Sample sample, SampleAt(plan, plan.axes[a], i));
      samples.push_back(std::move(sample));
    }
    for (int64_t i = 0; i < out.size(); ++i) {
      const Sample& sample = samples[static_cast<size_t>(i / strides[a] % out.shape[a])];
      // An axis that decides "outside" for certain overrules marks of the others only in theory.
      if (sample.extrapolated) CopyElements(out, i, fill, 0, 1);
      out.AddMark(static_cast<size_t>(i), sample.mark);
    }
  }
  return {};
}

Status RunPlan(KernelContext& ctx, const Plan& plan) {
  const RangeTensor& x = ctx.In(0);
  Shape shape;
  for (const AxisPlan& axis : plan.axes) {
    shape.push_back(axis.out);
    if (axis.in == 0 && axis.out > 0) {
      return Fail(ErrorCode::kInvalidInput, "nothing to make {} elements of", axis.out);
    }
  }
  MOIRE_TRY(ctx.Reserve(x.type, shape));
  if (Count(shape) == 0) return Move(ctx, 0, x, shape, {});
  if (plan.mode == Mode::kNearest) {
    MOIRE_ASSIGN(std::vector<AxisTable> tables, MakeAxisTables(ctx, shape));
    const Shape strides = Strides(x.shape);
    for (size_t a = 0; a < tables.size(); ++a) {
      for (size_t i = 0; i < tables[a].size(); ++i) {
        MOIRE_ASSIGN(const Sample sample, SampleAt(plan, plan.axes[a], static_cast<int64_t>(i)));
        tables[a][i] = sample.taps[0].index * strides[a];
      }
    }
    MOIRE_ASSIGN(const std::vector<int64_t> index, IndexMap(ctx, tables));
    MOIRE_TRY(Move(ctx, 0, x, shape, index));
    return FinishOutside(plan, ctx.Out(0));
  }
  // How an interpolated value becomes an integer is not said.
  if (!IsFloat(x.type)) return Fail(ErrorCode::kUnsupported, "interpolation of {}", Name(x.type));
  RangeTensor current = x;
  // Usual implementations interpolate along axes of scale 1 as well: the neighbour at weight zero
  // matters where it is not finite.
  const auto not_finite = [](double value) { return !std::isfinite(value); };
  const bool finite = std::ranges::none_of(x.value, not_finite) &&
                      std::ranges::none_of(x.lo, not_finite) &&
                      std::ranges::none_of(x.hi, not_finite) &&
                      std::ranges::all_of(x.marks, [](uint8_t mark) { return mark == kDecided; });
  for (size_t a = 0; a < plan.axes.size(); ++a) {
    if (plan.axes[a].identity() && finite) continue;
    MOIRE_ASSIGN(current, ResizeAxis(ctx, plan, plan.axes[a], std::move(current), a));
  }
  ctx.Out(0) = std::move(current);
  if (plan.transform == "tf_crop_and_resize") {
    MOIRE_TRY(FinishOutside(plan, ctx.Out(0)));
  }
  Round(ctx.Out(0));
  return {};
}

// The elements of an exact float input.
Result<std::vector<double>> ExactFloats(const RangeTensor& input) {
  if (!IsFloat(input.type)) return Fail(ErrorCode::kInvalidInput, "{} input", Name(input.type));
  if (AllMarks(input) != kDecided) return Fail(ErrorCode::kUndecidable, "scales not certain");
  for (size_t i = 0; !input.exact() && i < input.value.size(); ++i) {
    if (input.lo[i] != input.hi[i]) return Fail(ErrorCode::kUndecidable, "scales not certain");
  }
  return input.value;
}

// floor(length * scale), where float32 and exact arithmetic agree.
Result<int64_t> ScaledLength(double length, double scale, bool& fractional) {
  const double exact = length * scale;
  const double usual = RoundTo(DataType::kFloat, exact);
  if (!(scale > 0) || !(exact < 0x1p40)) {
    return Fail(ErrorCode::kInvalidInput, "{} elements scaled by {}", length, scale);
  }
  if (std::floor(exact) != std::floor(usual)) {
    return Fail(ErrorCode::kUndecidable, "{} elements scaled by {}: {} or {}", length, scale,
                std::floor(exact), std::floor(usual));
  }
  fractional = std::floor(usual) != usual;
  return static_cast<int64_t>(usual);
}

Status PlanScales(Plan& plan, const Ints& axes, std::span<const double> scales) {
  if (scales.size() != axes.size()) {
    return Fail(ErrorCode::kInvalidInput, "{} scales for {} axes", scales.size(), axes.size());
  }
  for (size_t k = 0; k < axes.size(); ++k) {
    AxisPlan& axis = plan.axes[static_cast<size_t>(axes[k])];
    axis.scale = scales[k];
    const auto in = static_cast<double>(axis.in);
    MOIRE_ASSIGN(axis.out, ScaledLength(in, axis.scale, axis.fractional));
    // "scale = length_resized / length_original" is 1 then, which is not what was given.
    if (axis.out == axis.in && axis.scale != 1) {
      return Fail(ErrorCode::kUndecidable, "{} elements scaled by {}", axis.in, axis.scale);
    }
    // The page's formula of the output size has the region in it; ONNX's shape inference and
    // reference leave it out.
    const double span = axis.roi_end - axis.roi_start;
    if (plan.transform == "tf_crop_and_resize" &&
        std::floor(in * span * axis.scale) != static_cast<double>(axis.out)) {
      return Fail(ErrorCode::kUndecidable, "a region of {} scaled", span);
    }
  }
  return {};
}

Status PlanSizes(KernelContext& ctx, Plan& plan, const Ints& axes, const Ints& sizes) {
  if (sizes.size() != axes.size()) {
    return Fail(ErrorCode::kInvalidInput, "{} sizes for {} axes", sizes.size(), axes.size());
  }
  const std::string policy =
      ctx.opset() >= 18 ? ctx.node().String("keep_aspect_ratio_policy", "stretch") : "stretch";
  double common = 0;
  for (size_t k = 0; k < axes.size(); ++k) {
    AxisPlan& axis = plan.axes[static_cast<size_t>(axes[k])];
    // A size of 0 would be a scale of 0, and scales are greater than 0.
    if (sizes[k] < (axis.in == 0 ? 0 : 1) || sizes[k] > (int64_t{1} << 40)) {
      return Fail(ErrorCode::kInvalidInput, "size {}", sizes[k]);
    }
    axis.out = sizes[k];
    if (axis.in == 0) continue;
    axis.scale = static_cast<double>(axis.out) / static_cast<double>(axis.in);
    const bool better = policy == "not_larger" ? axis.scale < common : axis.scale > common;
    if (k == 0 || better) common = axis.scale;
  }
  if (policy == "stretch") return {};
  for (const int64_t a : axes) {
    AxisPlan& axis = plan.axes[static_cast<size_t>(a)];
    axis.scale = common;
    const double length = common * static_cast<double>(axis.in);
    axis.out = static_cast<int64_t>(std::floor(length + 0.5));
    const double to_tie = std::abs(length - std::floor(length) - 0.5);
    if (to_tie > 0 && to_tie < 4 * UnitRoundoff(DataType::kFloat) * (length + 1)) {
      return Fail(ErrorCode::kUndecidable, "an extent of {} rounds either way", length);
    }
    axis.fractional = std::floor(length) != length;
  }
  return {};
}

Result<Mode> ParseMode(const std::string& name) {
  if (name == "nearest") return Mode::kNearest;
  if (name == "linear" || name == "bilinear") return Mode::kLinear;
  if (name == "cubic") return Mode::kCubic;
  return Fail(ErrorCode::kInvalidInput, "mode '{}'", name);
}

Status PlanRoi(KernelContext& ctx, Plan& plan, const Ints& axes) {
  if (plan.transform != "tf_crop_and_resize") return {};
  if (ctx.Input(1) == nullptr) return Fail(ErrorCode::kInvalidInput, "roi is missing");
  MOIRE_ASSIGN(const std::vector<double> roi, ExactFloats(ctx.In(1)));
  if (roi.size() != 2 * axes.size()) {
    return Fail(ErrorCode::kInvalidInput, "roi of {} for {} axes", roi.size(), axes.size());
  }
  for (size_t k = 0; k < axes.size(); ++k) {
    AxisPlan& axis = plan.axes[static_cast<size_t>(axes[k])];
    axis.roi_start = roi[k];
    axis.roi_end = roi[k + axes.size()];
    if (!std::isfinite(axis.roi_start) || !std::isfinite(axis.roi_end)) {
      return Fail(ErrorCode::kInvalidInput, "roi is not finite");
    }
  }
  return {};
}

Plan IdentityPlan(const RangeTensor& x) {
  Plan plan;
  for (const int64_t dim : x.shape) {
    AxisPlan axis;
    axis.in = axis.out = dim;
    plan.axes.push_back(axis);
  }
  return plan;
}

// Resize since opset 11.
Status Resize(KernelContext& ctx) {
  const RangeTensor& x = ctx.In(0);
  const Node& node = ctx.node();
  Plan plan = IdentityPlan(x);
  MOIRE_ASSIGN(plan.mode, ParseMode(node.String("mode", "nearest")));
  plan.transform = node.String("coordinate_transformation_mode", "half_pixel");
  plan.nearest = node.String("nearest_mode", "round_prefer_floor");
  plan.exclude_outside = node.Int("exclude_outside", 0) != 0;
  plan.cubic_a = static_cast<double>(node.Float("cubic_coeff_a", -0.75f));
  plan.extrapolation = static_cast<double>(node.Float("extrapolation_value", 0));
  if (ctx.opset() >= 18) {
    MOIRE_ASSIGN(plan.antialias, ctx.Flag("antialias", false));
  }
  if (plan.exclude_outside && plan.mode == Mode::kLinear) {
    return Fail(ErrorCode::kUnsupported, "exclude_outside with linear");
  }
  Ints axes(x.shape.size());
  for (size_t d = 0; d < axes.size(); ++d) axes[d] = static_cast<int64_t>(d);
  if (ctx.opset() >= 18 && node.Find("axes") != nullptr) {
    MOIRE_ASSIGN(axes, Axes(node.IntList("axes"), x.shape.size()));
  }
  MOIRE_TRY(PlanRoi(ctx, plan, axes));
  const RangeTensor* scales = ctx.Input(2);
  const RangeTensor* sizes = ctx.Input(3);
  // An empty tensor stands for an omitted one, as opset 11 had no other way to leave it out.
  if (scales != nullptr && scales->size() == 0 && sizes != nullptr) scales = nullptr;
  if ((scales == nullptr) == (sizes == nullptr)) {
    return Fail(ErrorCode::kInvalidInput, "one of scales and sizes must be given");
  }
  if (scales != nullptr) {
    MOIRE_ASSIGN(const std::vector<double> values, ExactFloats(*scales));
    MOIRE_TRY(PlanScales(plan, axes, values));
  } else {
    MOIRE_ASSIGN(const Ints values, ctx.ExactList(3));
    MOIRE_TRY(PlanSizes(ctx, plan, axes, values));
  }
  return RunPlan(ctx, plan);
}

// Upsample and Resize of opset 10: x_resized / scale, rounded down. The pages say nothing of the
// choice when sampling down.
Status Upsample(KernelContext& ctx) {
  const RangeTensor& x = ctx.In(0);
  Plan plan = IdentityPlan(x);
  MOIRE_ASSIGN(plan.mode, ParseMode(ctx.node().String("mode", "nearest")));
  plan.transform = "asymmetric";
  plan.nearest = "floor";
  std::vector<double> scales;
  if (ctx.opset() >= 9) {
    MOIRE_ASSIGN(scales, ExactFloats(ctx.In(1)));
  } else if (const Attribute* a = ctx.node().Find("scales")) {
    const auto* list = std::get_if<Floats>(&a->value);
    if (list != nullptr) scales.assign(list->begin(), list->end());
  }
  Ints axes(x.shape.size());
  for (size_t d = 0; d < axes.size(); ++d) axes[d] = static_cast<int64_t>(d);
  MOIRE_TRY(PlanScales(plan, axes, scales));
  for (const double scale : scales) {
    if (scale < 1) return Fail(ErrorCode::kUndecidable, "sampling down by {}", scale);
  }
  return RunPlan(ctx, plan);
}

constexpr KernelEntry kResizeKernels[] = {
    {"Upsample", 7, 9, Upsample},
    {"Resize", 10, 10, Upsample},
    {"Resize", 11, kLatest, Resize},
};

}  // namespace

std::span<const KernelEntry> ResizeKernels() { return kResizeKernels; }

}  // namespace moire
