// MelWeightMatrix. Its page gives the mel scale; how the bands lie on the bins is that of the
// official case: num_mel_bins + 2 steps from the lower edge, rounded down to bins of the transform,
// a triangle from each bin to the next but one.
#include <algorithm>
#include <cmath>

#include "harness/case/float_bits.h"
#include "oracles/reference/kernels/families.h"
#include "oracles/reference/kernels/interval.h"
#include "oracles/reference/kernels/movement_util.h"

namespace moire {
namespace {

double Mel(double hertz) { return 2595 * std::log10(1 + hertz / 700); }
double Hertz(double mel) { return 700 * (std::pow(10, mel / 2595) - 1); }

// How far off a frequency may be that was computed in float32: the exponent of Hertz, up to 4, is
// rounded three times, the power once more, and 1 is taken away.
constexpr double kRelative = 64 * 0x1p-24;

Result<double> Edge(const KernelContext& ctx, size_t input) {
  const RangeTensor& edge = ctx.In(input);
  if (!IsFloat(edge.type) || edge.size() != 1) {
    return Fail(ErrorCode::kInvalidInput, "input {} is {} {}", input, Name(edge.type),
                ToString(edge.shape));
  }
  const Interval hertz = ElementOf(edge, 0);
  if (!hertz.exact() || hertz.mark != kDecided || !(hertz.value >= 0 && hertz.value < 0x1p40)) {
    return Fail(ErrorCode::kUndecidable, "an edge of {} hertz", hertz.value);
  }
  return hertz.value;
}

struct Bands {
  std::vector<int64_t> bin;
  std::vector<bool> sure;
};

Status MelWeightMatrix(KernelContext& ctx) {
  MOIRE_ASSIGN(const int64_t count, ExactInt(ctx, 0));
  MOIRE_ASSIGN(const int64_t length, ExactInt(ctx, 1));
  MOIRE_ASSIGN(const int64_t rate, ExactInt(ctx, 2));
  MOIRE_ASSIGN(const double low, Edge(ctx, 3));
  MOIRE_ASSIGN(const double high, Edge(ctx, 4));
  const int64_t number = ctx.node().Int("output_datatype", 1);
  const int64_t limit = int64_t{1} << 24;
  if (number < 1 || number > static_cast<int64_t>(AllTypes().size()) || count < 1 ||
      count > limit || length < 1 || length > limit || rate < 1) {
    return Fail(ErrorCode::kInvalidInput, "{} bands of {} bins at {} hertz", count, length, rate);
  }
  const auto type = static_cast<DataType>(number);
  if (!IsFloat(type) && !IsInteger(type)) {
    return Fail(ErrorCode::kInvalidInput, "weights of {}", Name(type));
  }
  const int64_t bins = length / 2 + 1;
  MOIRE_ASSIGN(RangeTensor * out, ctx.Make(0, type, {bins, count}));
  MOIRE_TRY(ctx.Spend(static_cast<uint64_t>(bins) * static_cast<uint64_t>(count) + 64));
  Bands bands;
  const double step = (Mel(high) - Mel(low)) / static_cast<double>(count + 2);
  for (int64_t i = 0; i < count + 2; ++i) {
    const double hertz = Hertz(Mel(low) + static_cast<double>(i) * step);
    const double at = hertz * static_cast<double>(length + 1) / static_cast<double>(rate);
    const double slack = low == 0 && i == 0
                             ? 0
                             : kRelative * (at + 700.0 * static_cast<double>(length + 1) /
                                                     static_cast<double>(rate));
    if (!(at + slack < static_cast<double>(bins))) {
      return Fail(ErrorCode::kUndecidable, "a band beyond the last bin");
    }
    bands.bin.push_back(static_cast<int64_t>(std::max(at, 0.0)));
    bands.sure.push_back(std::floor(at - slack) == std::floor(at + slack));
  }
  const auto store = [&](int64_t row, int64_t band, int64_t part, int64_t whole) {
    const auto at = static_cast<size_t>(row * count + band);
    if (IsFloat(type)) {
      out->value[at] = static_cast<double>(part) / static_cast<double>(whole);
    } else {
      out->ints[at] = part / whole;
    }
  };
  for (int64_t band = 0; band < count; ++band) {
    const auto k = static_cast<size_t>(band);
    const int64_t left = bands.bin[k], center = bands.bin[k + 1], right = bands.bin[k + 2];
    if (left == center) store(center, band, 1, 1);
    for (int64_t j = left; left < center && j <= center; ++j) {
      store(j, band, j - left, center - left);
    }
    for (int64_t j = center; j < right; ++j) store(j, band, right - j, right - center);
    const bool sure = bands.sure[k] && bands.sure[k + 1] && bands.sure[k + 2];
    for (int64_t row = 0; !sure && row < bins; ++row) {
      out->AddMark(static_cast<size_t>(row * count + band), kUndecidable);
    }
  }
  if (IsFloat(type)) Round(*out);
  return {};
}

constexpr KernelEntry kMelKernels[] = {{"MelWeightMatrix", 17, kLatest, MelWeightMatrix}};

}  // namespace

std::span<const KernelEntry> MelKernels() { return kMelKernels; }

}  // namespace moire
