// DFT, STFT and Col2Im: sums over frequencies, frames and overlapping blocks.
//
// A transform is a sum of n products with roots of unity: by definition, in O(n log n), with roots
// from a recurrence (at most n roundings), or as a chirp convolution for lengths with large prime
// factors, whose roots' angles grow to pi * n and whose three transforms are of length 2n and more.
// 4 n + 32 roundings of sum|x| cover them all.
#include <algorithm>
#include <cmath>
#include <numbers>

#include "harness/case/float_bits.h"
#include "oracles/reference/kernels/families.h"
#include "oracles/reference/kernels/sums.h"
#include "oracles/reference/kernels/window.h"

namespace moire {
namespace {

// One complex signal. Infinities and NaN spread to every output through the roots' zeros and signs
// in ways that depend on the algorithm: undecidable.
struct Signal {
  std::vector<Interval> re, im;
  uint8_t mark = kDecided;

  void Push(const Interval& real, const Interval& imaginary) {
    re.push_back(real);
    im.push_back(imaginary);
    mark |= real.mark | imaginary.mark;
    for (const Interval* x : {&real, &imaginary}) {
      if (!std::isfinite(x->lo) || !std::isfinite(x->hi)) mark |= kUndecidable;
    }
  }
};

struct Complex {
  Interval re, im;
};

class Transform {
 public:
  // sign: -1 forward, +1 inverse.
  Transform(DataType type, size_t n, double sign) : type_(type), sign_(sign) {
    // A chirp convolution multiplies spectra of length m <= 4 n and divides by m at the very end.
    const auto m = 4 * static_cast<double>(n);
    if (type != DataType::kFloat16) growth_ = std::max(growth_, m * m);
    for (size_t k = 0; k < n; ++k) {
      const double angle = 2 * std::numbers::pi * static_cast<double>(k) / static_cast<double>(n);
      cosines_.push_back(std::cos(angle));
      sines_.push_back(std::sin(angle));
    }
  }
  Complex At(const Signal& signal, size_t k) const {
    const size_t n = cosines_.size();
    Complex out;
    double size = 0, radius = 0;
    for (size_t t = 0; t < n; ++t) {
      const double c = cosines_[k * t % n];
      const double s = sign_ * sines_[k * t % n];
      const Interval& re = signal.re[t];
      const Interval& im = signal.im[t];
      out.re.value += c * re.value - s * im.value;
      out.im.value += s * re.value + c * im.value;
      size += std::abs(re.value) + std::abs(im.value);
      radius += std::max(re.hi - re.value, re.value - re.lo) +
                std::max(im.hi - im.value, im.value - im.lo);
    }
    const double error =
        (4 * static_cast<double>(n) + 32) * (UnitRoundoff(type_) + 0x1p-52) * (size + radius) +
        radius + static_cast<double>(n) * SmallestNormal(type_);
    for (Interval* part : {&out.re, &out.im}) {
      part->lo = part->value - error;
      part->hi = part->value + error;
      part->mark = signal.mark;
      if (!(growth_ * (size + radius) <= Traits(type_).max_finite)) part->mark |= kUndecidable;
    }
    return out;
  }

 private:
  DataType type_;
  double sign_;
  double growth_ = 2;  // of sum|x| on the way; float16 is transformed in float32
  std::vector<double> cosines_, sines_;
};

Result<int64_t> ScalarInput(const KernelContext& ctx, size_t input) {
  MOIRE_ASSIGN(const Ints values, ctx.ExactInts(input));
  if (values.size() != 1) {
    return Fail(ErrorCode::kInvalidInput, "input {} is no scalar", input);
  }
  return values[0];
}

Status CheckSignal(const RangeTensor& x, size_t least_rank) {
  if (!IsFloat(x.type) || x.shape.size() < least_rank ||
      (x.shape.back() != 1 && x.shape.back() != 2)) {
    return Fail(ErrorCode::kInvalidInput, "a signal of {} {}", Name(x.type), ToString(x.shape));
  }
  return {};
}

// The spectrum of a real signal from its first half: bin n - k is the conjugate of bin k, and what
// is imaginary in a bin that mirrors itself adds nothing real.
void MirrorSpectrum(Signal& signal) {
  const size_t n = signal.re.size();
  for (size_t k = n / 2 + 1; k < n; ++k) {
    signal.re[k] = signal.re[n - k];
    const Interval& im = signal.im[n - k];
    signal.im[k] = {-im.value, -im.hi, -im.lo, im.mark};
  }
  signal.im[0] = Exactly(0);
  if (n % 2 == 0) signal.im[n / 2] = Exactly(0);
}

Status Dft(KernelContext& ctx) {
  const RangeTensor& x = ctx.In(0);
  MOIRE_TRY(CheckSignal(x, 2));
  const auto rank = static_cast<int64_t>(x.shape.size());
  int64_t axis = ctx.opset() < 20 ? ctx.node().Int("axis", 1) : -2;
  if (ctx.opset() >= 20 && ctx.Input(2) != nullptr) {
    MOIRE_ASSIGN(axis, ScalarInput(ctx, 2));
  }
  const auto normal = NormalizeAxis(axis, rank);
  if (!normal || *normal == rank - 1) {
    return Fail(ErrorCode::kInvalidInput, "axis {} of a signal of rank {}", axis, rank);
  }
  const auto along = static_cast<size_t>(*normal);
  const bool onesided = ctx.node().Int("onesided", 0) != 0;
  const bool inverse = ctx.node().Int("inverse", 0) != 0;
  // "IRFFT": half of a spectrum in, a real signal out.
  const bool to_real = onesided && inverse;
  if (onesided && x.shape.back() != (inverse ? 2 : 1)) {
    return Fail(ErrorCode::kInvalidInput, "one-sided transform of a signal of {}",
                ToString(x.shape));
  }
  int64_t n = to_real ? 2 * (x.shape[along] - 1) : x.shape[along];
  if (ctx.Input(1) != nullptr) {
    MOIRE_ASSIGN(n, ScalarInput(ctx, 1));
  }
  if (n <= 0 || n > (int64_t{1} << 24)) {
    return Fail(ErrorCode::kUnsupported, "a transform of length {}", n);
  }
  const int64_t bins = onesided && !inverse ? n / 2 + 1 : n;
  Shape shape = x.shape;
  shape[along] = bins;
  shape.back() = to_real ? 1 : 2;
  const Shape line_shape(x.shape.begin(), x.shape.end() - 1);
  MOIRE_ASSIGN(const Lines lines, LinesAlong(ctx, line_shape, *normal, true));
  const int64_t work[] = {static_cast<int64_t>(lines.start.size()), bins, n, 4};
  const auto steps = CheckedCount(work);
  if (!steps) return Fail(ErrorCode::kOverBudget, "a transform of length {}", n);
  MOIRE_TRY(ctx.Spend(static_cast<uint64_t>(*steps)));
  MOIRE_ASSIGN(RangeTensor * out, ctx.Make(0, x.type, shape));
  Shape out_lines_shape = line_shape;
  out_lines_shape[along] = bins;
  MOIRE_ASSIGN(const Lines out_lines, LinesAlong(ctx, out_lines_shape, *normal, true));
  const Transform transform(x.type, static_cast<size_t>(n), inverse ? 1 : -1);
  const auto parts = static_cast<size_t>(x.shape.back());
  const Arithmetic type(x.type);
  for (size_t i = 0; i < lines.start.size(); ++i) {
    Signal signal;
    for (int64_t t = 0; t < n; ++t) {
      if (t >= x.shape[along]) {
        signal.Push(Exactly(0), Exactly(0));
        continue;
      }
      const auto at = static_cast<size_t>(lines.start[i] + lines.step[static_cast<size_t>(t)]);
      signal.Push(ElementOf(x, at * parts), parts == 2 ? ElementOf(x, at * parts + 1) : Exactly(0));
    }
    if (to_real) MirrorSpectrum(signal);
    for (int64_t k = 0; k < bins; ++k) {
      Complex y = transform.At(signal, static_cast<size_t>(k));
      if (inverse) {
        y.re = type.Div(y.re, Exactly(static_cast<double>(n)));
        y.im = type.Div(y.im, Exactly(static_cast<double>(n)));
      }
      const auto at =
          static_cast<size_t>(out_lines.start[i] + out_lines.step[static_cast<size_t>(k)]);
      StoreElement(*out, to_real ? at : 2 * at, y.re);
      if (!to_real) StoreElement(*out, 2 * at + 1, y.im);
    }
  }
  Round(*out);
  return {};
}

Status Stft(KernelContext& ctx) {
  const RangeTensor& x = ctx.In(0);
  MOIRE_TRY(CheckSignal(x, 3));
  if (x.shape.size() != 3) return Fail(ErrorCode::kInvalidInput, "{}", ToString(x.shape));
  MOIRE_ASSIGN(const int64_t hop, ScalarInput(ctx, 1));
  const RangeTensor* window = ctx.Input(2);
  int64_t n = window != nullptr ? window->size() : x.shape[1];
  if (ctx.Input(3) != nullptr) {
    MOIRE_ASSIGN(n, ScalarInput(ctx, 3));
  }
  if (window != nullptr && (window->type != x.type || window->shape != Shape{n})) {
    return Fail(ErrorCode::kInvalidInput, "window {} for frames of {}", ToString(window->shape), n);
  }
  if (hop <= 0 || n <= 0) {
    return Fail(ErrorCode::kInvalidInput, "frames of {} every {}", n, hop);
  }
  if (n > x.shape[1]) return Fail(ErrorCode::kUnsupported, "a frame longer than the signal");
  const bool onesided = ctx.node().Int("onesided", 1) != 0;
  if (onesided && x.shape[2] == 2) {
    return Fail(ErrorCode::kUnsupported, "one-sided transform of a complex signal");
  }
  const int64_t frames = (x.shape[1] - n) / hop + 1;
  const int64_t bins = onesided ? n / 2 + 1 : n;
  const int64_t work[] = {x.shape[0], frames, bins, n, 4};
  const auto steps = CheckedCount(work);
  if (!steps) return Fail(ErrorCode::kOverBudget, "frames of {}", n);
  MOIRE_TRY(ctx.Spend(static_cast<uint64_t>(*steps)));
  MOIRE_ASSIGN(RangeTensor * out, ctx.Make(0, x.type, Shape{x.shape[0], frames, bins, 2}));
  const Transform transform(x.type, static_cast<size_t>(n), -1);
  const Arithmetic type(x.type);
  const auto parts = x.shape[2];
  size_t at = 0;
  for (int64_t b = 0; b < x.shape[0]; ++b) {
    for (int64_t f = 0; f < frames; ++f) {
      Signal signal;
      for (int64_t t = 0; t < n; ++t) {
        const auto from = static_cast<size_t>((b * x.shape[1] + f * hop + t) * parts);
        const Interval weight =
            window == nullptr ? Exactly(1) : ElementOf(*window, static_cast<size_t>(t));
        const Interval im = parts == 2 ? ElementOf(x, from + 1) : Exactly(0);
        signal.Push(type.Mul(ElementOf(x, from), weight), type.Mul(im, weight));
      }
      for (int64_t k = 0; k < bins; ++k, at += 2) {
        const Complex y = transform.At(signal, static_cast<size_t>(k));
        StoreElement(*out, at, y.re);
        StoreElement(*out, at + 1, y.im);
      }
    }
  }
  Round(*out);
  return {};
}

// ---- Col2Im: every image element is the sum of the block elements that lie on it.

// The window of the convolution whose blocks these are; `in` is the image, `out` the blocks.
Result<Window> BlockWindow(KernelContext& ctx) {
  MOIRE_ASSIGN(const Ints image, ctx.ExactList(1));
  MOIRE_ASSIGN(const Ints block, ctx.ExactList(2));
  if (image.size() != block.size() || image.empty()) {
    return Fail(ErrorCode::kInvalidInput, "image {} with blocks {}", ToString(image),
                ToString(block));
  }
  Shape shape{1, 1};
  shape.insert(shape.end(), image.begin(), image.end());
  if (!CheckedCount(shape)) return Fail(ErrorCode::kInvalidInput, "image {}", ToString(image));
  MOIRE_TRY(ctx.Reserve(ctx.In(0).type, shape));
  return ParseWindow(ctx, shape, block);
}

Status Col2Im(KernelContext& ctx) {
  const RangeTensor& x = ctx.In(0);
  MOIRE_ASSIGN(const Window window, BlockWindow(ctx));
  const int64_t block = Count(window.kernel);
  const int64_t positions = Count(window.out);
  if (x.shape.size() != 3 || x.shape[1] % block != 0 || x.shape[2] != positions) {
    return Fail(ErrorCode::kInvalidInput, "blocks {} for {} positions of {} elements",
                ToString(x.shape), positions, block);
  }
  if (!IsFloat(x.type)) return Fail(ErrorCode::kUnsupported, "Col2Im of {}", Name(x.type));
  const int64_t channels = x.shape[1] / block;
  Shape shape{x.shape[0], channels};
  shape.insert(shape.end(), window.in.begin(), window.in.end());
  MOIRE_ASSIGN(RangeTensor * out, ctx.Make(0, x.type, shape));
  MOIRE_TRY(ctx.Spend(static_cast<uint64_t>(x.size() + out->size()) * 16));
  const int64_t image = Count(window.in);
  // Which block elements lie on each image element: kernel offset * positions + position.
  std::vector<std::vector<int64_t>> sources(static_cast<size_t>(image));
  int64_t position = 0;
  for (WindowWalk walk(window); !walk.done(); walk.Next(), ++position) {
    for (const Tap& tap : walk.taps()) {
      sources[static_cast<size_t>(tap.input)].push_back(tap.kernel * positions + position);
    }
  }
  for (std::vector<int64_t>& terms : sources) std::sort(terms.begin(), terms.end());
  LineReader reader(x);
  for (int64_t plane = 0; plane < x.shape[0] * channels; ++plane) {
    const int64_t base = plane * block * positions;
    for (int64_t i = 0; i < image; ++i) {
      const std::vector<int64_t>& terms = sources[static_cast<size_t>(i)];
      Interval sum = SumOf(x.type, reader.Read(base, terms), static_cast<int64_t>(terms.size()));
      sum.mark |= reader.Marks(base, terms);
      StoreElement(*out, static_cast<size_t>(plane * image + i), sum);
    }
  }
  Round(*out);
  return {};
}

constexpr KernelEntry kEntries[] = {
    {"DFT", 17, kLatest, Dft},
    {"STFT", 17, kLatest, Stft},
    {"Col2Im", 18, kLatest, Col2Im},
};

}  // namespace

std::span<const KernelEntry> SpectralKernels() { return kEntries; }

}  // namespace moire
