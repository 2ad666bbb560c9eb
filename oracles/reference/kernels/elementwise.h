// Drivers of element-wise kernels: broadcasting, and loops over one, two or many operands that keep
// ranges and marks. An operator hands in a function of one element; the drivers do the rest. Must
// not depend on an operator.
#ifndef MOIRE_ORACLES_REFERENCE_KERNELS_ELEMENTWISE_H_
#define MOIRE_ORACLES_REFERENCE_KERNELS_ELEMENTWISE_H_

#include <cmath>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "oracles/reference/accuracy.h"
#include "oracles/reference/kernel.h"
#include "oracles/reference/kernels/directed.h"
#include "oracles/reference/kernels/interval.h"

namespace moire {

// One operand aligned with the output: element i of the output reads element i * step.
class Operand {
 public:
  // Expands `source` to `shape` where neither the elements match one by one nor a single one is
  // read all over. `source` must outlive the operand.
  static Result<Operand> Align(KernelContext& ctx, const RangeTensor& source, Dims shape);

  const RangeTensor& tensor() const { return expanded_.empty() ? *source_ : expanded_[0]; }
  size_t At(size_t i) const { return i * step_; }
  Interval Element(size_t i) const { return ElementOf(tensor(), At(i)); }
  int64_t Int(size_t i) const { return tensor().ints[At(i)]; }
  uint8_t MarkAt(size_t i) const { return tensor().MarkAt(At(i)); }
  // No ranges, no marks.
  bool plain() const { return tensor().exact() && tensor().marks.empty(); }

 private:
  const RangeTensor* source_ = nullptr;
  std::vector<RangeTensor> expanded_;  // empty or one
  size_t step_ = 1;
};

// The shape that all present inputs broadcast to (from input `first` on).
Result<Shape> BroadcastInputs(const KernelContext& ctx, size_t first = 0);

// Integers in their canonical form: signed types sign-extended, unsigned ones zero-extended.
int64_t WrapInteger(DataType type, int64_t value);
inline bool IsUnsigned64(DataType type) { return type == DataType::kUint64; }

inline bool IsNan(const Interval& x) { return std::isnan(x.value) && x.mark == kDecided; }
inline Interval NanForCertain(uint8_t mark = kDecided) {
  return {kDoubleNan, kDoubleNan, kDoubleNan, mark};
}
inline bool IsPoint(const Interval& x) { return x.lo == x.hi; }
inline bool HasZero(const Interval& x) { return x.lo <= 0 && x.hi >= 0; }
inline bool HasInfinity(const Interval& x) {
  return x.hi == kDoubleInfinity || x.lo == -kDoubleInfinity;
}
// The hull of bounds and the usual value.
inline Interval Spanning(double value, double lo, double hi, uint8_t mark = kDecided) {
  return {value, value < lo ? value : lo, value > hi ? value : hi, mark};
}

// Float results collected element by element; ranges are stored only when one is needed.
class FloatOutput {
 public:
  explicit FloatOutput(RangeTensor& out) : out_(out) {}
  void Set(size_t i, const Interval& x) {
    out_.value[i] = x.value;
    if (x.mark != kDecided) out_.AddMark(i, x.mark);
    if (ranged_ || !(x.lo == x.value && x.hi == x.value)) SetRange(i, x);
  }

 private:
  void SetRange(size_t i, const Interval& x);
  RangeTensor& out_;
  bool ranged_ = false;
};

// out = f(x) for a float tensor, then rounded to its type. f: Interval(const Interval&). Marked
// elements are evaluated at their guess and stay marked.
template <typename Function>
Status MapFloat(KernelContext& ctx, const Function& f) {
  const RangeTensor& x = ctx.In(0);
  MOIRE_TRY(ctx.Spend(static_cast<uint64_t>(x.size())));
  MOIRE_ASSIGN(RangeTensor * out, ctx.Make(0, x.type, x.shape));
  FloatOutput output(*out);
  const auto count = static_cast<size_t>(x.size());
  for (size_t i = 0; i < count; ++i) {
    Interval element = ElementOf(x, i);
    const uint8_t mark = element.mark;
    if (mark != kDecided) element = Exactly(element.value);
    element = f(element);
    element.mark |= mark;
    output.Set(i, element);
  }
  Round(*out);
  return {};
}

// out = f(a, b) with broadcasting; f: Interval(const Interval&, const Interval&).
template <typename Function>
Status MapFloats(KernelContext& ctx, const Function& f) {
  MOIRE_ASSIGN(Shape shape, BroadcastInputs(ctx));
  MOIRE_ASSIGN(RangeTensor * out, ctx.Make(0, ctx.In(0).type, std::move(shape)));
  MOIRE_TRY(ctx.Spend(static_cast<uint64_t>(out->size())));
  MOIRE_ASSIGN(const Operand a, Operand::Align(ctx, ctx.In(0), out->shape));
  MOIRE_ASSIGN(const Operand b, Operand::Align(ctx, ctx.In(1), out->shape));
  FloatOutput output(*out);
  const auto count = static_cast<size_t>(out->size());
  for (size_t i = 0; i < count; ++i) {
    Interval x = a.Element(i);
    Interval y = b.Element(i);
    const uint8_t mark = x.mark | y.mark;
    if (mark != kDecided) {
      x = Exactly(x.value);
      y = Exactly(y.value);
    }
    Interval element = f(x, y);
    element.mark |= mark;
    output.Set(i, element);
  }
  Round(*out);
  return {};
}

// An integer or bool result of one element, with its mark.
struct IntResult {
  int64_t value = 0;
  uint8_t mark = kDecided;
};

// out = f(a, b) over integers or bools; f: IntResult(int64_t, int64_t), brought to canonical form.
template <typename Function>
Status MapInts(KernelContext& ctx, DataType type, const Function& f) {
  MOIRE_ASSIGN(Shape shape, BroadcastInputs(ctx));
  MOIRE_ASSIGN(RangeTensor * out, ctx.Make(0, type, std::move(shape)));
  MOIRE_TRY(ctx.Spend(static_cast<uint64_t>(out->size())));
  MOIRE_ASSIGN(const Operand a, Operand::Align(ctx, ctx.In(0), out->shape));
  MOIRE_ASSIGN(const Operand b, Operand::Align(ctx, ctx.In(1), out->shape));
  const bool plain = a.plain() && b.plain();
  const auto count = static_cast<size_t>(out->size());
  for (size_t i = 0; i < count; ++i) {
    const IntResult result = f(a.Int(i), b.Int(i));
    out->ints[i] = WrapInteger(type, result.value);
    uint8_t mark = result.mark;
    if (!plain) mark |= a.MarkAt(i) | b.MarkAt(i);
    if (mark != kDecided) out->AddMark(i, mark);
  }
  return {};
}

// out = f(x) over integers or bools; f: IntResult(int64_t).
template <typename Function>
Status MapInt(KernelContext& ctx, DataType type, const Function& f) {
  const RangeTensor& x = ctx.In(0);
  MOIRE_TRY(ctx.Spend(static_cast<uint64_t>(x.size())));
  MOIRE_ASSIGN(RangeTensor * out, ctx.Make(0, type, x.shape));
  const auto count = static_cast<size_t>(x.size());
  for (size_t i = 0; i < count; ++i) {
    const IntResult result = f(x.ints[i]);
    out->ints[i] = WrapInteger(type, result.value);
    const uint8_t mark = result.mark | x.MarkAt(i);
    if (mark != kDecided) out->AddMark(i, mark);
  }
  return {};
}

// Range arithmetic, unrounded; marks of the operands are the driver's business.
Interval AddRanges(const Interval& a, const Interval& b);
Interval SubRanges(const Interval& a, const Interval& b);
Interval MulRanges(const Interval& a, const Interval& b);
// Widened by `row`, Div's of `type`.
Interval DivRanges(DataType type, const Accuracy& row, const Interval& a, const Interval& b);
inline Interval NegRange(const Interval& a) { return {-a.value, -a.hi, -a.lo, a.mark}; }

// An attribute of type float as an operand of element type `type`: the attribute itself, or (as in
// ONNX's function bodies, by CastLike) rounded to the type; both are legal.
Interval FloatAttribute(const KernelContext& ctx, std::string_view name, float otherwise,
                        DataType type);

// Fails with kUnsupported for an input type that a family does not take.
std::unexpected<Error> UnsupportedType(const KernelContext& ctx, DataType type);

}  // namespace moire

#endif  // MOIRE_ORACLES_REFERENCE_KERNELS_ELEMENTWISE_H_
