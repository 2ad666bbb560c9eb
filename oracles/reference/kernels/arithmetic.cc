// Arithmetic of two or more operands: Add Sub Mul Div Mod Pow Min Max Sum Mean.
// From the operators' ONNX pages; docs/unspecified.md lists what they leave open.
#include <algorithm>
#include <cmath>
#include <limits>

#include "harness/case/float_bits.h"
#include "oracles/reference/accuracy.h"
#include "oracles/reference/kernels/elementwise.h"
#include "oracles/reference/kernels/families.h"

namespace moire {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Integer sums, differences and products are taken modulo 2^bits: see docs/unspecified.md.
int64_t WrappingAdd(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
}
int64_t WrappingSub(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) - static_cast<uint64_t>(b));
}
int64_t WrappingMul(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) * static_cast<uint64_t>(b));
}

// Arithmetic on a computed operand (one with ranges) may be re-associated with what computed it:
// Conv + Add + Add gets one bias, Mul + Mul one factor, MatMul + Mul a scale on its weights or its
// result, and the bias of MatMul + Add may be what the accumulation starts from. So beside its own
// rounding, which Round() allows for, a sum may err by one rounding of its operands for each
// product that was accumulated into them (at least one), a product or quotient by one more of
// itself; and where a product is not finite, the folded form may be another infinity, or NaN.
class Reassociation {
 public:
  explicit Reassociation(const KernelContext& ctx)
      : unit_(UnitRoundoff(ctx.In(0).type)),
        smallest_normal_(SmallestNormal(ctx.In(0).type)),
        max_(Traits(ctx.In(0).type).max_finite) {
    const RangeTensor& a = ctx.In(0);
    const RangeTensor& b = ctx.In(1);
    computed_ = !a.exact() || !b.exact();
    terms_ = std::max(a.sum_terms, b.sum_terms);
  }
  Interval Sum(const Interval& a, const Interval& b, Interval out) const {
    if (!computed_) return out;
    const double roundings = static_cast<double>(std::max<int64_t>(terms_, 1));
    const double error = roundings * unit_ * (std::abs(a.value) + std::abs(b.value));
    if (std::isfinite(error)) Widen(out, error);
    return out;
  }
  Interval Product(const Interval& a, const Interval& b, Interval out) const {
    if (!computed_) return out;
    // A scale too small to be rounded to full precision loses more in each weight, or when it is
    // multiplied with another scale first.
    if (Subnormal(a) || Subnormal(b) || Subnormal(out)) out.mark |= kUndecidable;
    if (-max_ <= out.lo && out.hi <= max_) {
      Widen(out, unit_ * std::abs(out.value));
    } else if (terms_ > 0 || Infinite(a) || Infinite(b) || Infinite(out)) {
      out.mark |= kUndecidable;
    }
    return out;
  }
  // On the result: what is added to it may still join the accumulation.
  Status Done(KernelContext& ctx, Status status) const {
    if (status) ctx.Out(0).sum_terms = terms_;
    return status;
  }

 private:
  bool Subnormal(const Interval& x) const {
    return x.value != 0 && std::abs(x.value) < smallest_normal_;
  }
  static bool Infinite(const Interval& x) { return x.lo == x.hi && std::isinf(x.lo); }
  static void Widen(Interval& out, double error) {
    out.lo -= error;
    out.hi += error;
  }

  double unit_;
  double smallest_normal_;
  double max_;
  bool computed_ = false;
  int64_t terms_ = 0;
};

// A kernel for floats from range arithmetic, for integers from wrapping arithmetic.
template <Interval (*kFloats)(const Interval&, const Interval&), int64_t (*kInts)(int64_t, int64_t),
          bool kProduct = false>
Status Ring(KernelContext& ctx) {
  const DataType type = ctx.In(0).type;
  if (IsFloat(type)) {
    const Reassociation folded(ctx);
    return folded.Done(ctx, MapFloats(ctx, [&](const Interval& a, const Interval& b) {
                         const Interval out = kFloats(a, b);
                         return kProduct ? folded.Product(a, b, out) : folded.Sum(a, b, out);
                       }));
  }
  if (!IsInteger(type)) return UnsupportedType(ctx, type);
  return MapInts(ctx, type, [](int64_t a, int64_t b) { return IntResult{kInts(a, b)}; });
}

// Quotients truncate ("the result is computed using truncating division"). By zero, and
// INT_MIN / -1: unspecified.
IntResult DivideSigned(DataType type, int64_t a, int64_t b) {
  if (b == 0) return {0, kUnspecified};
  if (b == -1) {
    return {WrappingSub(0, a), a == IntegerMin(type) ? kUnspecified : kDecided};
  }
  return {a / b};
}

IntResult DivideUnsigned(int64_t a, int64_t b) {
  if (b == 0) return {0, kUnspecified};
  return {static_cast<int64_t>(static_cast<uint64_t>(a) / static_cast<uint64_t>(b))};
}

Status Div(KernelContext& ctx) {
  const DataType type = ctx.In(0).type;
  if (IsFloat(type)) {
    const Accuracy& row = FindAccuracy("Div", type);
    const Reassociation folded(ctx);
    return folded.Done(ctx, MapFloats(ctx, [&, type](const Interval& a, const Interval& b) {
                         return folded.Product(a, b, DivRanges(type, row, a, b));
                       }));
  }
  if (IsSigned(type)) {
    return MapInts(ctx, type, [type](int64_t a, int64_t b) { return DivideSigned(type, a, b); });
  }
  if (IsUnsigned(type)) return MapInts(ctx, type, DivideUnsigned);
  return UnsupportedType(ctx, type);
}

// --- Mod --------------------------------------------------------------------------------------

IntResult RemainderSigned(int64_t a, int64_t b, bool floored) {
  if (b == 0) return {0, kUnspecified};
  if (b == -1) return {0};
  const int64_t rest = a % b;
  return {floored && rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest};
}

IntResult RemainderUnsigned(int64_t a, int64_t b) {
  if (b == 0) return {0, kUnspecified};
  return {static_cast<int64_t>(static_cast<uint64_t>(a) % static_cast<uint64_t>(b))};
}

// C's fmod is exact. Over a range it is continuous between two multiples of b.
Interval TruncatedRemainder(const Interval& a, const Interval& b) {
  if (std::isnan(a.lo) || std::isnan(b.lo)) return NanForCertain();
  const double value = std::fmod(a.value, b.value);
  if (IsPoint(a) && IsPoint(b)) return {value, value, value, kDecided};
  if (!IsPoint(b) || !std::isfinite(b.lo) || b.lo == 0) return Undecidable(value);
  const double first = std::trunc(a.lo / b.lo);
  if (first != std::trunc(a.hi / b.lo) || std::abs(first) > 0x1p50) return Undecidable(value);
  const double low = std::fmod(a.lo, b.lo);
  const double high = std::fmod(a.hi, b.lo);
  // trunc(a / b) was rounded: near a multiple of b the remainder may have wrapped.
  if (low > high) return Undecidable(value);
  return Spanning(value, low, high);
}

// Mod-28: A - floor(A / B) * B, with the special cases of its page.
Interval FlooredRemainder(DataType type, const Interval& a, const Interval& b) {
  Interval rest = TruncatedRemainder(a, b);
  if (rest.mark != kDecided || std::isnan(rest.lo)) return rest;
  // Quotients beyond the type's integers: the formula itself loses all meaning.
  if (std::isfinite(a.value) && std::isfinite(b.value) &&
      std::abs(a.value / b.value) * UnitRoundoff(type) > 0.5) {
    return Undecidable(rest.value);
  }
  if (rest.lo < 0 && rest.hi > 0) return Undecidable(rest.value);
  const bool negative = b.lo < 0;
  if (rest.lo == 0 && rest.hi == 0) return {std::copysign(0.0, b.lo), 0, 0, kDecided};
  if ((rest.value < 0) == negative) return rest;
  if (!IsPoint(rest)) return Undecidable(rest.value);
  if (std::isinf(b.lo)) return b;
  return AddRanges(rest, b);
}

Status Mod(KernelContext& ctx) {
  const DataType type = ctx.In(0).type;
  const int64_t fmod = ctx.node().Int("fmod", 0);
  if (fmod != 0 && fmod != 1) {
    return Fail(ErrorCode::kInvalidInput, "Mod: fmod must be 0 or 1, not {}", fmod);
  }
  if (IsFloat(type)) {
    if (fmod == 1) return MapFloats(ctx, TruncatedRemainder);
    // Before opset 28 fmod = 0 is for integers only.
    const uint8_t mark = ctx.opset() < 28 ? kUnspecified : kDecided;
    return MapFloats(ctx, [=](const Interval& a, const Interval& b) {
      Interval out = FlooredRemainder(type, a, b);
      out.mark |= mark;
      return out;
    });
  }
  if (IsSigned(type)) {
    return MapInts(ctx, type,
                   [fmod](int64_t a, int64_t b) { return RemainderSigned(a, b, fmod == 0); });
  }
  if (IsUnsigned(type)) return MapInts(ctx, type, RemainderUnsigned);
  return UnsupportedType(ctx, type);
}

// Min, Max, Sum and Mean broadcast from opset 8 on; before, "all inputs must have the same shape".
Result<Shape> VariadicShape(const KernelContext& ctx) {
  for (size_t k = 1; ctx.opset() < 8 && k < ctx.NumInputs(); ++k) {
    if (ctx.In(k).shape != ctx.In(0).shape) {
      return Fail(ErrorCode::kInvalidInput, "input {} has another shape", k);
    }
  }
  return BroadcastInputs(ctx);
}

// --- Min and Max ------------------------------------------------------------------------------

template <bool kMax>
Interval PickRanges(const Interval& a, const Interval& b) {
  if (std::isnan(a.lo) || std::isnan(b.lo)) {
    return NanForCertain();  // as ONNX's own implementation, NumPy's maximum and minimum
  }
  if constexpr (kMax) {
    return {std::max(a.value, b.value), std::max(a.lo, b.lo), std::max(a.hi, b.hi), kDecided};
  } else {
    return {std::min(a.value, b.value), std::min(a.lo, b.lo), std::min(a.hi, b.hi), kDecided};
  }
}

// Folds the variadic inputs two at a time: extremes are exact in any order.
template <bool kMax>
Status Extreme(KernelContext& ctx) {
  const DataType type = ctx.In(0).type;
  MOIRE_ASSIGN(Shape shape, VariadicShape(ctx));
  MOIRE_ASSIGN(RangeTensor * out, ctx.Make(0, type, std::move(shape)));
  const auto count = static_cast<size_t>(out->size());
  std::vector<Operand> operands;
  for (size_t k = 0; k < ctx.NumInputs(); ++k) {
    MOIRE_TRY(ctx.Spend(count));
    MOIRE_ASSIGN(Operand operand, Operand::Align(ctx, ctx.In(k), out->shape));
    operands.push_back(std::move(operand));
  }
  if (IsFloat(type)) {
    FloatOutput output(*out);
    for (size_t i = 0; i < count; ++i) {
      Interval best = operands[0].Element(i);
      uint8_t mark = best.mark;
      for (size_t k = 1; k < operands.size(); ++k) {
        const Interval next = operands[k].Element(i);
        mark |= next.mark;
        best = PickRanges<kMax>(best, next);
        mark |= best.mark;
      }
      best.mark = mark;
      output.Set(i, best);
    }
    Round(*out);
    return {};
  }
  if (!IsInteger(type)) return UnsupportedType(ctx, type);
  const uint64_t flip = IsUnsigned64(type) ? uint64_t{1} << 63 : 0;  // orders uint64 as int64
  for (size_t i = 0; i < count; ++i) {
    int64_t best = operands[0].Int(i);
    uint8_t mark = operands[0].MarkAt(i);
    for (size_t k = 1; k < operands.size(); ++k) {
      const int64_t next = operands[k].Int(i);
      const bool less = static_cast<int64_t>(static_cast<uint64_t>(next) ^ flip) <
                        static_cast<int64_t>(static_cast<uint64_t>(best) ^ flip);
      if (less != kMax && next != best) best = next;
      mark |= operands[k].MarkAt(i);
    }
    out->ints[i] = best;
    out->AddMark(i, mark);
  }
  return {};
}

// --- Sum and Mean -----------------------------------------------------------------------------

// How far the partial sums of terms may go up and down, over every order of adding them.
struct Reach {
  double up = 0, down = 0;  // of the finite terms
  bool infinite_up = false, infinite_down = false;

  void Add(const Interval& x) {
    infinite_up |= x.hi == kInfinity;
    infinite_down |= x.lo == -kInfinity;
    if (std::isfinite(x.hi)) up += std::max(x.hi, 0.0);
    if (std::isfinite(x.lo)) down += std::max(-x.lo, 0.0);
  }
  // Whether a partial sum overflows in one order and meets terms of the other sign in another: the
  // largest number twice and -inf is NaN or -inf.
  bool OrderDecides(double max_finite) const {
    return (up > max_finite && (down > 0 || infinite_down)) ||
           (down > max_finite && (up > 0 || infinite_up));
  }
  // sum|x|; `most` stands for a term that is infinite for some input only.
  double Size(double most) const {
    return up + down + (infinite_up ? most : 0) + (infinite_down ? most : 0);
  }
};

// Any order of n terms errs by at most (n - 1) * u * sum|x|; the last rounding is Round's.
template <bool kMean>
Status Total(KernelContext& ctx) {
  const DataType type = ctx.In(0).type;
  if (!IsFloat(type)) return UnsupportedType(ctx, type);
  MOIRE_ASSIGN(Shape shape, VariadicShape(ctx));
  MOIRE_ASSIGN(RangeTensor * out, ctx.Make(0, type, std::move(shape)));
  const auto count = static_cast<size_t>(out->size());
  std::vector<Operand> operands;
  for (size_t k = 0; k < ctx.NumInputs(); ++k) {
    MOIRE_TRY(ctx.Spend(count));
    MOIRE_ASSIGN(Operand operand, Operand::Align(ctx, ctx.In(k), out->shape));
    operands.push_back(std::move(operand));
  }
  const auto n = static_cast<double>(operands.size());
  const double unit = UnitRoundoff(type) + 0x1p-53;
  const double max_finite = Traits(type).max_finite;
  const Accuracy& mean_row = FindAccuracy("Mean", type);
  FloatOutput output(*out);
  for (size_t i = 0; i < count; ++i) {
    Interval sum = operands[0].Element(i);
    uint8_t mark = sum.mark;
    Reach reach;
    reach.Add(sum);
    for (size_t k = 1; k < operands.size(); ++k) {
      const Interval next = operands[k].Element(i);
      mark |= next.mark;
      reach.Add(next);
      sum = AddRanges(sum, next);
      mark |= sum.mark;
    }
    if (operands.size() > 2) {
      if (reach.OrderDecides(max_finite)) mark |= kUndecidable;
      const double bound = (n - 1) * unit * reach.Size(n * max_finite);
      if (std::isfinite(sum.lo)) sum.lo -= bound;
      if (std::isfinite(sum.hi)) sum.hi += bound;
    }
    if constexpr (kMean) {
      // The mean may be finite where the sum is not.
      if (!std::isinf(sum.value) && std::max(reach.up, reach.down) > max_finite) {
        mark |= kUndecidable;
      }
      if (operands.size() > 1) {
        sum = {sum.value / n, sum.lo / n, sum.hi / n, kDecided};
        sum.lo -= ErrorBound(type, sum.lo, mean_row, 0);
        sum.hi += ErrorBound(type, sum.hi, mean_row, 0);
      }
    }
    sum.mark = mark;
    output.Set(i, sum);
  }
  Round(*out);
  return {};
}

constexpr KernelEntry kKernels[] = {
    {"Add", 7, kLatest, Ring<AddRanges, WrappingAdd>},
    {"Sub", 7, kLatest, Ring<SubRanges, WrappingSub>},
    {"Mul", 7, kLatest, Ring<MulRanges, WrappingMul, true>},
    {"Div", 7, kLatest, Div},
    {"Mod", 10, kLatest, Mod},
    {"Max", 6, kLatest, Extreme<true>},
    {"Min", 6, kLatest, Extreme<false>},
    {"Sum", 6, kLatest, Total<false>},
    {"Mean", 6, kLatest, Total<true>},
};

}  // namespace

std::span<const KernelEntry> ArithmeticKernels() { return kKernels; }

}  // namespace moire
