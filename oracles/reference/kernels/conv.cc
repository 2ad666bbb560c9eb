// Conv, ConvTranspose, ConvInteger.
//
// The bias is one of the sum's terms: a runtime may start from it or add it last. Padding is zeros
// for some runtimes and left out by others, so a weight that is not finite over padding is open.
#include <cmath>

#include "oracles/reference/kernels/families.h"
#include "oracles/reference/kernels/sums.h"
#include "oracles/reference/kernels/window.h"

namespace moire {
namespace {

// What Conv and ConvTranspose share.
struct Sizes {
  int64_t batch = 0, channels = 0, group = 1;
  int64_t group_in = 0;   // input channels of a group
  int64_t group_out = 0;  // output channels of a group
};

Result<Sizes> ParseSizes(const KernelContext& ctx, bool transposed) {
  const Shape& x = ctx.In(0).shape;
  const Shape& w = ctx.In(1).shape;
  if (x.size() < 3 || w.size() != x.size()) {
    return Fail(ErrorCode::kInvalidInput, "input {} with weights {}", ToString(x), ToString(w));
  }
  Sizes out;
  out.batch = x[0];
  out.channels = x[1];
  out.group = ctx.node().Int("group", 1);
  if (out.group <= 0 || out.channels % out.group != 0) {
    return Fail(ErrorCode::kInvalidInput, "{} channels in {} groups", out.channels, out.group);
  }
  out.group_in = out.channels / out.group;
  if (transposed) {
    if (w[0] != out.channels) {
      return Fail(ErrorCode::kInvalidInput, "input {} with weights {}", ToString(x), ToString(w));
    }
    out.group_out = w[1];
  } else {
    if (w[1] != out.group_in || w[0] % out.group != 0) {
      return Fail(ErrorCode::kInvalidInput, "input {} with weights {} in {} groups", ToString(x),
                  ToString(w), out.group);
    }
    out.group_out = w[0] / out.group;
  }
  const Ints kernel(w.begin() + 2, w.end());
  const Ints declared = ctx.node().IntList("kernel_shape", kernel);
  if (declared != kernel) {
    return Fail(ErrorCode::kInvalidInput, "kernel_shape {} with weights {}", ToString(declared),
                ToString(w));
  }
  const RangeTensor* bias = ctx.Input(2);
  if (bias != nullptr && ctx.node().op != "ConvInteger" &&
      bias->shape != Shape{out.group * out.group_out}) {
    return Fail(ErrorCode::kInvalidInput, "bias {} for {} channels", ToString(bias->shape),
                out.group * out.group_out);
  }
  return out;
}

Status SpendConv(KernelContext& ctx, const Sizes& sizes, const Window& window) {
  const int64_t factors[] = {sizes.batch + 1, sizes.group, sizes.group_out + 1, sizes.group_in + 1,
                             8};
  const auto outer = CheckedCount(factors);
  const auto out = CheckedCount(window.out);
  const auto kernel = CheckedCount(window.kernel);
  if (!outer || !out || !kernel) return Fail(ErrorCode::kOverBudget, "convolution is too large");
  const int64_t all[] = {*outer, *out, *kernel};
  const auto steps = CheckedCount(all);
  if (!steps) return Fail(ErrorCode::kOverBudget, "convolution is too large");
  return ctx.Spend(static_cast<uint64_t>(*steps));
}

// Scratch for one side of a dot product.
struct Terms {
  std::vector<double> value, lo, hi;
  uint8_t marks = kDecided;
  bool finite = true;

  void Clear() {
    value.clear();
    lo.clear();
    hi.clear();
    marks = kDecided;
    finite = true;
  }
  void Push(const RangeTensor& tensor, int64_t at) {
    const auto i = static_cast<size_t>(at);
    value.push_back(tensor.value[i]);
    lo.push_back(tensor.Lo()[i]);
    hi.push_back(tensor.Hi()[i]);
    marks |= tensor.MarkAt(i);
    finite = finite && std::isfinite(lo.back()) && std::isfinite(hi.back());
  }
  void PushExact(double x) {
    value.push_back(x);
    lo.push_back(x);
    hi.push_back(x);
  }
  Row row(bool ranged) const {
    return {value.data(), ranged ? lo.data() : nullptr, ranged ? hi.data() : nullptr};
  }
};

Result<RangeTensor*> MakeOutput(KernelContext& ctx, const Sizes& sizes, const Window& window,
                                DataType type) {
  Shape shape{sizes.batch, sizes.group * sizes.group_out};
  shape.insert(shape.end(), window.out.begin(), window.out.end());
  return ctx.Make(0, type, std::move(shape));
}

Status CheckFloats(const KernelContext& ctx) {
  const DataType type = ctx.In(0).type;
  if (!IsFloat(type)) return Fail(ErrorCode::kInvalidInput, "convolution of {}", Name(type));
  const RangeTensor* bias = ctx.Input(2);
  if (ctx.In(1).type != type || (bias != nullptr && bias->type != type)) {
    return Fail(ErrorCode::kInvalidInput, "inputs of different types");
  }
  return {};
}

Status Conv(KernelContext& ctx) {
  MOIRE_TRY(CheckFloats(ctx));
  MOIRE_ASSIGN(const Sizes sizes, ParseSizes(ctx, false));
  const RangeTensor& x = ctx.In(0);
  const RangeTensor& w = ctx.In(1);
  const RangeTensor* bias = ctx.Input(2);
  MOIRE_ASSIGN(const Window window,
               ParseWindow(ctx, x.shape, Ints(w.shape.begin() + 2, w.shape.end())));
  MOIRE_TRY(SpendConv(ctx, sizes, window));
  MOIRE_ASSIGN(RangeTensor * out, MakeOutput(ctx, sizes, window, x.type));
  const int64_t in_block = Count(window.in);
  const int64_t out_block = Count(window.out);
  const int64_t kernel = Count(window.kernel);
  const bool x_ranged = !x.exact();
  const bool w_ranged = !w.exact() || (bias != nullptr && !bias->exact());
  // Weight rows with the bias as a last element, whose factor is 1.
  std::vector<Terms> rows(static_cast<size_t>(sizes.group * sizes.group_out));
  for (size_t m = 0; m < rows.size(); ++m) {
    const int64_t length = sizes.group_in * kernel;
    for (int64_t k = 0; k < length; ++k) {
      rows[m].Push(w, static_cast<int64_t>(m) * length + k);
    }
    const bool weights_finite = rows[m].finite;
    if (bias != nullptr) rows[m].Push(*bias, static_cast<int64_t>(m));
    rows[m].finite = weights_finite;
  }
  const int64_t n = sizes.group_in * kernel + (bias != nullptr ? 1 : 0);
  Terms patch;
  int64_t position = 0;
  for (WindowWalk walk(window); !walk.done(); walk.Next(), ++position) {
    const bool padded = static_cast<int64_t>(walk.taps().size()) < kernel;
    for (int64_t b = 0; b < sizes.batch; ++b) {
      for (int64_t g = 0; g < sizes.group; ++g) {
        patch.Clear();
        for (int64_t c = 0; c < sizes.group_in; ++c) {
          const int64_t plane = (b * sizes.channels + g * sizes.group_in + c) * in_block;
          int64_t next = 0;
          for (const Tap& tap : walk.taps()) {
            for (; next < tap.kernel; ++next) patch.PushExact(0);
            patch.Push(x, plane + tap.input);
            ++next;
          }
          for (; next < kernel; ++next) patch.PushExact(0);
        }
        patch.PushExact(1);
        for (int64_t m = g * sizes.group_out; m < (g + 1) * sizes.group_out; ++m) {
          const Terms& row = rows[static_cast<size_t>(m)];
          Interval sum =
              SumOfProducts(x.type, patch.row(x_ranged), row.row(w_ranged), n, kFoldedScales);
          sum.mark |= patch.marks | row.marks;
          if (padded && !row.finite) sum.mark |= kUnspecified;
          const int64_t plane = b * sizes.group * sizes.group_out + m;
          StoreElement(*out, static_cast<size_t>(plane * out_block + position), sum);
        }
      }
    }
  }
  out->sum_terms = n;
  Round(*out);
  return {};
}

Status ConvTranspose(KernelContext& ctx) {
  MOIRE_TRY(CheckFloats(ctx));
  MOIRE_ASSIGN(const Sizes sizes, ParseSizes(ctx, true));
  const RangeTensor& x = ctx.In(0);
  const RangeTensor& w = ctx.In(1);
  const RangeTensor* bias = ctx.Input(2);
  MOIRE_ASSIGN(const Window window,
               ParseTransposedWindow(ctx, x.shape, Ints(w.shape.begin() + 2, w.shape.end())));
  MOIRE_TRY(SpendConv(ctx, sizes, window));
  MOIRE_ASSIGN(RangeTensor * out, MakeOutput(ctx, sizes, window, x.type));
  const int64_t in_block = Count(window.in);
  const int64_t out_block = Count(window.out);
  const int64_t kernel = Count(window.kernel);
  const bool x_ranged = !x.exact();
  const bool w_ranged = !w.exact() || (bias != nullptr && !bias->exact());
  if (out_block == 0) return {};
  Terms patch, weights;
  std::vector<Tap> taps, scratch;
  Shape at(window.rank(), 0);
  int64_t position = 0;
  do {
    TransposedTaps(window, at, taps, scratch);
    for (int64_t g = 0; g < sizes.group; ++g) {
      for (int64_t m = 0; m < sizes.group_out; ++m) {
        weights.Clear();
        for (int64_t c = 0; c < sizes.group_in; ++c) {
          const int64_t block = ((g * sizes.group_in + c) * sizes.group_out + m) * kernel;
          for (const Tap& tap : taps) weights.Push(w, block + tap.kernel);
        }
        if (bias != nullptr) weights.Push(*bias, g * sizes.group_out + m);
        for (int64_t b = 0; b < sizes.batch; ++b) {
          patch.Clear();
          for (int64_t c = 0; c < sizes.group_in; ++c) {
            const int64_t plane = (b * sizes.channels + g * sizes.group_in + c) * in_block;
            for (const Tap& tap : taps) patch.Push(x, plane + tap.input);
          }
          if (bias != nullptr) patch.PushExact(1);
          const auto n = static_cast<int64_t>(patch.value.size());
          Interval sum =
              SumOfProducts(x.type, patch.row(x_ranged), weights.row(w_ranged), n, kFoldedScales);
          sum.mark |= patch.marks | weights.marks;
          const int64_t plane = (b * sizes.group + g) * sizes.group_out + m;
          StoreElement(*out, static_cast<size_t>(plane * out_block + position), sum);
        }
      }
    }
    ++position;
  } while (NextPosition(window.out, at));
  out->sum_terms = sizes.group_in * kernel + 1;
  Round(*out);
  return {};
}

// ---- ConvInteger: int32 sum of (x - x_zero) * (w - w_zero); padding counts as x_zero.

Result<std::vector<int64_t>> ZeroPoint(const RangeTensor* zero, int64_t channels, uint8_t& marks) {
  std::vector<int64_t> out(static_cast<size_t>(channels), 0);
  if (zero == nullptr) return out;
  const int64_t size = zero->size();
  if (size != 1 && (size != channels || zero->shape.size() != 1)) {
    return Fail(ErrorCode::kInvalidInput, "zero point {} for {} channels", ToString(zero->shape),
                channels);
  }
  for (size_t i = 0; i < out.size(); ++i) {
    const size_t at = size == 1 ? 0 : i;
    out[i] = zero->ints[at];
    marks |= zero->MarkAt(at);
  }
  return out;
}

Status ConvInteger(KernelContext& ctx) {
  const RangeTensor& x = ctx.In(0);
  const RangeTensor& w = ctx.In(1);
  if (!IsInteger(x.type) || !IsInteger(w.type)) {
    return Fail(ErrorCode::kInvalidInput, "{} with weights of {}", Name(x.type), Name(w.type));
  }
  MOIRE_ASSIGN(const Sizes sizes, ParseSizes(ctx, false));
  MOIRE_ASSIGN(const Window window,
               ParseWindow(ctx, x.shape, Ints(w.shape.begin() + 2, w.shape.end())));
  MOIRE_TRY(SpendConv(ctx, sizes, window));
  uint8_t zero_marks = kDecided;
  if (const RangeTensor* zero = ctx.Input(2); zero != nullptr && zero->size() != 1) {
    return Fail(ErrorCode::kInvalidInput, "x_zero_point of {}", ToString(zero->shape));
  }
  MOIRE_ASSIGN(const std::vector<int64_t> x_zero, ZeroPoint(ctx.Input(2), 1, zero_marks));
  MOIRE_ASSIGN(const std::vector<int64_t> w_zero,
               ZeroPoint(ctx.Input(3), sizes.group * sizes.group_out, zero_marks));
  MOIRE_ASSIGN(RangeTensor * out, MakeOutput(ctx, sizes, window, DataType::kInt32));
  const int64_t in_block = Count(window.in);
  const int64_t out_block = Count(window.out);
  const int64_t kernel = Count(window.kernel);
  int64_t position = 0;
  for (WindowWalk walk(window); !walk.done(); walk.Next(), ++position) {
    for (int64_t b = 0; b < sizes.batch; ++b) {
      for (int64_t m = 0; m < sizes.group * sizes.group_out; ++m) {
        const int64_t g = m / sizes.group_out;
        int64_t sum = 0;
        uint8_t marks = zero_marks;
        for (int64_t c = 0; c < sizes.group_in; ++c) {
          const int64_t plane = (b * sizes.channels + g * sizes.group_in + c) * in_block;
          const int64_t block = (m * sizes.group_in + c) * kernel;
          for (const Tap& tap : walk.taps()) {
            const auto ix = static_cast<size_t>(plane + tap.input);
            const auto iw = static_cast<size_t>(block + tap.kernel);
            sum += (x.ints[ix] - x_zero[0]) * (w.ints[iw] - w_zero[static_cast<size_t>(m)]);
            marks |= x.MarkAt(ix) | w.MarkAt(iw);
          }
        }
        const int64_t plane = b * sizes.group * sizes.group_out + m;
        const auto at = static_cast<size_t>(plane * out_block + position);
        out->ints[at] = WrapInteger(DataType::kInt32, static_cast<uint64_t>(sum));
        out->AddMark(at, marks);
      }
    }
  }
  return {};
}

constexpr KernelEntry kEntries[] = {
    {"Conv", 1, kLatest, Conv},
    {"ConvTranspose", 1, kLatest, ConvTranspose},
    {"ConvInteger", 10, kLatest, ConvInteger},
};

}  // namespace

std::span<const KernelEntry> ConvKernels() { return kEntries; }

}  // namespace moire
