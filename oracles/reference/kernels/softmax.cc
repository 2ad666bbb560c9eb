// Softmax, LogSoftmax, Hardmax.
//
// The formula is that of ONNX's function bodies: the maximum is taken out first, so nothing
// overflows. Before opset 13 the input is seen as 2-D, split at `axis`.
#include "oracles/reference/kernels/softmax.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "harness/case/float_bits.h"
#include "oracles/reference/accuracy.h"
#include "oracles/reference/kernels/families.h"
#include "oracles/reference/kernels/sums.h"

namespace moire {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

Result<Lines> SoftmaxLines(KernelContext& ctx) {
  const Shape& shape = ctx.In(0).shape;
  const bool flattened = ctx.opset() < 13;
  const auto axis =
      NormalizeAxis(ctx.node().Int("axis", flattened ? 1 : -1), static_cast<int64_t>(shape.size()));
  if (!axis) {
    return Fail(ErrorCode::kInvalidInput, "axis is out of range for rank {}", shape.size());
  }
  std::vector<bool> along(shape.size(), false);
  for (size_t i = 0; i < shape.size(); ++i) {
    const auto at = static_cast<int64_t>(i);
    along[i] = flattened ? at >= *axis : at == *axis;
  }
  return LinesAlong(ctx, shape, along, true);
}

// exp(x - top) of a line and what its rounding may change of the sum, relative.
struct Exponentials {
  double top = -kInfinity;
  std::vector<double> value, lo, hi;
  double sum = 0, sum_lo = 0, sum_hi = 0;
  double relative = 0;        // error of the sum
  std::vector<double> error;  // relative error of each exponential
  double spread = 0;          // of the widest range of an element
};

// Ranges wider than this are handled by their logarithms: exp(hi - top) may overflow, and the other
// exponentials cancel where they are taken from the sum. Up to it, rounding x - top errs by at most
// u * spread more than it does at the values.
constexpr double kNarrow = 0.25;

// kNan for the whole line, or kUndecidable, is reported by the return value's mark.
Interval Exponentiate(DataType type, const Row& row, size_t n, Exponentials& out) {
  out = {};
  bool unbounded = false;
  for (size_t k = 0; k < n; ++k) {
    const double x = row.value[k];
    if (std::isnan(x)) return Exactly(kNan);
    if (row.lo != nullptr && row.lo[k] != row.hi[k]) {
      unbounded |= !std::isfinite(row.lo[k]) || !std::isfinite(row.hi[k]);
      out.spread = std::max(out.spread, row.hi[k] - row.lo[k]);
    }
    out.top = std::max(out.top, x);
  }
  // inf - inf, but runtimes differ in which elements the NaN reaches.
  if (out.top == kInfinity || unbounded) return Undecidable(kNan);
  if (out.top == -kInfinity) return Exactly(kNan);
  const double unit = UnitRoundoff(type) + 0x1p-52;
  const double exp_error = 2 * FindAccuracy("Exp", type).ulps * unit;
  double lost = 0;
  for (size_t k = 0; k < n; ++k) {
    const double x = row.value[k];
    const double e = std::exp(x - out.top);
    out.value.push_back(e);
    out.lo.push_back(row.lo == nullptr ? e : std::exp(row.lo[k] - out.top));
    out.hi.push_back(row.hi == nullptr ? e : std::exp(row.hi[k] - out.top));
    out.sum += e;
    out.sum_lo += out.lo.back();
    out.sum_hi += out.hi.back();
    // x - top is rounded before exp: an absolute error there is a relative one here.
    const double error = e == 0 ? exp_error : unit * (out.top - x + out.spread) + exp_error;
    out.error.push_back(error);
    lost += e * error;
  }
  double exact = 0;
  bool overflow = false;
  const auto count = static_cast<int64_t>(n);
  const double bound =
      std::max(SumBound(out.value.data(), 1, nullptr, 1, count, type, &exact, &overflow),
               RepetitionBound(type, count, out.sum,
                               [&](int64_t k) { return out.value[static_cast<size_t>(k)]; }));
  // Vectorised exp clamps or flushes what lies below the smallest normal.
  out.relative = (lost + bound + static_cast<double>(n) * SmallestNormal(type)) / out.sum;
  return Exactly(0);
}

// log(exp(a) + exp(b)).
double LogAddExp(double a, double b) {
  const double top = std::max(a, b);
  return top == -kInfinity ? top : top + std::log1p(std::exp(-std::abs(a - b)));
}

// scale * exp(top), scale being 0 or at least 1. In two parts: beside a top of 1e31 a logarithm of
// the whole would lose the scale, which is what softmax is made of.
struct ScaledExp {
  double top = -kInfinity;
  double scale = 0;

  void Add(const ScaledExp& other) {
    const double highest = std::max(top, other.top);
    if (highest == -kInfinity) return;
    scale = scale * std::exp(top - highest) + other.scale * std::exp(other.top - highest);
    top = highest;
  }
  // log(this / exp(x))
  double LogOver(double x) const { return scale == 0 ? -kInfinity : top - x + std::log(scale); }
};

// For each k, the sum of exp(x[j]) over j other than k.
std::vector<ScaledExp> SumOfOthers(const double* x, size_t n) {
  std::vector<ScaledExp> others(n);
  ScaledExp before, behind;
  for (size_t k = 0; k < n; ++k) {
    others[k] = before;
    before.Add({x[k], 1});
  }
  for (size_t k = n; k-- > 0;) {
    others[k].Add(behind);
    behind.Add({x[k], 1});
  }
  return others;
}

// The logarithm of softmax at both ends of wide ranges, exact but for double's roundings: x[k] at
// one end and the others at the other one.
struct WideLogs {
  std::vector<double> lo, hi;
  double top = 0;       // largest magnitude that the maximum may have
  double relative = 0;  // error of a computed sum of exp(x - max), wherever the inputs lie
};

WideLogs LogsOfWide(DataType type, const Row& row, size_t n) {
  const std::vector<ScaledExp> least = SumOfOthers(row.lo, n);
  const std::vector<ScaledExp> most = SumOfOthers(row.hi, n);
  WideLogs out;
  double top_lo = -kInfinity, top_hi = -kInfinity;
  for (size_t k = 0; k < n; ++k) {
    // x - log(exp(x) + others) = -log(1 + others / exp(x)).
    out.lo.push_back(-LogAddExp(0, most[k].LogOver(row.lo[k])));
    out.hi.push_back(-LogAddExp(0, least[k].LogOver(row.hi[k])));
    top_lo = std::max(top_lo, row.lo[k]);
    top_hi = std::max(top_hi, row.hi[k]);
  }
  out.top = std::max(std::abs(top_lo), std::abs(top_hi));
  // A term exp(-d) of a sum that is at least 1 suffers u * d from rounding d: d * exp(-d) < 0.4.
  const double unit = UnitRoundoff(type) + 0x1p-52;
  const auto count = static_cast<double>(n);
  out.relative =
      2 * FindAccuracy("Exp", type).ulps * unit + count * (1.4 * unit + SmallestNormal(type));
  return out;
}

void SoftmaxOfWide(DataType type, const Row& row, const Exponentials& e, size_t n,
                   std::vector<Interval>& out) {
  const WideLogs logs = LogsOfWide(type, row, n);
  const double unit = UnitRoundoff(type) + 0x1p-52;
  const double exp_error = 2 * FindAccuracy("Exp", type).ulps * unit;
  const double tiny = SmallestNormal(type);
  const auto error = [&](double log) {
    return std::expm1(unit * std::abs(log) + exp_error + logs.relative + 3 * unit);
  };
  for (size_t k = 0; k < n; ++k) {
    if (row.hi[k] == -kInfinity) {
      out.push_back(Exactly(0));
      continue;
    }
    const double lo = std::exp(logs.lo[k]) / (1 + error(logs.lo[k]));
    const double hi = std::exp(logs.hi[k]) * (1 + error(logs.hi[k]));
    out.push_back({e.value[k] / e.sum, std::max(lo - tiny, 0.0), hi + tiny, kDecided});
  }
}

void LogSoftmaxOfWide(DataType type, const Row& row, const Exponentials& e, size_t n,
                      std::vector<Interval>& out) {
  const WideLogs logs = LogsOfWide(type, row, n);
  const double unit = UnitRoundoff(type) + 0x1p-52;
  const double log_sum = std::log(static_cast<double>(n));  // at most
  const double log_error =
      (2 * FindAccuracy("Log", type).ulps + 1) * unit * std::max(log_sum, unit);
  // x - top - log(sum), or x - (top + log(sum)); each part is below the result and log(n).
  const auto error = [&](double log) {
    return std::expm1(logs.relative) + log_error + 2 * unit * (2 * log_sum + logs.top) +
           4 * unit * std::abs(log) + SmallestNormal(type);
  };
  for (size_t k = 0; k < n; ++k) {
    if (row.hi[k] == -kInfinity) {
      out.push_back(Exactly(-kInfinity));
      continue;
    }
    out.push_back({row.value[k] - e.top - std::log(e.sum), logs.lo[k] - error(logs.lo[k]),
                   logs.hi[k] + error(logs.hi[k]), kDecided});
  }
}

// Called with each line; fills one interval an element.
using LineFunction = void (*)(DataType, const Row&, size_t n, std::vector<Interval>&);

}  // namespace

void SoftmaxOf(DataType type, const Row& row, size_t n, std::vector<Interval>& out) {
  Exponentials e;
  const Interval special = Exponentiate(type, row, n, e);
  if (special.mark != kDecided || std::isnan(special.value)) {
    out.assign(n, special);
    return;
  }
  if (e.spread > kNarrow) return SoftmaxOfWide(type, row, e, n, out);
  const double unit = UnitRoundoff(type) + 0x1p-52;
  const double tiny = SmallestNormal(type);
  for (size_t k = 0; k < n; ++k) {
    // Largest where x[k] is high and the others are low: e_k / (e_k + rest).
    const double rest_lo = std::max(e.sum_lo - e.lo[k], 0.0);
    const double rest_hi = std::max(e.sum_hi - e.hi[k], 0.0);
    const double hi = e.hi[k] == 0 ? 0 : e.hi[k] / (e.hi[k] + rest_lo);
    const double lo = e.lo[k] == 0 ? 0 : e.lo[k] / (e.lo[k] + rest_hi);
    // Numerator, sum, and a division that may be a product with a reciprocal.
    const double error = std::expm1(e.error[k] + e.relative + 3 * unit);
    out.push_back({e.value[k] / e.sum, std::max(lo / (1 + error) - tiny, 0.0),
                   hi * (1 + error) + tiny, kDecided});
    if (e.value[k] == 0 && row.value[k] == -kInfinity) out.back() = Exactly(0);
  }
}

void LogSoftmaxOf(DataType type, const Row& row, size_t n, std::vector<Interval>& out) {
  Exponentials e;
  const Interval special = Exponentiate(type, row, n, e);
  if (special.mark != kDecided || std::isnan(special.value)) {
    out.assign(n, special);
    return;
  }
  if (e.spread > kNarrow) return LogSoftmaxOfWide(type, row, e, n, out);
  const double unit = UnitRoundoff(type) + 0x1p-52;
  const double log_error = 2 * FindAccuracy("Log", type).ulps + 1;
  const double log_sum = std::log(e.sum);
  for (size_t k = 0; k < n; ++k) {
    if (row.value[k] == -kInfinity) {
      out.push_back(Exactly(-kInfinity));
      continue;
    }
    const double x = row.value[k];
    const double x_lo = row.lo == nullptr ? x : row.lo[k];
    const double x_hi = row.hi == nullptr ? x : row.hi[k];
    const double rest_lo = std::max(e.sum_lo - e.lo[k], 0.0);
    const double rest_hi = std::max(e.sum_hi - e.hi[k], 0.0);
    const double hi = x_hi - e.top - std::log(e.hi[k] + rest_lo);
    const double lo = x_lo - e.top - std::log(e.lo[k] + rest_hi);
    // x - top - log(sum), or x - (top + log(sum)).
    const double error =
        std::expm1(e.relative) + log_error * unit * std::max(std::abs(log_sum), unit) +
        2 * unit * std::abs(x - e.top) + 2 * unit * std::abs(e.top + log_sum) +
        2 * unit * e.spread + unit * std::max(std::abs(lo), std::abs(hi)) + SmallestNormal(type);
    out.push_back({x - e.top - log_sum, lo - error, hi + error, kDecided});
  }
}

namespace {

void HardmaxLine(DataType, const Row& row, size_t n, std::vector<Interval>& out) {
  size_t first = 0;
  for (size_t k = 0; k < n; ++k) {
    if (std::isnan(row.value[k])) {
      out.assign(n, {0, 0, 0, kUnspecified});
      return;
    }
    if (row.value[k] > row.value[first]) first = k;
  }
  out.assign(n, Exactly(0));
  out[first] = Exactly(1);
  if (row.lo == nullptr) return;
  for (size_t k = 0; k < n; ++k) {
    const bool both_exact = row.lo[k] == row.hi[k] && row.lo[first] == row.hi[first];
    if (k == first || row.hi[k] < row.lo[first] || both_exact) continue;
    out[k].mark = out[first].mark = kUndecidable;
  }
}

Status OverLines(KernelContext& ctx, LineFunction function) {
  const RangeTensor& x = ctx.In(0);
  if (!IsFloat(x.type)) return Fail(ErrorCode::kInvalidInput, "softmax of {}", Name(x.type));
  MOIRE_ASSIGN(const Lines lines, SoftmaxLines(ctx));
  const size_t n = lines.step.size();
  MOIRE_TRY(ctx.Spend(lines.start.size() * n * 40));
  MOIRE_ASSIGN(RangeTensor * out, ctx.Make(0, x.type, x.shape));
  if (n == 0) return {};
  LineReader reader(x);
  std::vector<Interval> results;
  for (const int64_t start : lines.start) {
    results.clear();
    function(x.type, reader.Read(start, lines.step), n, results);
    const uint8_t marks = reader.Marks(start, lines.step);
    for (size_t k = 0; k < n; ++k) {
      results[k].mark |= marks;
      StoreElement(*out, static_cast<size_t>(start + lines.step[k]), results[k]);
    }
  }
  Round(*out);
  return {};
}

Status Softmax(KernelContext& ctx) { return OverLines(ctx, SoftmaxOf); }
Status LogSoftmax(KernelContext& ctx) { return OverLines(ctx, LogSoftmaxOf); }
Status Hardmax(KernelContext& ctx) { return OverLines(ctx, HardmaxLine); }

constexpr KernelEntry kEntries[] = {
    {"Softmax", 1, kLatest, Softmax},
    {"LogSoftmax", 1, kLatest, LogSoftmax},
    {"Hardmax", 1, kLatest, Hardmax},
};

}  // namespace

std::span<const KernelEntry> SoftmaxKernels() { return kEntries; }

}  // namespace moire
