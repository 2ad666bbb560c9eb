// ReduceSum, Mean, Max, Min, Prod, L1, L2, LogSum, LogSumExp, SumSquare.
//
// What ONNX leaves open here, and is marked: NaN in ReduceMax/ReduceMin, the mean of nothing, how
// the mean of integers is rounded, integers that overflow (ONNX Runtime saturates, numpy wraps),
// and the integer forms of logarithms, which round at a place the pages do not name.
#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "harness/case/float_bits.h"
#include "oracles/reference/accuracy.h"
#include "oracles/reference/kernels/families.h"
#include "oracles/reference/kernels/statistics.h"
#include "oracles/reference/kernels/sums.h"

namespace moire {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

// One line to one result. n > 0.
using FloatReduction = Interval (*)(DataType, const Row&, int64_t n);
struct IntResult {
  int64_t value = 0;
  uint8_t mark = kDecided;
};
using IntReduction = IntResult (*)(DataType, std::span<const int64_t>);

struct Reduction {
  int64_t axes_input_since;  // opset from which axes is an input
  FloatReduction of_floats;
  IntReduction of_ints;
  // Of an empty set, from the operators' pages; for integers `empty_int` of the type.
  double empty;
  IntResult (*empty_int)(DataType);
  uint8_t empty_mark = kDecided;
};

Interval At(const Row& row, int64_t k) {
  return {row.value[k], row.lo ? row.lo[k] : row.value[k], row.hi ? row.hi[k] : row.value[k],
          kDecided};
}

// ---- Sums.

Interval FloatSum(DataType type, const Row& row, int64_t n) { return SumOf(type, row, n); }

Interval FloatMean(DataType type, const Row& row, int64_t n) { return MeanOf(type, row, n); }

// |x| as a line of its own.
struct Magnitudes {
  std::vector<double> value, lo, hi;
  Magnitudes(const Row& row, int64_t n) {
    for (int64_t k = 0; k < n; ++k) {
      const Interval x = Abs(At(row, k));
      value.push_back(x.value);
      if (row.lo == nullptr) continue;
      lo.push_back(x.lo);
      hi.push_back(x.hi);
    }
  }
  Row row() const {
    return {value.data(), lo.empty() ? nullptr : lo.data(), hi.empty() ? nullptr : hi.data()};
  }
};

Interval FloatL1(DataType type, const Row& row, int64_t n) {
  const Magnitudes magnitudes(row, n);
  Interval out = SumOf(type, magnitudes.row(), n);
  if (out.lo < 0) out.lo = 0;
  return out;
}

Interval FloatSumSquare(DataType type, const Row& row, int64_t n) {
  return SumOfSquares(type, row, n);
}

Interval FloatL2(DataType type, const Row& row, int64_t n) {
  // Squares that overflow or underflow do not in a scaled norm: [sqrt of the range] or, past the
  // largest finite value, undecidable (Sqrt sees the infinite end).
  const Arithmetic in_type(type);
  return in_type.Sqrt(RoundedSquares(in_type, row, n));
}

Interval FloatLogSum(DataType type, const Row& row, int64_t n) {
  for (int64_t k = 0; k < n; ++k) {
    const Interval x = At(row, k);
    if (std::isfinite(x.lo) && std::isfinite(x.hi)) continue;
    // An end that is infinite: the sum may be, or may not, and what it does with the rest is open.
    if (n == 1 && x.exact()) return Exactly(std::log(x.value));
    return Undecidable(x.value);
  }
  const Interval sum = SumOf(type, row, n);
  if (sum.exact() && sum.value == 0) return Exactly(-kInfinity);
  if (sum.lo <= 0 && sum.hi >= 0) return Undecidable(std::log(std::max(sum.value, 0.0)));
  if (sum.hi < 0) return Exactly(kNan);
  const Arithmetic in_type(type);
  return in_type.Log(in_type.Rounded(sum));
}

// log(sum(exp(x))), as written (exp may overflow or underflow) and with the maximum taken out.
Interval FloatLogSumExp(DataType type, const Row& row, int64_t n) {
  double top = -kInfinity, top_hi = -kInfinity, top_lo = -kInfinity;
  for (int64_t k = 0; k < n; ++k) {
    const Interval x = At(row, k);
    if (std::isnan(x.value)) return Exactly(kNan);
    if (!x.exact() && !std::isfinite(x.lo + x.hi)) return Undecidable(x.value);
    top = std::max(top, x.value);
    top_hi = std::max(top_hi, x.hi);
    top_lo = std::max(top_lo, x.lo);
  }
  // All -inf: log(0) as written, NaN with the maximum taken out. +inf likewise: inf or NaN.
  if (std::isinf(top)) return Undecidable(top);
  double sum = 0, low = 0, high = 0, lost = 0;
  const Arithmetic in_type(type);
  const double exp_error = 2 * FindAccuracy("Exp", type).ulps * in_type.unit();
  for (int64_t k = 0; k < n; ++k) {
    const Interval x = At(row, k);
    if (std::isinf(x.value)) continue;
    const double e = std::exp(x.value - top);
    sum += e;
    low += std::exp(x.lo - top);
    high += std::exp(x.hi - top);
    // x - max is rounded before exp.
    lost += e * (in_type.unit() * (top - x.value) + exp_error);
  }
  const double value = top + std::log(sum);
  // exp(x) as written leaves the range.
  if (top_hi > std::log(Traits(type).max_finite) || value > std::log(Traits(type).max_finite)) {
    return Undecidable(value);
  }
  const double value_lo = top + std::log(low), value_hi = top + std::log(high);
  // As written, every exp may lose up to the smallest normal: most of the sum where it is lowest.
  const double underflow = static_cast<double>(n) * SmallestNormal(type) / std::exp(value_lo);
  const double relative = lost / sum + static_cast<double>(n) * in_type.unit() + underflow;
  if (!(relative < 0.25)) return Undecidable(value);
  const double size = std::max(std::abs(top_lo), std::abs(top_hi)) +
                      std::max(std::abs(value_lo), std::abs(value_hi));
  const double error = 2 * relative + 4 * in_type.unit() * size;
  return in_type.Rounded({value, value_lo - error, value_hi + error, kDecided});
}

// ---- Products and extremes.

Interval FloatProd(DataType type, const Row& row, int64_t n) {
  Interval out = Exactly(1);
  // Binary exponents of the partial products: the largest and the smallest that an order can meet.
  double rise = 0, fall = 0;
  bool zero = false, infinite = false, unsure = false;
  for (int64_t k = 0; k < n; ++k) {
    const Interval x = At(row, k);
    if (std::isnan(x.value)) return Exactly(kNan);
    const Interval size = Abs(x);
    unsure |= !x.exact() && std::isinf(size.hi);
    infinite |= std::isinf(size.lo);
    zero |= size.hi == 0;
    if (size.hi > 1 && !std::isinf(size.hi)) rise += std::log2(size.hi);
    if (size.lo < 1 && size.hi > 0) fall += size.lo > 0 ? std::log2(size.lo) : -kInfinity;
    out = ExactProduct(out, x);
  }
  const double ceiling = std::log2(Traits(type).max_finite);
  const double floor = std::log2(SmallestNormal(type));
  if (unsure || out.mark != kDecided) return Undecidable(out.value);
  if (infinite && zero) return Exactly(kNan);
  if (infinite) return fall < floor ? Undecidable(out.value) : Exactly(out.value);
  if (zero) return rise > ceiling ? Undecidable(0) : Exactly(0);
  // Grows in every order, or never.
  if (rise > ceiling && fall < 0) return Undecidable(out.value);
  if (fall < floor && rise > 0) return Undecidable(out.value);
  const double relative = static_cast<double>(n) * (UnitRoundoff(type) + 0x1p-52);
  out.lo -= relative * std::abs(out.lo);
  out.hi += relative * std::abs(out.hi);
  if (fall < floor) {  // shrinks in every order: what underflow loses only shrinks further
    out.lo -= SmallestNormal(type);
    out.hi += SmallestNormal(type);
  }
  if (rise > ceiling - 1) (out.value > 0 ? out.hi : out.lo) = out.value * kInfinity;
  return out;
}

template <bool kMax>
Interval FloatExtreme(DataType, const Row& row, int64_t n) {
  Interval out = At(row, 0);
  bool nan = false;
  for (int64_t k = 0; k < n; ++k) {
    const Interval x = At(row, k);
    nan |= std::isnan(x.value);
    out.value = kMax ? std::max(out.value, x.value) : std::min(out.value, x.value);
    out.lo = kMax ? std::max(out.lo, x.lo) : std::min(out.lo, x.lo);
    out.hi = kMax ? std::max(out.hi, x.hi) : std::min(out.hi, x.hi);
  }
  // The pages do not say whether a NaN wins.
  if (nan) return {kNan, kNan, kNan, kUnspecified};
  return out;
}

// ---- Integers.

uint64_t Magnitude(DataType type, int64_t v) {
  const auto bits = static_cast<uint64_t>(v);
  return IsSigned(type) && v < 0 ? 0 - bits : bits;
}

double AsDouble(DataType type, int64_t v) {
  return IsUnsigned(type) ? static_cast<double>(static_cast<uint64_t>(v)) : static_cast<double>(v);
}

// `bits` modulo the type, unspecified when some order of evaluation leaves the type: `reach` is the
// largest magnitude that a partial result can have, in double.
IntResult Modular(DataType type, uint64_t bits, double reach) {
  const bool fits = reach <= static_cast<double>(IntegerMax(type)) * (1 - 0x1p-50);
  return {WrapInteger(type, bits), fits ? kDecided : kUnspecified};
}

IntResult IntSum(DataType type, std::span<const int64_t> x) {
  uint64_t sum = 0;
  double rise = 0, fall = 0;
  for (const int64_t v : x) {
    sum += static_cast<uint64_t>(v);
    const double d = AsDouble(type, v);
    (d > 0 ? rise : fall) += std::abs(d);
  }
  if (x.size() == 1) return {x[0]};
  return Modular(type, sum, std::max(rise, fall));
}

IntResult IntL1(DataType type, std::span<const int64_t> x) {
  uint64_t sum = 0;
  double reach = 0;
  for (const int64_t v : x) {
    sum += Magnitude(type, v);
    reach += std::abs(AsDouble(type, v));
  }
  return Modular(type, sum, reach);
}

IntResult IntSumSquare(DataType type, std::span<const int64_t> x) {
  uint64_t sum = 0;
  double reach = 0;
  for (const int64_t v : x) {
    sum += static_cast<uint64_t>(v) * static_cast<uint64_t>(v);
    reach += AsDouble(type, v) * AsDouble(type, v);
  }
  return Modular(type, sum, reach);
}

IntResult IntProd(DataType type, std::span<const int64_t> x) {
  uint64_t product = 1;
  double reach = 1;
  for (const int64_t v : x) {
    product *= static_cast<uint64_t>(v);
    reach *= std::max(std::abs(AsDouble(type, v)), 1.0);
  }
  if (x.size() == 1) return {x[0]};
  return Modular(type, product, reach);
}

template <bool kMax>
IntResult IntExtreme(DataType type, std::span<const int64_t> x) {
  const auto less = [type](int64_t a, int64_t b) {
    return IsUnsigned(type) ? static_cast<uint64_t>(a) < static_cast<uint64_t>(b) : a < b;
  };
  return {kMax ? *std::max_element(x.begin(), x.end(), less)
               : *std::min_element(x.begin(), x.end(), less)};
}

// The sum as a double where it is exact there and the type holds it; nullopt otherwise.
template <typename Square>
std::optional<double> SmallSum(DataType type, std::span<const int64_t> x, Square square) {
  double sum = 0, size = 0;
  for (const int64_t v : x) {
    const double d = square(AsDouble(type, v));
    sum += d;
    size += std::abs(d);
  }
  const auto limit = static_cast<double>(IntegerMax(type));
  if (size > std::min(limit, 0x1p53)) return std::nullopt;
  return sum;
}

// The operators' formulas go through floats and back; the way back truncates (Cast). Unspecified
// where float32 and double would disagree: a result near, but not at, an integer.
IntResult Truncated(DataType type, double exact, double relative) {
  if (std::isnan(exact) || std::isinf(exact)) return {0, kUnspecified};
  const double down = std::trunc(exact - relative * std::abs(exact));
  const double up = std::trunc(exact + relative * std::abs(exact));
  const double result = std::trunc(exact);
  const bool in_range =
      std::abs(result) < static_cast<double>(IntegerMax(type)) && (result >= 0 || IsSigned(type));
  if (!in_range) return {0, kUnspecified};
  const auto integer = static_cast<int64_t>(result);
  return {integer, down == up ? kDecided : kUnspecified};
}

IntResult IntMean(DataType type, std::span<const int64_t> x) {
  const auto sum = SmallSum(type, x, [](double d) { return d; });
  const auto n = static_cast<double>(x.size());
  // Past the type the sum wraps in one runtime and not in another.
  if (!sum) return {IntSum(type, x).value, kUnspecified};
  const double mean = *sum / n;
  const auto result = static_cast<int64_t>(std::trunc(mean));
  // Division rounds to zero in C, down in Python.
  const bool inexact = std::fmod(*sum, n) != 0;
  return {result, inexact && mean < 0 ? kUnspecified : kDecided};
}

IntResult IntL2(DataType type, std::span<const int64_t> x) {
  const auto sum = SmallSum(type, x, [](double d) { return d * d; });
  if (!sum) return {0, kUnspecified};
  const double root = std::sqrt(*sum);
  // A square root is correctly rounded, so that of a square is exact in any float type that holds
  // the square.
  if (root == std::trunc(root) && *sum <= 0x1p24) return {static_cast<int64_t>(root)};
  return Truncated(type, root, 0x1p-22);
}

IntResult IntLogSum(DataType type, std::span<const int64_t> x) {
  const auto sum = SmallSum(type, x, [](double d) { return d; });
  if (!sum || *sum <= 0) return {0, kUnspecified};
  if (*sum == 1) return {0};
  return Truncated(type, std::log(*sum), 0x1p-20);
}

// The maximum is taken out before or after rounding to integers: every result is some runtime's.
IntResult IntLogSumExp(DataType, std::span<const int64_t>) { return {0, kUnspecified}; }

IntResult Zero(DataType) { return {0}; }
IntResult One(DataType) { return {1}; }
IntResult Lowest(DataType type) { return {IsBool(type) ? 0 : IntegerMin(type)}; }
IntResult Highest(DataType type) {
  return {IsBool(type) ? 1 : static_cast<int64_t>(IntegerMax(type))};
}
IntResult Nothing(DataType) { return {0, kUnspecified}; }

constexpr Reduction kSum{13, FloatSum, IntSum, 0, Zero};
constexpr Reduction kMean{18, FloatMean, IntMean, kNan, Nothing, kUnspecified};
constexpr Reduction kMaximum{18, FloatExtreme<true>, IntExtreme<true>, -kInfinity, Lowest};
constexpr Reduction kMinimum{18, FloatExtreme<false>, IntExtreme<false>, kInfinity, Highest};
constexpr Reduction kProd{18, FloatProd, IntProd, 1, One};
constexpr Reduction kL1{18, FloatL1, IntL1, 0, Zero};
constexpr Reduction kL2{18, FloatL2, IntL2, 0, Zero};
constexpr Reduction kLogSum{18, FloatLogSum, IntLogSum, -kInfinity, Nothing};
constexpr Reduction kLogSumExp{18, FloatLogSumExp, IntLogSumExp, -kInfinity, Nothing};
constexpr Reduction kSumSquare{18, FloatSumSquare, IntSumSquare, 0, Zero};

// ---- The operator.

// Which axes are reduced.
Result<std::vector<bool>> ReducedAxes(KernelContext& ctx, const Reduction& reduction) {
  const size_t rank = ctx.In(0).shape.size();
  Ints axes;
  if (ctx.opset() < reduction.axes_input_since) {
    axes = ctx.node().IntList("axes");
  } else if (ctx.Input(1) != nullptr) {
    MOIRE_ASSIGN(axes, ctx.ExactList(1));
  }
  std::vector<bool> along(rank, false);
  if (axes.empty()) {
    MOIRE_ASSIGN(const bool noop, ctx.Flag("noop_with_empty_axes", false));
    along.assign(rank, ctx.opset() < reduction.axes_input_since || !noop);
    return along;
  }
  for (const int64_t axis : axes) {
    const auto normal = NormalizeAxis(axis, static_cast<int64_t>(rank));
    if (!normal) {
      return Fail(ErrorCode::kInvalidInput, "axis {} is out of range for rank {}", axis, rank);
    }
    if (along[static_cast<size_t>(*normal)]) {
      return Fail(ErrorCode::kUnsupported, "axis {} is listed twice", axis);
    }
    along[static_cast<size_t>(*normal)] = true;
  }
  return along;
}

Status Reduce(KernelContext& ctx, const Reduction& reduction) {
  const RangeTensor& in = ctx.In(0);
  if (!IsFloat(in.type) && !IsExact(in.type)) {
    return Fail(ErrorCode::kUnsupported, "element type {}", Name(in.type));
  }
  MOIRE_ASSIGN(const std::vector<bool> along, ReducedAxes(ctx, reduction));
  MOIRE_ASSIGN(const bool keep, ctx.Flag("keepdims", true));
  MOIRE_ASSIGN(const Lines lines, LinesAlong(ctx, in.shape, along, keep));
  MOIRE_ASSIGN(RangeTensor * out, ctx.Make(0, in.type, lines.shape));
  const size_t n = lines.step.size();
  MOIRE_TRY(ctx.Spend(lines.start.size() * (n + 1) * 8));

  if (IsExact(in.type)) {
    std::vector<int64_t> line(n);
    for (size_t i = 0; i < out->ints.size(); ++i) {
      IntResult result = n == 0 ? reduction.empty_int(in.type) : IntResult{};
      for (size_t j = 0; j < n; ++j) {
        const auto at = static_cast<size_t>(lines.start[i] + lines.step[j]);
        line[j] = in.ints[at];
      }
      if (n != 0) result = reduction.of_ints(in.type, line);
      out->ints[i] = result.value;
      for (size_t j = 0; j < n; ++j) {
        result.mark |= in.MarkAt(static_cast<size_t>(lines.start[i] + lines.step[j]));
      }
      out->AddMark(i, result.mark);
    }
    return {};
  }
  LineReader reader(in);
  for (size_t i = 0; i < out->value.size(); ++i) {
    if (n == 0) {
      StoreElement(*out, i,
                   {reduction.empty, reduction.empty, reduction.empty, reduction.empty_mark});
      continue;
    }
    Interval result = reduction.of_floats(in.type, reader.Read(lines.start[i], lines.step),
                                          static_cast<int64_t>(n));
    result.mark |= reader.Marks(lines.start[i], lines.step);
    StoreElement(*out, i, result);
  }
  Round(*out);
  return {};
}

template <const Reduction& reduction>
Status Run(KernelContext& ctx) {
  return Reduce(ctx, reduction);
}

constexpr KernelEntry kEntries[] = {
    {"ReduceSum", 1, kLatest, Run<kSum>},
    {"ReduceMean", 1, kLatest, Run<kMean>},
    {"ReduceMax", 1, kLatest, Run<kMaximum>},
    {"ReduceMin", 1, kLatest, Run<kMinimum>},
    {"ReduceProd", 1, kLatest, Run<kProd>},
    {"ReduceL1", 1, kLatest, Run<kL1>},
    {"ReduceL2", 1, kLatest, Run<kL2>},
    {"ReduceLogSum", 1, kLatest, Run<kLogSum>},
    {"ReduceLogSumExp", 1, kLatest, Run<kLogSumExp>},
    {"ReduceSumSquare", 1, kLatest, Run<kSumSquare>},
};

}  // namespace

std::span<const KernelEntry> ReduceKernels() { return kEntries; }

}  // namespace moire
