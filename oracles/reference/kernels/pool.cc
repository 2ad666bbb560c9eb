// MaxPool, AveragePool, LpPool and their global forms.
//
// Open in ONNX, and marked: a window that holds only padding, NaN in a maximum, p < 1.
#include <algorithm>
#include <cmath>
#include <limits>

#include "oracles/reference/kernels/families.h"
#include "oracles/reference/kernels/sums.h"
#include "oracles/reference/kernels/window.h"

namespace moire {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

// The elements of one window.
struct Patch {
  std::vector<double> value, lo, hi;
  uint8_t marks = kDecided;

  void Read(const RangeTensor& x, int64_t plane, const std::vector<Tap>& taps) {
    value.clear();
    lo.clear();
    hi.clear();
    marks = kDecided;
    for (const Tap& tap : taps) {
      const auto i = static_cast<size_t>(plane + tap.input);
      value.push_back(x.value[i]);
      if (!x.exact()) {
        lo.push_back(x.lo[i]);
        hi.push_back(x.hi[i]);
      }
      marks |= x.MarkAt(i);
    }
  }
  Row row() const {
    return {value.data(), lo.empty() ? nullptr : lo.data(), hi.empty() ? nullptr : hi.data()};
  }
};

// The window over the whole plane, for the global forms.
Result<Window> GlobalWindow(Dims input) {
  if (input.size() < 3) {
    return Fail(ErrorCode::kInvalidInput, "an input of {} has no spatial axis", ToString(input));
  }
  Window window;
  window.in.assign(input.begin() + 2, input.end());
  const size_t rank = window.in.size();
  window.kernel = window.in;
  window.out.assign(rank, 1);
  window.stride.assign(rank, 1);
  window.dilation.assign(rank, 1);
  window.pad_begin.assign(rank, 0);
  window.pad_end.assign(rank, 0);
  return window;
}

Result<Window> PoolWindow(const KernelContext& ctx) {
  const Shape& shape = ctx.In(0).shape;
  if (ctx.node().op.starts_with("Global")) return GlobalWindow(shape);
  return ParseWindow(ctx, shape, ctx.node().IntList("kernel_shape"));
}

Result<RangeTensor*> MakePooled(KernelContext& ctx, size_t output, const Window& window,
                                DataType type) {
  const Shape& in = ctx.In(0).shape;
  const int64_t sizes[] = {in[0], in[1], 4};
  const auto planes = CheckedCount(sizes);
  const auto out = CheckedCount(window.out);
  const auto kernel = CheckedCount(window.kernel);
  if (!planes || !out || !kernel) return Fail(ErrorCode::kOverBudget, "pooling is too large");
  const int64_t all[] = {std::max<int64_t>(*planes, 4), *out, *kernel};
  const auto steps = CheckedCount(all);
  if (!steps) return Fail(ErrorCode::kOverBudget, "pooling is too large");
  MOIRE_TRY(ctx.Spend(static_cast<uint64_t>(*steps)));
  Shape shape{in[0], in[1]};
  shape.insert(shape.end(), window.out.begin(), window.out.end());
  return ctx.Make(output, type, std::move(shape));
}

// ---- Averages and norms: one window to one interval.

using Average = Interval (*)(DataType, const Row&, int64_t n, double divisor, int64_t p);

Interval Mean(DataType type, const Row& row, int64_t n, double divisor, int64_t) {
  // As ReduceMean: the division may be folded into the terms.
  const Interval sum = SumOf(type, row, n, 1);
  return Arithmetic(type).Rounded(
      {sum.value / divisor, sum.lo / divisor, sum.hi / divisor, sum.mark}, 2);
}

Interval LpNorm(DataType type, const Row& row, int64_t n, double, int64_t p) {
  const Arithmetic in_type(type);
  if (p == 2) return in_type.Sqrt(RoundedSquares(in_type, row, n));
  // (sum |x|^p)^(1/p), each power with its own error.
  Interval sum = Exactly(0);
  std::vector<double> value, lo, hi;
  for (int64_t k = 0; k < n; ++k) {
    const Interval x = Abs({row.value[k], row.lo ? row.lo[k] : row.value[k],
                            row.hi ? row.hi[k] : row.value[k], kDecided});
    const Interval power = p == 1 ? x : in_type.Pow(x, static_cast<double>(p));
    sum.mark |= power.mark;
    value.push_back(power.value);
    lo.push_back(std::max(power.lo, 0.0));
    hi.push_back(power.hi);
  }
  const uint8_t mark = sum.mark;
  sum = SumOf(type, {value.data(), lo.data(), hi.data()}, n);
  if (p != 1) sum = in_type.Rounded(sum);
  sum.mark |= mark;
  sum.lo = std::max(sum.lo, 0.0);
  return p == 1 ? sum : in_type.Pow(sum, 1.0 / static_cast<double>(p));
}

Status Pool(KernelContext& ctx, Average average, bool lp) {
  const RangeTensor& x = ctx.In(0);
  if (!IsFloat(x.type)) return Fail(ErrorCode::kInvalidInput, "pooling of {}", Name(x.type));
  MOIRE_ASSIGN(const Window window, PoolWindow(ctx));
  MOIRE_ASSIGN(RangeTensor * out, MakePooled(ctx, 0, window, x.type));
  const int64_t planes = x.shape[0] * x.shape[1];
  const int64_t in_block = Count(window.in);
  const int64_t out_block = Count(window.out);
  MOIRE_ASSIGN(const bool count_pad, ctx.Flag("count_include_pad", false));
  const int64_t p = ctx.node().Int("p", 2);
  if (lp && p < 1) return Fail(ErrorCode::kUnsupported, "p is {}", p);
  Patch patch;
  int64_t position = 0;
  for (WindowWalk walk(window); !walk.done(); walk.Next(), ++position) {
    const auto n = static_cast<int64_t>(walk.taps().size());
    const int64_t divisor = count_pad ? walk.padded_count() : n;
    for (int64_t plane = 0; plane < planes; ++plane) {
      const auto at = static_cast<size_t>(plane * out_block + position);
      if (divisor == 0 || (n == 0 && !count_pad)) {
        StoreElement(*out, at, {0, 0, 0, kUnspecified});
        continue;
      }
      patch.Read(x, plane * in_block, walk.taps());
      Interval result =
          n == 0 ? Exactly(0) : average(x.type, patch.row(), n, static_cast<double>(divisor), p);
      result.mark |= patch.marks;
      StoreElement(*out, at, result);
    }
  }
  Round(*out);
  return {};
}

Status AveragePool(KernelContext& ctx) { return Pool(ctx, Mean, false); }
Status LpPool(KernelContext& ctx) { return Pool(ctx, LpNorm, true); }

// ---- MaxPool.

// The largest element of a window and which tap it is (the first of equals; the page does not say).
struct Largest {
  Interval value;
  size_t tap = 0;
  bool certain = true;  // no other element may be as large
};

Largest FindLargest(const Row& row, size_t n) {
  Largest out;
  out.value = {row.value[0], row.lo ? row.lo[0] : row.value[0], row.hi ? row.hi[0] : row.value[0],
               kDecided};
  for (size_t k = 0; k < n; ++k) {
    if (std::isnan(row.value[k])) {
      out.value = {kNan, kNan, kNan, kUnspecified};
      out.certain = false;
      return out;
    }
    if (row.value[k] > row.value[out.tap]) out.tap = k;
    out.value.value = std::max(out.value.value, row.value[k]);
    out.value.lo = std::max(out.value.lo, row.lo ? row.lo[k] : row.value[k]);
    out.value.hi = std::max(out.value.hi, row.hi ? row.hi[k] : row.value[k]);
  }
  const double winner = row.lo ? row.lo[out.tap] : row.value[out.tap];
  for (size_t k = 0; k < n; ++k) {
    if (k != out.tap && (row.hi ? row.hi[k] : row.value[k]) >= winner) out.certain = false;
  }
  return out;
}

// Index of an input element for output Indices: spatial axes in row-major or column-major order.
int64_t FlatIndex(const Window& window, int64_t plane, int64_t input, bool column_major) {
  const int64_t block = Count(window.in);
  if (!column_major) return plane * block + input;
  int64_t index = 0, step = 1;
  const Shape strides = Strides(window.in);
  for (size_t axis = 0; axis < window.rank(); ++axis) {
    index += input / strides[axis] % window.in[axis] * step;
    step *= window.in[axis];
  }
  return plane * block + index;
}

Status MaxPool(KernelContext& ctx) {
  const RangeTensor& x = ctx.In(0);
  if (!IsFloat(x.type) && !IsInteger(x.type)) {
    return Fail(ErrorCode::kInvalidInput, "pooling of {}", Name(x.type));
  }
  MOIRE_ASSIGN(const Window window, PoolWindow(ctx));
  MOIRE_ASSIGN(RangeTensor * out, MakePooled(ctx, 0, window, x.type));
  RangeTensor* indices = nullptr;
  if (ctx.Wants(1)) {
    MOIRE_ASSIGN(indices, MakePooled(ctx, 1, window, DataType::kInt64));
  }
  MOIRE_ASSIGN(const bool column_major, ctx.Flag("storage_order", false));
  const int64_t planes = x.shape[0] * x.shape[1];
  const int64_t in_block = Count(window.in);
  const int64_t out_block = Count(window.out);
  Patch patch;
  std::vector<double> ints;
  int64_t position = 0;
  for (WindowWalk walk(window); !walk.done(); walk.Next(), ++position) {
    const size_t n = walk.taps().size();
    for (int64_t plane = 0; plane < planes; ++plane) {
      const auto at = static_cast<size_t>(plane * out_block + position);
      if (n == 0) {
        out->AddMark(at, kUnspecified);
        if (indices != nullptr) indices->AddMark(at, kUnspecified);
        continue;
      }
      Largest largest;
      uint8_t marks = kDecided;
      if (IsFloat(x.type)) {
        patch.Read(x, plane * in_block, walk.taps());
        marks = patch.marks;
        largest = FindLargest(patch.row(), n);
        largest.value.mark |= marks;
        StoreElement(*out, at, largest.value);
      } else {
        // 8-bit integers are exact as doubles.
        ints.clear();
        for (const Tap& tap : walk.taps()) {
          const auto i = static_cast<size_t>(plane * in_block + tap.input);
          ints.push_back(static_cast<double>(x.ints[i]));
          marks |= x.MarkAt(i);
        }
        largest = FindLargest({ints.data(), nullptr, nullptr}, n);
        out->ints[at] = static_cast<int64_t>(largest.value.value);
        out->AddMark(at, marks);
      }
      if (indices == nullptr) continue;
      indices->ints[at] = FlatIndex(window, plane, walk.taps()[largest.tap].input, column_major);
      if (!largest.certain) marks |= kUndecidable;
      indices->AddMark(at, marks);
    }
  }
  if (IsFloat(x.type)) Round(*out);
  return {};
}

constexpr KernelEntry kEntries[] = {
    {"AveragePool", 1, kLatest, AveragePool}, {"MaxPool", 1, kLatest, MaxPool},
    {"LpPool", 2, kLatest, LpPool},           {"GlobalAveragePool", 1, kLatest, AveragePool},
    {"GlobalMaxPool", 1, kLatest, MaxPool},   {"GlobalLpPool", 2, kLatest, LpPool},
};

}  // namespace

std::span<const KernelEntry> PoolKernels() { return kEntries; }

}  // namespace moire
