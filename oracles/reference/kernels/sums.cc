#include "oracles/reference/kernels/sums.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>

#include "harness/case/float_bits.h"
#include "oracles/reference/accuracy.h"
#include "oracles/reference/pooled.h"

namespace moire {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

Interval Term(const Row& row, int64_t k) {
  return {row.value[k], row.lo ? row.lo[k] : row.value[k], row.hi ? row.hi[k] : row.value[k],
          kDecided};
}

// The product of two elements, or the element itself, or its square.
struct TermOf {
  const Row& a;
  const Row* b;  // null: no second factor
  bool square = false;

  Interval operator()(int64_t k) const {
    const Interval x = Term(a, k);
    if (b == nullptr) return x;
    Interval product = ExactProduct(x, Term(*b, k));
    // [-1, 1] squared does not reach below zero.
    if (square && !x.exact()) {
      product.lo = x.lo <= 0 && x.hi >= 0 ? 0 : std::min(x.lo * x.lo, x.hi * x.hi);
    }
    return product;
  }
};

// A sum with a term that is not finite, or that leaves double.
Interval SpecialSum(DataType type, const TermOf& term, int64_t n) {
  bool nan = false, unsure = false, positive = false, negative = false;
  double positive_sum = 0, negative_sum = 0;
  for (int64_t k = 0; k < n; ++k) {
    const Interval x = term(k);
    if (std::isnan(x.value) && x.exact() && x.mark == kDecided) {
      nan = true;
    } else if (x.mark != kDecided) {
      unsure = true;
    } else if (std::isinf(x.lo) || std::isinf(x.hi)) {
      const bool from_finite =
          std::isfinite(term.a.value[k]) && (term.b == nullptr || std::isfinite(term.b->value[k]));
      if (x.lo != x.hi || from_finite) {
        unsure = true;
      } else {
        (x.lo > 0 ? positive : negative) = true;
      }
    } else {
      positive_sum += std::max(x.hi, 0.0);
      negative_sum -= std::min(x.lo, 0.0);
    }
  }
  if (nan) return Exactly(kNan);
  if (unsure || (!positive && !negative)) return Undecidable(positive_sum - negative_sum);
  if (positive && negative) return Exactly(kNan);
  const double limit = Traits(type).max_finite;
  const double result = positive ? kInfinity : -kInfinity;
  if ((positive ? negative_sum : positive_sum) > limit) return Undecidable(result);
  return Exactly(result);
}

Interval Sum(DataType type, const Row& a, const Row* b, bool square, int64_t n, double folded) {
  const TermOf term{a, b, square};
  const bool ranged = a.lo != nullptr || (b != nullptr && b->lo != nullptr);
  // How far the ranges let the exact sum go down and up, sum|term|, and sum|a| + |b|.
  double down = 0, up = 0, magnitude = 0, factors = 0;
  if (ranged && b != nullptr && !square) {
    const double* a_lo = a.lo ? a.lo : a.value;
    const double* a_hi = a.hi ? a.hi : a.value;
    const double* b_lo = b->lo ? b->lo : b->value;
    const double* b_hi = b->hi ? b->hi : b->value;
    // A NaN corner that min and max pass over is caught by the sum of all corners.
    double corners = 0;
    for (int64_t k = 0; k < n; ++k) {
      const double ll = a_lo[k] * b_lo[k], lh = a_lo[k] * b_hi[k];
      const double hl = a_hi[k] * b_lo[k], hh = a_hi[k] * b_hi[k];
      const double value = a.value[k] * b->value[k];
      down += value - std::min(std::min(ll, lh), std::min(hl, hh));
      up += std::max(std::max(ll, lh), std::max(hl, hh)) - value;
      magnitude += std::abs(value);
      factors += std::abs(a.value[k]) + std::abs(b->value[k]);
      corners += ll + lh + hl + hh;
    }
    if (!std::isfinite(corners)) return SpecialSum(type, term, n);
  } else if (ranged) {
    for (int64_t k = 0; k < n; ++k) {
      const Interval x = term(k);
      down += x.value - x.lo;
      up += x.hi - x.value;
      magnitude += std::abs(x.value);
    }
  } else if (b != nullptr) {
    for (int64_t k = 0; k < n; ++k) {
      magnitude += std::abs(a.value[k] * b->value[k]);
      factors += std::abs(a.value[k]) + std::abs(b->value[k]);
    }
  } else {
    for (int64_t k = 0; k < n; ++k) magnitude += std::abs(a.value[k]);
  }
  if (!std::isfinite(magnitude + down + up)) return SpecialSum(type, term, n);
  // Zeros add up exactly, and a single element is its own sum.
  if (magnitude + down + up == 0) return Exactly(0);
  if (n == 1 && b == nullptr && folded == 0) return term(0);

  double exact = 0;
  bool overflow = false;
  double bound =
      SumBound(a.value, 1, b == nullptr ? nullptr : b->value, 1, n, type, &exact, &overflow);
  if (b != nullptr && folded > 0 && PooledRuleHolds()) {
    const double pooled = kPooledFactor * PooledSpread(type, a.value, b->value, n) +
                          static_cast<double>(n) * SmallestSubnormal(type);
    bound = std::min(bound, pooled);
  }
  const double unit = UnitRoundoff(type);
  if (down + up > 0 && n > 2) {
    // Integers add up exactly, but what the ranges hold beside them does not.
    const auto count = static_cast<double>(n);
    bound = std::max(bound, std::min(4 * std::sqrt(count), count) * unit * magnitude);
  }
  if (folded > 0 || down + up > 0) {
    const auto size = [&](int64_t k) { return std::abs(term(k).value); };
    bound = std::max(bound, RepetitionBound(type, n, magnitude, size));
  }
  // Four roundings of double a term cover what this function itself loses; terms that are larger
  // than their nominal value round by more. A factor that a fold makes subnormal is off by as much
  // as the smallest subnormal.
  const double slack = bound + (folded * unit + 0x1p-50) * magnitude +
                       (static_cast<double>(n) + folded) * unit * (down + up) +
                       folded * SmallestSubnormal(type) * factors;
  Interval out{exact, exact - down - slack, exact + up + slack, kDecided};
  const double limit = Traits(type).max_finite;
  if (!overflow && magnitude + down + up <= limit) return out;
  double positive = 0, negative = 0;
  for (int64_t k = 0; k < n; ++k) {
    const Interval x = term(k);
    positive += std::max(x.hi, 0.0);
    negative -= std::min(x.lo, 0.0);
  }
  if (!overflow && positive <= limit && negative <= limit) return out;
  if (positive > 0 && negative > 0) {
    out.mark = kUndecidable;
  } else if (positive > 0) {
    out.hi = kInfinity;
  } else {
    out.lo = -kInfinity;
  }
  return out;
}

}  // namespace

Interval SumOfProducts(DataType type, const Row& a, const Row& b, int64_t n, double folded) {
  return Sum(type, a, &b, false, n, folded);
}

Interval SumOf(DataType type, const Row& a, int64_t n, double folded) {
  return Sum(type, a, nullptr, false, n, folded);
}

Interval SumOfSquares(DataType type, const Row& a, int64_t n) {
  Interval out = Sum(type, a, &a, true, n, 0);
  if (out.lo < 0) out.lo = 0;
  return out;
}

Interval RoundedSquares(const Arithmetic& type, const Row& a, int64_t n) {
  Interval out = type.Rounded(SumOfSquares(type.type(), a, n));
  if (out.lo < 0) out.lo = 0;
  return out;
}

Result<Lines> LinesAlong(KernelContext& ctx, Dims shape, const std::vector<bool>& along,
                         bool keep) {
  Lines lines;
  const Shape strides = Strides(shape);
  int64_t count = 1, length = 1;
  for (size_t axis = 0; axis < shape.size(); ++axis) {
    if (along[axis]) {
      length *= shape[axis];
      if (keep) lines.shape.push_back(1);
    } else {
      count *= shape[axis];
      lines.shape.push_back(shape[axis]);
    }
  }
  MOIRE_TRY(ctx.Reserve(DataType::kInt64, std::vector<int64_t>{count}));
  MOIRE_TRY(ctx.Reserve(DataType::kInt64, std::vector<int64_t>{length}));
  MOIRE_TRY(ctx.Spend(static_cast<uint64_t>(count + length)));
  // Offsets of all index tuples over the axes of one kind, in row-major order.
  const auto offsets = [&](bool kind, int64_t total) {
    std::vector<int64_t> out;
    if (total == 0) return out;
    out.reserve(static_cast<size_t>(total));
    out.push_back(0);
    for (size_t axis = 0; axis < shape.size(); ++axis) {
      if (along[axis] != kind || shape[axis] == 1) continue;
      std::vector<int64_t> next;
      next.reserve(out.size() * static_cast<size_t>(shape[axis]));
      for (const int64_t base : out) {
        for (int64_t i = 0; i < shape[axis]; ++i) next.push_back(base + i * strides[axis]);
      }
      out = std::move(next);
    }
    return out;
  };
  lines.start = offsets(false, count);
  lines.step = offsets(true, length);
  return lines;
}

Result<Lines> LinesAlong(KernelContext& ctx, Dims shape, int64_t axis, bool keep) {
  std::vector<bool> along(shape.size(), false);
  along[static_cast<size_t>(axis)] = true;
  return LinesAlong(ctx, shape, along, keep);
}

Row LineReader::Read(int64_t start, std::span<const int64_t> step) {
  const size_t n = step.size();
  if (n == 0) return {};
  const bool contiguous = step[0] == 0 && step[n - 1] == static_cast<int64_t>(n) - 1;
  const auto read = [&](const std::vector<double>& from, std::vector<double>& scratch) {
    if (contiguous) return from.data() + start;
    scratch.resize(n);
    for (size_t j = 0; j < n; ++j) scratch[j] = from[static_cast<size_t>(start + step[j])];
    return static_cast<const double*>(scratch.data());
  };
  Row row;
  row.value = read(tensor_.value, value_);
  if (!tensor_.exact()) {
    row.lo = read(tensor_.lo, lo_);
    row.hi = read(tensor_.hi, hi_);
  }
  return row;
}

uint8_t LineReader::Marks(int64_t start, std::span<const int64_t> step) const {
  uint8_t marks = kDecided;
  if (tensor_.marks.empty()) return marks;
  for (const int64_t offset : step) marks |= tensor_.marks[static_cast<size_t>(start + offset)];
  return marks;
}

int64_t WrapInteger(DataType type, uint64_t bits) {
  const TypeTraits& traits = Traits(type);
  if (IsBool(type)) return bits != 0;
  if (traits.bits >= 64) return static_cast<int64_t>(bits);
  const int shift = 64 - traits.bits;
  if (IsUnsigned(type)) return static_cast<int64_t>((bits << shift) >> shift);
  return static_cast<int64_t>(bits << shift) >> shift;
}

}  // namespace moire
