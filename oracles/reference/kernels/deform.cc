// DeformConv: a convolution whose window elements are read at shifted places, by linear
// interpolation; outside the input there are zeros.
#include <cmath>

#include "oracles/reference/kernels/families.h"
#include "oracles/reference/kernels/interpolate.h"
#include "oracles/reference/kernels/sums.h"
#include "oracles/reference/kernels/window.h"

namespace moire {
namespace {

struct Deform {
  Window window;
  int64_t group = 1;
  int64_t offset_group = 1;
  int64_t places = 1;   // window elements
  int64_t outputs = 1;  // output positions of one channel
};

Result<Deform> ParseDeform(const KernelContext& ctx) {
  const RangeTensor& x = ctx.In(0);
  const RangeTensor& w = ctx.In(1);
  const RangeTensor& offset = ctx.In(2);
  const size_t rank = x.shape.size();
  if (rank < 3 || w.shape.size() != rank || offset.shape.size() != rank) {
    return Fail(ErrorCode::kInvalidInput, "{} by {} with offsets {}", ToString(x.shape),
                ToString(w.shape), ToString(offset.shape));
  }
  Deform out;
  MOIRE_ASSIGN(out.window, ParseWindow(ctx, x.shape, Ints(w.shape.begin() + 2, w.shape.end())));
  out.group = ctx.node().Int("group", 1);
  out.offset_group = ctx.node().Int("offset_group", 1);
  out.places = Count(out.window.kernel);
  out.outputs = Count(out.window.out);
  const int64_t channels = x.shape[1];
  if (out.group < 1 || out.offset_group < 1 || w.shape[0] % out.group != 0 ||
      w.shape[1] * out.group != channels || channels % out.offset_group != 0) {
    return Fail(ErrorCode::kInvalidInput, "{} groups, {} offset groups for {} channels", out.group,
                out.offset_group, channels);
  }
  const auto fits = [&](const RangeTensor& tensor, int64_t each) {
    Shape shape = {x.shape[0], out.offset_group * out.places * each};
    shape.insert(shape.end(), out.window.out.begin(), out.window.out.end());
    return tensor.shape == shape && IsFloat(tensor.type);
  };
  const RangeTensor* const bias = ctx.Input(3);
  const RangeTensor* const mask = ctx.Input(4);
  if (!fits(offset, static_cast<int64_t>(rank) - 2) || (mask != nullptr && !fits(*mask, 1)) ||
      (bias != nullptr && bias->shape != Shape{w.shape[0]}) || !IsFloat(x.type) ||
      w.type != x.type) {
    return Fail(ErrorCode::kInvalidInput, "offset, bias or mask does not fit");
  }
  return out;
}

// A place that is known less well than this is not known: bounds the elements looked at.
constexpr double kMaxSlack = 4;

// A row of intervals, as sums take it.
struct Terms {
  std::vector<double> value, lo, hi;
  uint8_t marks = kDecided;

  void Add(const Interval& x) {
    value.push_back(x.value);
    lo.push_back(x.lo);
    hi.push_back(x.hi);
    marks |= x.mark;
  }
  Row row() const { return {value.data(), lo.data(), hi.data()}; }
};

class DeformSampler {
 public:
  DeformSampler(const KernelContext& ctx, const Deform& deform)
      : x_(ctx.In(0)),
        offset_(ctx.In(2)),
        mask_(ctx.Input(4)),
        deform_(deform),
        type_(x_.type),
        strides_(Strides(deform.window.in)),
        finite_(x_, Count(deform.window.in)) {}

  // The input read by window element `place` of channel `channel` at an output position, times the
  // mask.
  Interval Read(int64_t batch, int64_t channel, const Shape& kernel, int64_t place,
                const Shape& position, int64_t output) const {
    const Window& window = deform_.window;
    const auto rank = static_cast<int64_t>(window.rank());
    const int64_t per_group = x_.shape[1] / deform_.offset_group;
    const int64_t shift =
        (batch * deform_.offset_group + channel / per_group) * deform_.places + place;
    std::vector<AxisSample> axes;
    uint8_t marks = kDecided;
    for (size_t a = 0; a < window.rank(); ++a) {
      const double base = static_cast<double>(position[a] * window.stride[a] - window.pad_begin[a] +
                                              kernel[a] * window.dilation[a]);
      const int64_t at = (shift * rank + static_cast<int64_t>(a)) * deform_.outputs + output;
      const Interval moved = type_.Add(Exactly(base), ElementOf(offset_, static_cast<size_t>(at)));
      marks |= moved.mark;
      if (!(std::abs(moved.lo) < 0x1p30 && std::abs(moved.hi) < 0x1p30)) {
        return {0, 0, 0, static_cast<uint8_t>(marks | kUnspecified)};
      }
      const bool vague = moved.hi - moved.lo > kMaxSlack;
      if (vague) marks |= kUndecidable;
      axes.push_back(LinearTaps(vague ? Exactly(moved.value) : moved, window.in[a]));
    }
    const int64_t plane = Count(window.in);
    const int64_t image = batch * x_.shape[1] + channel;
    Interval out = Interpolate(x_, image * plane, strides_, axes);
    out.mark |= marks;
    // A place outside is commonly read as the nearest pixel times 0.
    if (!finite_.Around(image * plane)) out.mark |= kUndecidable;
    if (mask_ == nullptr) return out;
    return type_.Mul(out, ElementOf(*mask_, static_cast<size_t>(shift * deform_.outputs + output)));
  }

 private:
  const RangeTensor& x_;
  const RangeTensor& offset_;
  const RangeTensor* mask_;
  const Deform& deform_;
  Arithmetic type_;
  Shape strides_;
  FinitePlanes finite_;
};

Status DeformConv(KernelContext& ctx) {
  MOIRE_ASSIGN(const Deform deform, ParseDeform(ctx));
  const RangeTensor& x = ctx.In(0);
  const RangeTensor& w = ctx.In(1);
  const RangeTensor* const bias = ctx.Input(3);
  const int64_t maps = w.shape[0], inner = w.shape[1];
  Shape shape = {x.shape[0], maps};
  shape.insert(shape.end(), deform.window.out.begin(), deform.window.out.end());
  MOIRE_ASSIGN(RangeTensor * out, ctx.Make(0, x.type, shape));
  if (out->size() == 0) return {};
  const auto corners = uint64_t{1} << deform.window.rank();
  MOIRE_TRY(ctx.Spend(static_cast<uint64_t>(x.shape[0] * x.shape[1] * deform.outputs) *
                      static_cast<uint64_t>(deform.places) * corners * 16));
  MOIRE_TRY(ctx.Spend(static_cast<uint64_t>(out->size()) *
                      static_cast<uint64_t>(inner * deform.places) * 8));
  const DeformSampler sampler(ctx, deform);
  for (int64_t batch = 0; batch < x.shape[0]; ++batch) {
    Shape position(deform.window.rank(), 0);
    for (int64_t o = 0; o < deform.outputs; ++o, NextPosition(deform.window.out, position)) {
      for (int64_t g = 0; g < deform.group; ++g) {
        Terms terms;
        for (int64_t c = 0; c < inner; ++c) {
          Shape kernel(deform.window.rank(), 0);
          for (int64_t k = 0; k < deform.places; ++k, NextPosition(deform.window.kernel, kernel)) {
            terms.Add(sampler.Read(batch, g * inner + c, kernel, k, position, o));
          }
        }
        terms.Add(Exactly(1));  // for the bias
        for (int64_t m = g * (maps / deform.group); m < (g + 1) * (maps / deform.group); ++m) {
          Terms weights;
          for (int64_t k = 0; k < inner * deform.places; ++k) {
            weights.Add(ElementOf(w, static_cast<size_t>(m * inner * deform.places + k)));
          }
          weights.Add(bias == nullptr ? Exactly(0) : ElementOf(*bias, static_cast<size_t>(m)));
          Interval y = SumOfProducts(x.type, terms.row(), weights.row(), inner * deform.places + 1,
                                     kFoldedScales);
          y.mark |= terms.marks | weights.marks;
          StoreElement(*out, static_cast<size_t>((batch * maps + m) * deform.outputs + o), y);
        }
      }
    }
  }
  Round(*out);
  return {};
}

constexpr KernelEntry kDeformKernels[] = {{"DeformConv", 19, kLatest, DeformConv}};

}  // namespace

std::span<const KernelEntry> DeformKernels() { return kDeformKernels; }

}  // namespace moire
