// GridSample.
//
// A sampling point has a slack, as in resize.cc: within it a nearest element may be another one
// (undecidable), and the weights of linear and cubic sampling are widened.
#include <algorithm>
#include <cmath>

#include "harness/case/float_bits.h"
#include "oracles/reference/kernels/families.h"
#include "oracles/reference/kernels/interpolate.h"
#include "oracles/reference/kernels/movement_util.h"

namespace moire {
namespace {

enum class Padding { kZeros, kBorder, kReflection };
enum class Mode { kNearest, kLinear, kCubic };

struct Sampling {
  Mode mode = Mode::kLinear;
  Padding padding = Padding::kZeros;
  bool align_corners = false;
};

// Reflects at low and high until inside; high > low.
double Reflect(double x, double low, double high) {
  const double range = high - low;
  const double from = x < low ? low - x : x - high;
  if (from <= 0) return x;
  const double turns = std::floor(from / range);
  const double rest = from - turns * range;
  const bool even = std::fmod(turns, 2) == 0;
  return (x < low) == even ? low + rest : high - rest;
}

int64_t PaddedIndex(const Sampling& s, double at, int64_t length) {
  const auto last = static_cast<double>(length - 1);
  if (at >= 0 && at <= last) return static_cast<int64_t>(at);
  if (s.padding == Padding::kZeros) return -1;
  if (s.padding == Padding::kBorder || length == 1) {
    return static_cast<int64_t>(std::clamp(at, 0.0, last));
  }
  const double edge = s.align_corners ? 0 : 0.5;
  return std::clamp<int64_t>(static_cast<int64_t>(Reflect(at, -edge, last + edge)), 0, length - 1);
}

double Weight(Mode mode, double distance) {
  const double d = std::abs(distance);
  if (mode == Mode::kLinear) return std::max(0.0, 1 - d);
  constexpr double kA = -0.75;  // the page names no coefficient; ONNX's node cases and PyTorch
  if (d <= 1) return ((kA + 2) * d - (kA + 3)) * d * d + 1;
  if (d < 2) return ((kA * d - 5 * kA) * d + 8 * kA) * d - 4 * kA;
  return 0;
}

// The input elements for one normalised coordinate (-1 to 1) along an axis.
AxisSample SampleAxis(const Sampling& s, const Interval& n, DataType grid_type, int64_t length) {
  AxisSample out;
  out.mark = n.mark;
  const auto size = static_cast<double>(length);
  const auto place = [&](double at) {
    return s.align_corners ? (at + 1) / 2 * (size - 1) : ((at + 1) * size - 1) / 2;
  };
  double at = place(n.value);
  if (!(std::abs(at) < 0x1p30) || !std::isfinite(n.lo) || !std::isfinite(n.hi)) {
    out.mark |= kUnspecified;  // NaN, and what no index type holds
    out.taps = {{0, 1, 0, 0}};
    return out;
  }
  const auto exact_in = [&](double v) { return RoundTo(grid_type, v) == v; };
  const double steps = (n.value + 1) * (s.align_corners ? size - 1 : size);
  const bool exact =
      n.exact() && exact_in(n.value + 1) && exact_in(steps) && exact_in(steps - 1) && exact_in(at);
  const double unit = UnitRoundoff(grid_type);
  double slack = exact ? 0 : 8 * unit * ((std::abs(n.value) + 1) * size + 1);
  slack += std::max(at - place(n.lo), place(n.hi) - at);

  if (s.mode == Mode::kNearest) {
    const auto chosen = [&](double x) { return PaddedIndex(s, std::nearbyint(x), length); };
    out.taps = {{chosen(at), 1, 0, 0}};
    if (chosen(at - slack) != chosen(at) || chosen(at + slack) != chosen(at)) {
      out.mark |= kUndecidable;
    }
    return out;
  }
  const double last = size - 1;
  const double edge = s.align_corners ? 0 : 0.5;
  if (s.padding == Padding::kBorder) {
    // Whether the point or only its neighbours are clamped shows in cubic sampling alone.
    if (s.mode == Mode::kCubic && (at < slack || at > last - slack)) out.mark |= kUndecidable;
    at = std::clamp(at, 0.0, last);
  } else if (s.padding == Padding::kReflection) {
    if (length == 1 && s.align_corners) {
      at = 0;
    } else {
      at = Reflect(at, -edge, last + edge);
      slack += 4 * unit * (size + 1) * (exact ? 0 : 1);
    }
    if (s.mode == Mode::kCubic && (at < slack || at > last - slack)) out.mark |= kUndecidable;
  }
  const int reach = s.mode == Mode::kLinear ? 1 : 2;
  const double slope = s.mode == Mode::kLinear ? 1 : 4.5;
  // The cubic polynomials cancel terms of up to 8 a (d + 1) = 12.
  const double rounding = s.mode == Mode::kLinear ? 0 : 48 * UnitRoundoff(DataType::kFloat);
  for (double k = std::floor(at - slack) - reach + 1; k <= std::floor(at + slack) + reach; ++k) {
    out.taps.push_back(
        {PaddedIndex(s, k, length), Weight(s.mode, at - k), slope * slack, rounding});
  }
  return out;
}

Result<Sampling> ReadSampling(const KernelContext& ctx) {
  Sampling out;
  const std::string mode = ctx.node().String("mode", ctx.opset() >= 20 ? "linear" : "bilinear");
  const std::string padding = ctx.node().String("padding_mode", "zeros");
  out.align_corners = ctx.node().Int("align_corners", 0) != 0;
  if (mode == "nearest") {
    out.mode = Mode::kNearest;
  } else if (mode == "cubic" || mode == "bicubic") {
    out.mode = Mode::kCubic;
  } else if (mode != "linear" && mode != "bilinear") {
    return Fail(ErrorCode::kInvalidInput, "mode '{}'", mode);
  }
  if (padding == "border") {
    out.padding = Padding::kBorder;
  } else if (padding == "reflection") {
    out.padding = Padding::kReflection;
  } else if (padding != "zeros") {
    return Fail(ErrorCode::kInvalidInput, "padding_mode '{}'", padding);
  }
  return out;
}

Status GridSample(KernelContext& ctx) {
  const RangeTensor& x = ctx.In(0);
  const RangeTensor& grid = ctx.In(1);
  MOIRE_ASSIGN(const Sampling sampling, ReadSampling(ctx));
  const size_t r = x.shape.size() < 3 ? 0 : x.shape.size() - 2;
  if (r == 0 || grid.shape.size() != r + 2 || grid.shape[0] != x.shape[0] ||
      grid.shape.back() != static_cast<int64_t>(r) || !IsFloat(grid.type)) {
    return Fail(ErrorCode::kInvalidInput, "input {} with a grid of {}", ToString(x.shape),
                ToString(grid.shape));
  }
  if (!IsFloat(x.type) && (sampling.mode != Mode::kNearest || !IsExact(x.type))) {
    return Fail(ErrorCode::kUnsupported, "interpolation of {}", Name(x.type));
  }
  Shape shape = {x.shape[0], x.shape[1]};
  shape.insert(shape.end(), grid.shape.begin() + 1, grid.shape.end() - 1);
  MOIRE_ASSIGN(RangeTensor * out, ctx.Make(0, x.type, shape));
  if (out->size() == 0) return {};
  if (x.size() == 0) return Fail(ErrorCode::kUndecidable, "nothing to sample");
  const uint64_t taps = sampling.mode == Mode::kCubic ? 256 : 32;
  MOIRE_TRY(ctx.Spend(static_cast<uint64_t>(out->size()) * taps));
  const Shape strides(Strides(Dims(x.shape).subspan(2)));
  const int64_t plane = Count(Dims(x.shape).subspan(2));
  const int64_t points = Count(Dims(shape).subspan(2));
  for (int64_t b = 0; b < shape[0]; ++b) {
    for (int64_t p = 0; p < points; ++p) {
      std::vector<AxisSample> axes;
      uint8_t marks = kDecided;
      for (size_t a = 0; a < r; ++a) {
        // Coordinates are listed from the innermost axis to the outermost.
        const size_t at = static_cast<size_t>(b * points + p) * r + (r - 1 - a);
        axes.push_back(SampleAxis(sampling, ElementOf(grid, at), grid.type, x.shape[a + 2]));
        marks |= axes.back().mark;
      }
      for (int64_t c = 0; c < shape[1]; ++c) {
        const auto o = static_cast<size_t>((b * shape[1] + c) * points + p);
        const int64_t base = (b * x.shape[1] + c) * plane;
        if (sampling.mode != Mode::kNearest) {
          Interval y = Interpolate(x, base, strides, axes);
          y.mark |= marks;
          StoreElement(*out, o, y);
          continue;
        }
        int64_t from = base;
        bool zero = false;
        for (size_t a = 0; a < r; ++a) {
          zero |= axes[a].taps[0].index < 0;
          from += axes[a].taps[0].index * strides[a];
        }
        if (!zero) CopyElements(*out, static_cast<int64_t>(o), x, from, 1);
        out->AddMark(o, marks);
      }
    }
  }
  if (IsFloat(x.type)) Round(*out);
  return {};
}

constexpr KernelEntry kSampleKernels[] = {
    {"GridSample", 16, kLatest, GridSample},
};

}  // namespace

std::span<const KernelEntry> SampleKernels() { return kSampleKernels; }

}  // namespace moire
