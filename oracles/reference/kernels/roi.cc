// RoiAlign and MaxRoiPool: pooling over regions of a feature map.
//
// RoiAlign's mode max is the largest of the four weighted neighbours of all points, as the official
// case has it. MaxRoiPool's page has no formula; it is Fast R-CNN's
// (https://arxiv.org/abs/1504.08083), as in Caffe: region corners rounded to elements, bins from
// floor to ceil.
#include <algorithm>
#include <cmath>
#include <limits>

#include "harness/case/float_bits.h"
#include "oracles/reference/kernels/families.h"
#include "oracles/reference/kernels/interpolate.h"
#include "oracles/reference/kernels/movement_util.h"
#include "oracles/reference/kernels/sums.h"

namespace moire {
namespace {

constexpr int64_t kMaxPoints = 1 << 16;  // along one axis of a bin

// One axis of a region: where its bins' points lie, and how many a bin has.
struct RegionAxis {
  Interval start;
  Interval bin;
  int64_t points = 0;
  uint8_t marks = kDecided;
};

struct Align {
  double scale = 1;
  int64_t sampling = 0;
  bool half_pixel = true;
  bool average = true;
};

RegionAxis Locate(const Arithmetic& type, const Align& align, const Interval& first,
                  const Interval& last, int64_t bins) {
  RegionAxis out;
  const Interval offset = Exactly(align.half_pixel ? 0.5 : 0);
  out.start = type.Sub(type.Mul(first, Exactly(align.scale)), offset);
  const Interval end = type.Sub(type.Mul(last, Exactly(align.scale)), offset);
  Interval size = type.Sub(end, out.start);
  if (!align.half_pixel) size = Max(size, Exactly(1));
  out.bin = type.Div(size, Exactly(static_cast<double>(bins)));
  out.marks = first.mark | last.mark | out.start.mark | out.bin.mark;
  // A region without extent, or one that is NaN.
  if (!(size.lo > 0)) out.marks |= size.hi > 0 ? kUndecidable : kUnspecified;
  const double least = std::ceil(out.bin.lo), most = std::ceil(out.bin.hi);
  if (align.sampling > 0) {
    out.points = align.sampling;
  } else if (out.marks == kDecided && least == most && most <= static_cast<double>(kMaxPoints)) {
    out.points = static_cast<int64_t>(most);
  } else {
    out.marks |= kUndecidable;
  }
  return out;
}

// The elements around point i of a bin. Up to one element outside, the border is repeated; beyond,
// a point counts as zero (no taps).
AxisSample Point(const Arithmetic& type, const RegionAxis& axis, int64_t bin, int64_t i,
                 int64_t length) {
  const auto real = [](int64_t n) { return Exactly(static_cast<double>(n)); };
  const Interval part =
      type.Div(type.Mul(Exactly(static_cast<double>(i) + 0.5), axis.bin), real(axis.points));
  Interval at = type.Add(type.Add(axis.start, type.Mul(real(bin), axis.bin)), part);
  const auto size = static_cast<double>(length);
  AxisSample out;
  if (at.hi < -1 || at.lo > size) return out;
  const bool unsure = at.lo < -1 || at.hi > size || at.hi - at.lo > 1;
  const auto inside = [&](double x) { return std::clamp(x, 0.0, size - 1); };
  at = {inside(at.value), inside(at.lo), inside(at.hi), at.mark};
  out = LinearTaps(unsure ? Exactly(at.value) : at, length);
  // The element after the last is read with weight 0.
  for (AxisTap& tap : out.taps) tap.index = std::clamp<int64_t>(tap.index, 0, length - 1);
  out.mark |= at.mark | (unsure ? kUndecidable : kDecided);
  return out;
}

// The largest of the weighted elements around a point.
Interval LargestTerm(const Arithmetic& type, const RangeTensor& x, int64_t base, int64_t width,
                     const AxisSample& down, const AxisSample& along) {
  Interval out = Exactly(-std::numeric_limits<double>::infinity());
  if (down.taps.size() > 2 || along.taps.size() > 2) out.mark = kUndecidable;
  const auto weight = [](const AxisTap& tap) {
    return Interval{tap.weight, std::max(0.0, tap.weight - tap.slack),
                    std::min(1.0, tap.weight + tap.slack), kDecided};
  };
  for (const AxisTap& row : down.taps) {
    for (const AxisTap& column : along.taps) {
      const auto at = static_cast<size_t>(base + row.index * width + column.index);
      out = Max(out, type.Mul(type.Mul(weight(row), weight(column)), ElementOf(x, at)));
    }
  }
  return out;
}

class BinPooler {
 public:
  BinPooler(const RangeTensor& x, const Align& align)
      : x_(x),
        align_(align),
        type_(x.type),
        strides_({x.shape[3], 1}),
        finite_(x, x.shape[2] * x.shape[3]) {}

  Interval Pool(int64_t base, const std::vector<AxisSample>& down,
                const std::vector<AxisSample>& along) const {
    std::vector<double> value, lo, hi;
    uint8_t marks = kDecided;
    Interval largest = Exactly(-std::numeric_limits<double>::infinity());
    for (const AxisSample& row : down) {
      for (const AxisSample& column : along) {
        Interval y = Exactly(0);
        if (!row.taps.empty() && !column.taps.empty()) {
          const AxisSample axes[] = {row, column};
          y = align_.average ? Interpolate(x_, base, strides_, axes)
                             : LargestTerm(type_, x_, base, x_.shape[3], row, column);
        }
        if (!finite_.Around(base)) y.mark |= kUndecidable;
        value.push_back(y.value);
        lo.push_back(y.lo);
        hi.push_back(y.hi);
        marks |= y.mark | row.mark | column.mark;
        largest = Max(largest, y);
      }
    }
    const auto n = static_cast<int64_t>(value.size());
    Interval out = largest;
    if (align_.average) {
      // The four terms of each point are added one by one: two more roundings than a point's sum.
      out = type_.Rounded(type_.Div(SumOf(x_.type, {value.data(), lo.data(), hi.data()}, n),
                                    Exactly(static_cast<double>(n))),
                          2);
    }
    out.mark |= marks;
    return out;
  }

 private:
  const RangeTensor& x_;
  const Align& align_;
  Arithmetic type_;
  Shape strides_;
  FinitePlanes finite_;
};

std::vector<AxisSample> Points(const Arithmetic& type, const RegionAxis& axis, int64_t bin,
                               int64_t length) {
  std::vector<AxisSample> out;
  for (int64_t i = 0; i < axis.points; ++i) out.push_back(Point(type, axis, bin, i, length));
  return out;
}

Status CheckMap(const RangeTensor& x, const RangeTensor& rois, int64_t columns) {
  if (x.shape.size() == 4 && IsFloat(x.type) && rois.shape.size() == 2 && IsFloat(rois.type) &&
      rois.shape[1] == columns && x.size() > 0) {
    return {};
  }
  return Fail(ErrorCode::kInvalidInput, "a map of {} with regions {}", ToString(x.shape),
              ToString(rois.shape));
}

Status RoiAlign(KernelContext& ctx) {
  const RangeTensor& x = ctx.In(0);
  const RangeTensor& rois = ctx.In(1);
  MOIRE_TRY(CheckMap(x, rois, 4));
  MOIRE_ASSIGN(const Ints batches, ctx.ExactList(2));
  const Node& node = ctx.node();
  Align align;
  align.scale = static_cast<double>(node.Float("spatial_scale", 1));
  align.sampling = node.Int("sampling_ratio", 0);
  const std::string mode = node.String("mode", "avg");
  const std::string shift = ctx.opset() < 16
                                ? "output_half_pixel"
                                : node.String("coordinate_transformation_mode", "half_pixel");
  align.average = mode == "avg";
  align.half_pixel = shift == "half_pixel";
  const int64_t height = node.Int("output_height", 1), width = node.Int("output_width", 1);
  const int64_t limit = int64_t{1} << 24;
  if ((!align.average && mode != "max") || (!align.half_pixel && shift != "output_half_pixel") ||
      height < 1 || width < 1 || height > limit || width > limit || align.sampling < 0 ||
      align.sampling > kMaxPoints || static_cast<int64_t>(batches.size()) != rois.shape[0]) {
    return Fail(ErrorCode::kInvalidInput, "mode '{}', '{}', {} x {} of {} points", mode, shift,
                height, width, align.sampling);
  }
  const int64_t channels = x.shape[1], plane = x.shape[2] * x.shape[3];
  MOIRE_ASSIGN(RangeTensor * out, ctx.Make(0, x.type, {rois.shape[0], channels, height, width}));
  const Arithmetic type(x.type);
  const BinPooler pooler(x, align);
  for (int64_t r = 0; r < rois.shape[0]; ++r) {
    const int64_t batch = batches[static_cast<size_t>(r)];
    if (batch < 0 || batch >= x.shape[0]) {
      return Fail(ErrorCode::kInvalidInput, "region of image {} of {}", batch, x.shape[0]);
    }
    const auto corner = [&](int64_t k) { return ElementOf(rois, static_cast<size_t>(r * 4 + k)); };
    const RegionAxis down = Locate(type, align, corner(1), corner(3), height);
    const RegionAxis along = Locate(type, align, corner(0), corner(2), width);
    const uint8_t marks = down.marks | along.marks;
    const int64_t first = r * channels * height * width;
    MOIRE_TRY(ctx.Spend(static_cast<uint64_t>(channels * height) * static_cast<uint64_t>(width) *
                        (1 + static_cast<uint64_t>(down.points * along.points) * 64)));
    for (int64_t h = 0; h < height; ++h) {
      const std::vector<AxisSample> rows =
          marks == kDecided ? Points(type, down, h, x.shape[2]) : std::vector<AxisSample>{};
      for (int64_t w = 0; w < width; ++w) {
        const std::vector<AxisSample> columns =
            marks == kDecided ? Points(type, along, w, x.shape[3]) : std::vector<AxisSample>{};
        for (int64_t c = 0; c < channels; ++c) {
          Interval y{0, 0, 0, marks};
          if (marks == kDecided) y = pooler.Pool((batch * channels + c) * plane, rows, columns);
          StoreElement(*out, static_cast<size_t>(first + (c * height + h) * width + w), y);
        }
      }
    }
  }
  Round(*out);
  return {};
}

// --- MaxRoiPool -------------------------------------------------------------------------------

// The element that a scaled coordinate rounds to; a half away from zero or to even.
int64_t RoundedCorner(const Interval& at, uint8_t& marks) {
  marks |= at.mark;
  if (!(std::abs(at.lo) < 0x1p30 && std::abs(at.hi) < 0x1p30)) {
    marks |= kUnspecified;
    return 0;
  }
  const double nearest = std::round(at.value);
  if (std::round(at.lo) != nearest || std::round(at.hi) != nearest ||
      std::abs(at.value - std::trunc(at.value)) == 0.5) {
    marks |= kUndecidable;
  }
  return static_cast<int64_t>(nearest);
}

struct Bin {
  int64_t first, last;  // [first, last)
};

// Bin i of `bins` over `size` elements from `start`. Computed in floats; where the quotient comes
// near a whole number but is none, either neighbour may be taken.
Bin PoolBin(int64_t start, int64_t size, int64_t i, int64_t bins, int64_t length, DataType type,
            uint8_t& marks) {
  const auto edge = [&](int64_t k, bool up) {
    const int64_t product = k * size;
    const int64_t whole = product / bins + (up && product % bins != 0 ? 1 : 0);
    const double exact = static_cast<double>(product) / static_cast<double>(bins);
    // size / bins is rounded, then multiplied; exact where the first quotient is.
    const double quotient = static_cast<double>(size) / static_cast<double>(bins);
    const bool safe = RoundTo(type, quotient) == quotient && size % bins == 0;
    if (!safe && std::abs(exact - std::round(exact)) < 8 * UnitRoundoff(type) * (exact + 1) &&
        k != 0) {
      marks |= kUndecidable;
    }
    return std::clamp<int64_t>(start + whole, 0, length);
  };
  return {edge(i, false), edge(i + 1, true)};
}

Status MaxRoiPool(KernelContext& ctx) {
  const RangeTensor& x = ctx.In(0);
  const RangeTensor& rois = ctx.In(1);
  MOIRE_TRY(CheckMap(x, rois, 5));
  const Ints pooled = ctx.node().IntList("pooled_shape");
  const int64_t limit = int64_t{1} << 24;
  if (pooled.size() != 2 || pooled[0] < 1 || pooled[1] < 1 || pooled[0] > limit ||
      pooled[1] > limit) {
    return Fail(ErrorCode::kInvalidInput, "pooled_shape {}", ToString(pooled));
  }
  const Interval scale = Exactly(static_cast<double>(ctx.node().Float("spatial_scale", 1)));
  const int64_t channels = x.shape[1], height = x.shape[2], width = x.shape[3];
  MOIRE_ASSIGN(RangeTensor * out,
               ctx.Make(0, x.type, {rois.shape[0], channels, pooled[0], pooled[1]}));
  MOIRE_TRY(
      ctx.Spend(static_cast<uint64_t>(out->size()) * (1 + static_cast<uint64_t>(height * width))));
  const Arithmetic type(x.type);
  for (int64_t r = 0; r < rois.shape[0]; ++r) {
    const auto element = [&](int64_t k) { return ElementOf(rois, static_cast<size_t>(r * 5 + k)); };
    uint8_t marks = kDecided;
    const Interval image = element(0);
    const int64_t batch = RoundedCorner(image, marks);
    if (marks != kDecided || !image.exact() || image.value != std::trunc(image.value)) {
      return Fail(ErrorCode::kUndecidable, "region of an image that is not certain");
    }
    if (batch < 0 || batch >= x.shape[0]) {
      return Fail(ErrorCode::kInvalidInput, "region of image {} of {}", batch, x.shape[0]);
    }
    int64_t corner[4];
    for (int64_t k = 0; k < 4; ++k) {
      corner[k] = RoundedCorner(type.Mul(element(k + 1), scale), marks);
    }
    const int64_t tall = std::max<int64_t>(corner[3] - corner[1] + 1, 1);
    const int64_t wide = std::max<int64_t>(corner[2] - corner[0] + 1, 1);
    for (int64_t h = 0; h < pooled[0]; ++h) {
      for (int64_t w = 0; w < pooled[1]; ++w) {
        uint8_t unsure = marks;
        const Bin rows = PoolBin(corner[1], tall, h, pooled[0], height, x.type, unsure);
        const Bin columns = PoolBin(corner[0], wide, w, pooled[1], width, x.type, unsure);
        const bool empty = rows.first >= rows.last || columns.first >= columns.last;
        for (int64_t c = 0; c < channels; ++c) {
          Interval y = empty ? Exactly(0) : Exactly(-std::numeric_limits<double>::infinity());
          for (int64_t i = rows.first; i < rows.last; ++i) {
            for (int64_t j = columns.first; j < columns.last; ++j) {
              const int64_t at = ((batch * channels + c) * height + i) * width + j;
              const Interval one = ElementOf(x, static_cast<size_t>(at));
              if (std::isnan(one.value)) y.mark |= kUnspecified;
              y = Max(y, one);
            }
          }
          y.mark |= unsure | (empty ? kUnspecified : kDecided);
          const int64_t at = ((r * channels + c) * pooled[0] + h) * pooled[1] + w;
          StoreElement(*out, static_cast<size_t>(at), y);
        }
      }
    }
  }
  Round(*out);
  return {};
}

constexpr KernelEntry kRoiKernels[] = {
    {"RoiAlign", 10, kLatest, RoiAlign},
    {"MaxRoiPool", 1, kLatest, MaxRoiPool},
};

}  // namespace

std::span<const KernelEntry> RoiKernels() { return kRoiKernels; }

}  // namespace moire
