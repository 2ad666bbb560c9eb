// ArgMax, ArgMin, CumSum, CumProd.
//
// ArgMax/ArgMin over ranges: undecidable where another element may be as extreme as the winner.
// NaN: the pages do not say where it ranks; as in ONNX's own implementation (NumPy's argmax and
// argmin) it wins against any number.
#include <algorithm>
#include <cmath>

#include "harness/case/float_bits.h"
#include "oracles/reference/kernels/families.h"
#include "oracles/reference/kernels/sums.h"

namespace moire {
namespace {

struct Winner {
  int64_t index = 0;
  uint8_t mark = kDecided;
};

// The largest element, or the smallest when negate is set; the last of equals when `last`.
Winner FindExtreme(const Row& row, int64_t n, bool negate, bool last) {
  const double sign = negate ? -1 : 1;
  Winner out;
  for (int64_t k = 0; k < n; ++k) {
    const int64_t at = last ? n - 1 - k : k;
    if (std::isnan(row.value[at])) return {at, kDecided};
  }
  for (int64_t k = 0; k < n; ++k) {
    const double x = sign * row.value[k];
    const double best = sign * row.value[out.index];
    if (x > best || (last && x == best)) out.index = k;
  }
  if (row.lo == nullptr) return out;
  const auto low = [&](int64_t k) { return negate ? -row.hi[k] : row.lo[k]; };
  const auto high = [&](int64_t k) { return negate ? -row.lo[k] : row.hi[k]; };
  for (int64_t k = 0; k < n; ++k) {
    const bool both_exact = row.lo[k] == row.hi[k] && row.lo[out.index] == row.hi[out.index];
    if (k != out.index && high(k) >= low(out.index) && !both_exact) out.mark = kUndecidable;
  }
  return out;
}

Winner FindExtreme(DataType type, std::span<const int64_t> line, bool negate, bool last) {
  const auto greater = [&](int64_t a, int64_t b) {
    const bool more =
        IsUnsigned(type) ? static_cast<uint64_t>(a) > static_cast<uint64_t>(b) : a > b;
    return negate ? a != b && !more : more;
  };
  Winner out;
  for (size_t k = 1; k < line.size(); ++k) {
    const int64_t best = line[static_cast<size_t>(out.index)];
    if (greater(line[k], best) || (last && line[k] == best)) out.index = static_cast<int64_t>(k);
  }
  return out;
}

Status ArgExtreme(KernelContext& ctx, bool negate) {
  const RangeTensor& x = ctx.In(0);
  if (!IsFloat(x.type) && !IsInteger(x.type)) {
    return Fail(ErrorCode::kInvalidInput, "extreme of {}", Name(x.type));
  }
  const auto axis = NormalizeAxis(ctx.node().Int("axis", 0), static_cast<int64_t>(x.shape.size()));
  if (!axis) {
    return Fail(ErrorCode::kInvalidInput, "axis is out of range for rank {}", x.shape.size());
  }
  MOIRE_ASSIGN(const bool keep, ctx.Flag("keepdims", true));
  MOIRE_ASSIGN(const bool select_last, ctx.Flag("select_last_index", false));
  const bool last = ctx.opset() >= 12 && select_last;
  MOIRE_ASSIGN(const Lines lines, LinesAlong(ctx, x.shape, *axis, keep));
  const size_t n = lines.step.size();
  if (n == 0 && !lines.start.empty()) {
    return Fail(ErrorCode::kUnsupported, "the extreme of nothing");
  }
  MOIRE_TRY(ctx.Spend(lines.start.size() * (n + 1) * 4));
  MOIRE_ASSIGN(RangeTensor * out, ctx.Make(0, DataType::kInt64, lines.shape));
  LineReader reader(x);
  std::vector<int64_t> line(n);
  for (size_t i = 0; i < lines.start.size(); ++i) {
    Winner winner;
    if (IsFloat(x.type)) {
      winner = FindExtreme(reader.Read(lines.start[i], lines.step), static_cast<int64_t>(n), negate,
                           last);
    } else {
      for (size_t k = 0; k < n; ++k) {
        line[k] = x.ints[static_cast<size_t>(lines.start[i] + lines.step[k])];
      }
      winner = FindExtreme(x.type, line, negate, last);
    }
    out->ints[i] = winner.index;
    out->AddMark(i, winner.mark | reader.Marks(lines.start[i], lines.step));
  }
  return {};
}

Status ArgMax(KernelContext& ctx) { return ArgExtreme(ctx, false); }
Status ArgMin(KernelContext& ctx) { return ArgExtreme(ctx, true); }

// ---- CumSum, CumProd.

// The product of the first elements, one more at a time.
struct RunningProduct {
  Interval product = Exactly(1);
  int64_t count = 0;
  double rise = 0;  // sum of log2|x| of the elements above 1, and below
  double fall = 0;

  void Push(const Interval& x) {
    product = ExactProduct(product, x);
    ++count;
    const Interval size = Abs(x);
    if (size.hi > 1) rise += std::log2(size.hi);
    if (size.lo < 1) fall += std::log2(size.lo);
  }
  Interval Get(DataType type) const {
    if (product.exact() && !std::isfinite(product.value)) return product;
    const double ceiling = std::log2(Traits(type).max_finite) - 1;
    const double floor = std::log2(SmallestNormal(type)) + 1;
    const bool zero = product.exact() && product.value == 0;
    // A partial product leaves the range in some grouping of the factors.
    if (rise > ceiling || (fall < floor && !zero)) {
      Interval out = product;
      out.mark |= kUndecidable;
      return out;
    }
    return count < 2 ? product : Arithmetic(type).Rounded(product, static_cast<double>(count - 1));
  }
};

// One line of running results. `at(k)` is the k-th element in the direction of the sum.
void RunningLine(DataType type, bool product, bool exclusive, const std::vector<double>& value,
                 const std::vector<double>& lo, const std::vector<double>& hi,
                 std::vector<Interval>& out) {
  const auto n = static_cast<int64_t>(value.size());
  const bool ranged = lo != hi;
  const Row line{value.data(), ranged ? lo.data() : nullptr, ranged ? hi.data() : nullptr};
  RunningProduct running;
  for (int64_t k = 0; k < n; ++k) {
    const auto at = static_cast<size_t>(k);
    const int64_t taken = exclusive ? k : k + 1;
    if (product) {
      if (!exclusive) running.Push({value[at], lo[at], hi[at], kDecided});
      out.push_back(running.Get(type));
      if (exclusive) running.Push({value[at], lo[at], hi[at], kDecided});
    } else {
      out.push_back(taken == 0 ? Exactly(0) : SumOf(type, line, taken));
    }
  }
}

Status Cumulate(KernelContext& ctx, bool product) {
  const RangeTensor& x = ctx.In(0);
  if (!IsFloat(x.type) && !IsInteger(x.type)) {
    return Fail(ErrorCode::kInvalidInput, "running sum of {}", Name(x.type));
  }
  MOIRE_ASSIGN(const Ints axes, ctx.ExactInts(1));
  if (axes.size() != 1) return Fail(ErrorCode::kInvalidInput, "{} axes", axes.size());
  const auto axis = NormalizeAxis(axes[0], static_cast<int64_t>(x.shape.size()));
  if (!axis) return ctx.MustReject("axis {} is out of range for rank {}", axes[0], x.shape.size());
  MOIRE_ASSIGN(const bool exclusive, ctx.Flag("exclusive", false));
  MOIRE_ASSIGN(const bool reverse, ctx.Flag("reverse", false));
  MOIRE_ASSIGN(const Lines lines, LinesAlong(ctx, x.shape, *axis, true));
  const size_t n = lines.step.size();
  MOIRE_TRY(ctx.Spend(lines.start.size() * n * (IsFloat(x.type) && !product ? n + 1 : 2) * 4));
  MOIRE_ASSIGN(RangeTensor * out, ctx.Make(0, x.type, x.shape));
  std::vector<double> value, lo, hi;
  std::vector<Interval> results;
  for (const int64_t start : lines.start) {
    const auto offset = [&](size_t k) {
      return static_cast<size_t>(start + lines.step[reverse ? n - 1 - k : k]);
    };
    uint8_t marks = kDecided;
    if (IsFloat(x.type)) {
      value.clear();
      lo.clear();
      hi.clear();
      results.clear();
      for (size_t k = 0; k < n; ++k) {
        value.push_back(x.value[offset(k)]);
        lo.push_back(x.Lo()[offset(k)]);
        hi.push_back(x.Hi()[offset(k)]);
      }
      RunningLine(x.type, product, exclusive, value, lo, hi, results);
    }
    uint64_t running = product ? 1 : 0;
    for (size_t k = 0; k < n; ++k) {
      const size_t at = offset(k);
      const uint8_t before = marks;
      marks |= x.MarkAt(at);
      const uint8_t mark = exclusive ? before : marks;
      if (IsFloat(x.type)) {
        results[k].mark |= mark;
        StoreElement(*out, at, results[k]);
        continue;
      }
      const auto element = static_cast<uint64_t>(x.ints[at]);
      const uint64_t next = product ? running * element : running + element;
      out->ints[at] = WrapInteger(x.type, exclusive ? running : next);
      out->AddMark(at, mark);
      running = next;
    }
  }
  if (IsFloat(x.type)) Round(*out);
  return {};
}

Status CumSum(KernelContext& ctx) { return Cumulate(ctx, false); }
Status CumProd(KernelContext& ctx) { return Cumulate(ctx, true); }

constexpr KernelEntry kEntries[] = {
    {"ArgMax", 1, kLatest, ArgMax},
    {"ArgMin", 1, kLatest, ArgMin},
    {"CumSum", 11, kLatest, CumSum},
    {"CumProd", 26, kLatest, CumProd},
};

}  // namespace

std::span<const KernelEntry> ArgReduceKernels() { return kEntries; }

}  // namespace moire
