// Comparisons and logic: Equal Greater GreaterOrEqual Less LessOrEqual And Or Xor Not BitShift and
// the bitwise operators.
#include <cmath>

#include "oracles/reference/kernels/elementwise.h"
#include "oracles/reference/kernels/families.h"

namespace moire {
namespace {

enum class Relation { kEqual, kGreater, kGreaterOrEqual, kLess, kLessOrEqual };

template <Relation kRelation, typename T>
bool Holds(T a, T b) {
  switch (kRelation) {
    case Relation::kEqual:
      return a == b;
    case Relation::kGreater:
      return a > b;
    case Relation::kGreaterOrEqual:
      return a >= b;
    case Relation::kLess:
      return a < b;
    case Relation::kLessOrEqual:
      return a <= b;
  }
}

// Decided when the relation holds for all or for no pair of the ranges. A comparison with NaN is
// false (IEEE 754).
template <Relation kRelation>
IntResult CompareRanges(const Interval& a, const Interval& b) {
  if (std::isnan(a.lo) || std::isnan(b.lo)) return {0};
  const bool guess = Holds<kRelation>(a.value, b.value);
  if constexpr (kRelation == Relation::kEqual) {
    if (IsPoint(a) && IsPoint(b)) return {a.lo == b.lo};
    const bool apart = a.hi < b.lo || b.hi < a.lo;
    return {guess, apart ? kDecided : kUndecidable};
  } else {
    // Monotone in both operands: the two extreme pairs tell.
    const bool first = Holds<kRelation>(a.lo, b.hi);
    const bool second = Holds<kRelation>(a.hi, b.lo);
    return {guess, first == second ? kDecided : kUndecidable};
  }
}

Result<RangeTensor*> MakeBool(KernelContext& ctx) {
  MOIRE_ASSIGN(Shape shape, BroadcastInputs(ctx));
  MOIRE_TRY(ctx.Spend(static_cast<uint64_t>(Count(shape))));
  return ctx.Make(0, DataType::kBool, std::move(shape));
}

template <Relation kRelation>
Status Compare(KernelContext& ctx) {
  const DataType type = ctx.In(0).type;
  if (IsUnsigned64(type)) {
    return MapInts(ctx, DataType::kBool, [](int64_t a, int64_t b) {
      return IntResult{Holds<kRelation>(static_cast<uint64_t>(a), static_cast<uint64_t>(b))};
    });
  }
  if (IsExact(type)) {
    return MapInts(ctx, DataType::kBool,
                   [](int64_t a, int64_t b) { return IntResult{Holds<kRelation>(a, b)}; });
  }
  const bool is_string = type == DataType::kString && kRelation == Relation::kEqual;
  if (!IsFloat(type) && !is_string) return UnsupportedType(ctx, type);
  MOIRE_ASSIGN(RangeTensor * out, MakeBool(ctx));
  MOIRE_ASSIGN(const Operand a, Operand::Align(ctx, ctx.In(0), out->shape));
  MOIRE_ASSIGN(const Operand b, Operand::Align(ctx, ctx.In(1), out->shape));
  for (size_t i = 0; i < out->ints.size(); ++i) {
    IntResult result;
    if (is_string) {
      result.value = a.tensor().strings[a.At(i)] == b.tensor().strings[b.At(i)];
    } else {
      result = CompareRanges<kRelation>(a.Element(i), b.Element(i));
    }
    out->ints[i] = result.value;
    out->AddMark(i, result.mark | a.MarkAt(i) | b.MarkAt(i));
  }
  return {};
}

// Logic over bools. `dominant` decides alone: false for And, true for Or, neither (2) for Xor.
template <typename Function>
Status Logic(KernelContext& ctx, int64_t dominant, const Function& f) {
  const DataType type = ctx.In(0).type;
  if (!IsBool(type)) return UnsupportedType(ctx, type);
  MOIRE_ASSIGN(RangeTensor * out, MakeBool(ctx));
  MOIRE_ASSIGN(const Operand a, Operand::Align(ctx, ctx.In(0), out->shape));
  MOIRE_ASSIGN(const Operand b, Operand::Align(ctx, ctx.In(1), out->shape));
  for (size_t i = 0; i < out->ints.size(); ++i) {
    const int64_t x = a.Int(i);
    const int64_t y = b.Int(i);
    const uint8_t x_mark = a.MarkAt(i);
    const uint8_t y_mark = b.MarkAt(i);
    out->ints[i] = f(x, y);
    const bool decided_alone =
        (x_mark == kDecided && x == dominant) || (y_mark == kDecided && y == dominant);
    if (decided_alone) {
      out->ints[i] = dominant;
    } else {
      out->AddMark(i, x_mark | y_mark);
    }
  }
  return {};
}

Status And(KernelContext& ctx) {
  return Logic(ctx, 0, [](int64_t a, int64_t b) { return a & b; });
}
Status Or(KernelContext& ctx) {
  return Logic(ctx, 1, [](int64_t a, int64_t b) { return a | b; });
}
Status Xor(KernelContext& ctx) {
  return Logic(ctx, 2, [](int64_t a, int64_t b) { return a ^ b; });
}
Status Not(KernelContext& ctx) {
  const DataType type = ctx.In(0).type;
  if (!IsBool(type)) return UnsupportedType(ctx, type);
  return MapInt(ctx, type, [](int64_t x) { return IntResult{x == 0}; });
}

template <int64_t (*kFunction)(int64_t, int64_t)>
Status Bitwise(KernelContext& ctx) {
  const DataType type = ctx.In(0).type;
  if (!IsInteger(type)) return UnsupportedType(ctx, type);
  return MapInts(ctx, type, [](int64_t a, int64_t b) { return IntResult{kFunction(a, b)}; });
}

int64_t BitAnd(int64_t a, int64_t b) { return a & b; }
int64_t BitOr(int64_t a, int64_t b) { return a | b; }
int64_t BitXor(int64_t a, int64_t b) { return a ^ b; }

Status BitwiseNot(KernelContext& ctx) {
  const DataType type = ctx.In(0).type;
  if (!IsInteger(type)) return UnsupportedType(ctx, type);
  return MapInt(ctx, type, [](int64_t x) { return IntResult{~x}; });
}

// Amounts outside [0, bits) are specified from opset 28 on: what sign extension alone leaves.
// Shifting signed types is specified from then on as well; before, T is unsigned.
Status BitShift(KernelContext& ctx) {
  const DataType type = ctx.In(0).type;
  if (!IsInteger(type)) return UnsupportedType(ctx, type);
  const std::string direction = ctx.node().String("direction", "");
  if (direction != "LEFT" && direction != "RIGHT") {
    return Fail(ErrorCode::kInvalidInput, "BitShift: direction must be LEFT or RIGHT, not '{}'",
                direction);
  }
  const bool left = direction == "LEFT";
  const bool is_signed = IsSigned(type);
  const int bits = Traits(type).bits;
  const uint8_t outside = ctx.opset() < 28 ? kUnspecified : kDecided;
  return MapInts(ctx, type, [=](int64_t x, int64_t amount) {
    if (static_cast<uint64_t>(amount) >= static_cast<uint64_t>(bits)) {
      return IntResult{!left && is_signed && x < 0 ? -1 : 0, outside};
    }
    if (left) return IntResult{static_cast<int64_t>(static_cast<uint64_t>(x) << amount)};
    if (is_signed) return IntResult{x >> amount};
    return IntResult{static_cast<int64_t>(static_cast<uint64_t>(x) >> amount)};
  });
}

constexpr KernelEntry kKernels[] = {
    {"Equal", 7, kLatest, Compare<Relation::kEqual>},
    {"Greater", 7, kLatest, Compare<Relation::kGreater>},
    {"GreaterOrEqual", 12, kLatest, Compare<Relation::kGreaterOrEqual>},
    {"Less", 7, kLatest, Compare<Relation::kLess>},
    {"LessOrEqual", 12, kLatest, Compare<Relation::kLessOrEqual>},
    {"And", 7, kLatest, And},
    {"Or", 7, kLatest, Or},
    {"Xor", 7, kLatest, Xor},
    {"Not", 1, kLatest, Not},
    {"BitwiseAnd", 18, kLatest, Bitwise<BitAnd>},
    {"BitwiseOr", 18, kLatest, Bitwise<BitOr>},
    {"BitwiseXor", 18, kLatest, Bitwise<BitXor>},
    {"BitwiseNot", 18, kLatest, BitwiseNot},
    {"BitShift", 11, kLatest, BitShift},
};

}  // namespace

std::span<const KernelEntry> CompareKernels() { return kKernels; }

}  // namespace moire
