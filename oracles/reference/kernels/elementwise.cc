#include "oracles/reference/kernels/elementwise.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "harness/case/float_bits.h"

namespace moire {
namespace {

// source element of each output element under broadcasting; `from` fits `to`.
std::vector<int64_t> BroadcastIndex(Dims from, Dims to) {
  const size_t rank = to.size();
  std::vector<int64_t> stride(rank, 0);
  const Shape own = Strides(from);
  for (size_t d = 0; d < from.size(); ++d) {
    if (from[d] != 1) stride[rank - from.size() + d] = own[d];
  }
  std::vector<int64_t> index(static_cast<size_t>(Count(to)));
  if (index.empty()) return index;
  // Fill the innermost axes first; each outer axis repeats what is there, shifted.
  index[0] = 0;
  size_t filled = 1;
  for (size_t d = rank; d-- > 0;) {
    const auto extent = static_cast<size_t>(to[d]);
    for (size_t k = 1; k < extent; ++k) {
      const int64_t shift = static_cast<int64_t>(k) * stride[d];
      for (size_t i = 0; i < filled; ++i) index[k * filled + i] = index[i] + shift;
    }
    filled *= extent;
  }
  return index;
}

// NaN may arise somewhere in the ranges: for certain when they are points.
Interval MaybeNan(const Interval& a, const Interval& b, double guess) {
  if (IsPoint(a) && IsPoint(b)) return NanForCertain();
  return Undecidable(guess);
}

bool AnyNan(const Interval& a, const Interval& b) { return std::isnan(a.lo) || std::isnan(b.lo); }

// The hull of bounds at the four corners.
template <typename Corner>
Interval Corners(double value, const Interval& a, const Interval& b, const Corner& corner) {
  Bounds hull = corner(a.lo, b.lo);
  if (!IsPoint(a) || !IsPoint(b)) {
    for (const Bounds& bounds : {corner(a.lo, b.hi), corner(a.hi, b.lo), corner(a.hi, b.hi)}) {
      hull.lo = std::min(hull.lo, bounds.lo);
      hull.hi = std::max(hull.hi, bounds.hi);
    }
  }
  return Spanning(value, hull.lo, hull.hi);
}

bool IsPowerOfTwo(double x) {
  int exponent = 0;
  return std::abs(std::frexp(x, &exponent)) == 0.5;
}

}  // namespace

Result<Operand> Operand::Align(KernelContext& ctx, const RangeTensor& source, Dims shape) {
  Operand out;
  out.source_ = &source;
  const int64_t count = Count(shape);
  if (source.size() == count) return out;  // dims of 1 aside, the shapes are equal
  if (source.size() == 1) {
    out.step_ = 0;
    return out;
  }
  MOIRE_TRY(ctx.Reserve(source.type, shape));
  MOIRE_TRY(ctx.Spend(static_cast<uint64_t>(count)));
  out.expanded_.push_back(GatherElements(source, Shape(shape.begin(), shape.end()),
                                         BroadcastIndex(source.shape, shape)));
  return out;
}

Result<Shape> BroadcastInputs(const KernelContext& ctx, size_t first) {
  Shape shape = ctx.In(first).shape;
  for (size_t i = first + 1; i < ctx.NumInputs(); ++i) {
    const RangeTensor* input = ctx.Input(i);
    if (input == nullptr || input->shape == shape) continue;
    auto joined = BroadcastShapes(shape, input->shape);
    if (!joined) {
      return Fail(ErrorCode::kInvalidInput, "{}: shapes {} and {} do not broadcast", ctx.node().op,
                  ToString(shape), ToString(input->shape));
    }
    shape = *std::move(joined);
  }
  return shape;
}

int64_t WrapInteger(DataType type, int64_t value) {
  const TypeTraits& traits = Traits(type);
  if (traits.bits >= 64) return value;
  if (traits.kind == TypeClass::kBool) return value != 0;
  const int shift = 64 - traits.bits;
  const auto high = static_cast<uint64_t>(value) << shift;
  if (traits.kind == TypeClass::kSigned) return static_cast<int64_t>(high) >> shift;
  return static_cast<int64_t>(high >> shift);
}

void FloatOutput::SetRange(size_t i, const Interval& x) {
  if (!ranged_) {
    // NaN for certain is exact as well.
    if (std::isnan(x.value) && std::isnan(x.lo) && std::isnan(x.hi)) return;
    ranged_ = true;
    out_.MakeRanges();
  }
  out_.lo[i] = x.lo;
  out_.hi[i] = x.hi;
}

Interval AddRanges(const Interval& a, const Interval& b) {
  if (AnyNan(a, b)) return NanForCertain();
  const double value = a.value + b.value;
  if ((a.hi == kDoubleInfinity && b.lo == -kDoubleInfinity) ||
      (a.lo == -kDoubleInfinity && b.hi == kDoubleInfinity)) {
    return MaybeNan(a, b, value);
  }
  const Bounds low = SumBounds(a.lo, b.lo);
  if (IsPoint(a) && IsPoint(b)) return Spanning(value, low.lo, low.hi);
  return Spanning(value, low.lo, SumBounds(a.hi, b.hi).hi);
}

Interval SubRanges(const Interval& a, const Interval& b) { return AddRanges(a, NegRange(b)); }

Interval MulRanges(const Interval& a, const Interval& b) {
  if (AnyNan(a, b)) return NanForCertain();
  const double value = a.value * b.value;
  if ((HasZero(a) && HasInfinity(b)) || (HasInfinity(a) && HasZero(b))) {
    return MaybeNan(a, b, value);
  }
  return Corners(value, a, b, ProductBounds);
}

Interval DivRanges(DataType type, const Accuracy& row, const Interval& a, const Interval& b) {
  if (AnyNan(a, b)) return NanForCertain();
  const double value = a.value / b.value;
  if (HasZero(b)) {
    // 0 / 0 is NaN whatever the signs; x / 0 depends on the sign of a zero, which is not tracked.
    if (IsPoint(a) && IsPoint(b) && a.lo == 0) return NanForCertain();
    return Undecidable(value);
  }
  if (HasInfinity(a) && HasInfinity(b)) return MaybeNan(a, b, value);
  Interval out = Corners(value, a, b, QuotientBounds);
  if (IsPoint(b) && (IsPowerOfTwo(b.lo) || std::isinf(b.lo))) return out;
  if (out.lo == 0 && out.hi == 0) return out;
  out.lo -= ErrorBound(type, out.lo, row, 0);
  out.hi += ErrorBound(type, out.hi, row, 0);
  return out;
}

Interval FloatAttribute(const KernelContext& ctx, std::string_view name, float otherwise,
                        DataType type) {
  const double exact = ctx.node().Float(name, otherwise);
  const double rounded = RoundTo(type, exact);
  return Spanning(exact, std::min(exact, rounded), std::max(exact, rounded));
}

std::unexpected<Error> UnsupportedType(const KernelContext& ctx, DataType type) {
  return Fail(ErrorCode::kUnsupported, "{} of {}", ctx.node().op, Name(type));
}

}  // namespace moire
