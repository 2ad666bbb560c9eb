// Arithmetic with multidirectional broadcasting.
#include <cmath>

#include "fuzzers/generate/op_context.h"
#include "fuzzers/generate/ops/families.h"

namespace moire {

bool InferBroadcast(InferContext& c) {
  if (!c.Given(0)) return false;
  Shape shape = c.shape(0);
  for (size_t i = 1; i < c.in.size(); ++i) {
    if (!c.Given(i)) return false;
    if (c.shape(i) == shape) continue;
    auto wider = BroadcastShapes(shape, c.shape(i));
    if (!wider) return false;
    shape = std::move(*wider);
  }
  c.out[0].shape = std::move(shape);
  return true;
}

bool ChooseBinary(OpContext& c) {
  if (!c.TakeAny(0) || !c.TakeBroadcast(1, c.In(0).shape)) return false;
  return c.Done();
}

namespace {

// Small known integers, so that shape arithmetic stays static.
template <auto kFunction>
void PropagateKnown(InferContext& c) {
  const Ints* a = c.Known(0);
  const Ints* b = c.Known(1);
  if (a == nullptr || b == nullptr) return;
  const size_t n = std::max(a->size(), b->size());
  if (static_cast<size_t>(Count(c.out[0].shape)) != n || (a->size() != n && a->size() != 1) ||
      (b->size() != n && b->size() != 1)) {
    return;
  }
  Ints result(n);
  for (size_t i = 0; i < n; ++i) {
    const int64_t x = (*a)[a->size() == 1 ? 0 : i];
    const int64_t y = (*b)[b->size() == 1 ? 0 : i];
    // Beyond this nobody counts elements, and nothing below can overflow.
    if (std::abs(x) > (1 << 24) || std::abs(y) > (1 << 24)) return;
    result[i] = kFunction(x, y);
  }
  c.out[0].Know(std::move(result));
}

void AddRange(InferContext& c) {
  c.out[0].range = Sum(c.in[0]->range, c.in[1]->range);
  PropagateKnown<[](int64_t x, int64_t y) { return x + y; }>(c);
}
void SubRange(InferContext& c) {
  c.out[0].range = Difference(c.in[0]->range, c.in[1]->range);
  PropagateKnown<[](int64_t x, int64_t y) { return x - y; }>(c);
}
void MulRange(InferContext& c) {
  c.out[0].range = Product(c.in[0]->range, c.in[1]->range);
  PropagateKnown<[](int64_t x, int64_t y) { return x * y; }>(c);
}
void DivRange(InferContext& c) {
  const Range divisor = c.in[1]->range;
  c.out[0].range = IsFloat(c.in[0]->type) ? Quotient(c.in[0]->range, divisor) : c.in[0]->range;
  if (divisor.lo < 0 && !IsFloat(c.in[0]->type)) {
    const double m = c.in[0]->range.Magnitude();
    c.out[0].range = {-m, m};
  }
}

// A divisor keeps away from zero, but for one in fifty; for integers, where ONNX leaves the result
// open and runtimes may die, one in two thousand.
bool TakeDivisor(OpContext& c, const Shape& shape) {
  if (c.random().Chance(1, IsFloat(c.type()) ? 50 : 2000)) return c.TakeBroadcast(1, shape);
  if (!IsFloat(c.type())) return c.TakeBroadcast(1, shape, {1, 100});
  return c.random().Chance(3, 4) ? c.TakeBroadcast(1, shape, {0.25, 100})
                                 : c.TakeBroadcast(1, shape, {-100, -0.25});
}

bool ChooseDiv(OpContext& c) { return c.TakeAny(0) && TakeDivisor(c, c.In(0).shape) && c.Done(); }

bool ChooseMod(OpContext& c) {
  if (!c.TakeAny(0) || !TakeDivisor(c, c.In(0).shape)) return false;
  const bool fmod = IsFloat(c.type()) || c.random().Chance(1, 3);
  if (fmod || c.random().Chance(1, 3)) c.Set("fmod", static_cast<int64_t>(fmod));
  return c.Done();
}

bool InferMod(InferContext& c) {
  const int64_t fmod = c.node.Int("fmod", 0);
  return (fmod == 0 || fmod == 1) && (fmod == 1 || !IsFloat(c.in[0]->type)) && InferBroadcast(c);
}

void ModRange(InferContext& c) {
  const double m = c.in[1]->range.Magnitude();
  c.out[0].range = {c.in[0]->range.lo < 0 ? -m : 0, m};
}

bool ChoosePow(OpContext& c) {
  if (!c.TakeInRange(0, {0.02, 30})) {
    // Integer bases.
    if (!c.Take(0, [](const Value& v) { return v.range.Magnitude() <= 12 && !IsFloat(v.type); })) {
      return false;
    }
  }
  const bool is_float = IsFloat(c.type());
  c.Restrict(1, is_float ? ~TypeSet{0} : kIntegers);
  const Range exponents = is_float ? Range{-2, 3} : Range{0, 3};
  const Shape& shape = c.In(0).shape;
  if (c.random().Chance(1, 3)) {
    return c.Make(1, c.random().Chance(2, 3) ? Shape{} : shape, exponents) && c.Done();
  }
  return c.TakeBroadcast(1, shape, exponents) && c.Done();
}

void PowRange(InferContext& c) {
  const Range base = c.in[0]->range;
  const Range exponent = c.in[1]->range;
  double largest = 1;
  for (const double b : {base.lo, base.hi}) {
    for (const double e : {exponent.lo, exponent.hi}) {
      largest = std::max(largest, std::pow(std::max(std::fabs(b), 1e-3), e));
    }
  }
  c.out[0].range = {base.lo >= 0 ? 0 : -largest, largest};
}

bool ChoosePRelu(OpContext& c) {
  if (!c.TakeAny(0)) return false;
  // The slope broadcasts to X, never the other way.
  const Shape x = c.In(0).shape;
  const auto fits = [&](const Value& v) {
    const auto wider = BroadcastShapes(x, v.shape);
    return wider && *wider == x;
  };
  if (c.Take(1, fits)) return c.Done();
  Shape slope = x;
  for (int64_t& dim : slope) {
    if (c.random().Chance(1, 2)) dim = 1;
  }
  return c.TakeShape(1, slope) && c.Done();
}

bool InferPRelu(InferContext& c) { return InferBroadcast(c) && c.out[0].shape == c.shape(0); }

void PReluRange(InferContext& c) {
  c.out[0].range = Hull(c.in[0]->range, Product(c.in[0]->range, c.in[1]->range));
}

// Before opset 8 the operands have one shape.
bool InferVariadic(InferContext& c) {
  if (!c.Given(0)) return false;
  for (size_t i = 1; c.schema.since < 8 && i < c.in.size(); ++i) {
    if (!c.Given(i) || c.shape(i) != c.shape(0)) return false;
  }
  return InferBroadcast(c);
}

bool ChooseVariadic(OpContext& c) {
  if (!c.TakeAny(0)) return false;
  static constexpr size_t kCounts[] = {1, 2, 3, 3, 4, 4};
  const size_t count = kCounts[c.random().Index(6)];
  Shape shape = c.In(0).shape;
  for (size_t i = 1; i < count; ++i) {
    if (!c.TakeBroadcast(i, shape)) return false;
    const auto wider = BroadcastShapes(shape, c.In(i).shape);
    if (!wider) return false;
    shape = *wider;
  }
  return c.Done();
}

void HullRange(InferContext& c) {
  Range range = c.in[0]->range;
  for (const Value* value : c.in) range = Hull(range, value->range);
  c.out[0].range = range;
}

void SumRange(InferContext& c) {
  Range range{0, 0};
  for (const Value* value : c.in) range = Sum(range, value->range);
  c.out[0].range = range;
}

bool ChooseShift(OpContext& c) {
  c.Set("direction", std::string(c.random().Chance(1, 2) ? "LEFT" : "RIGHT"));
  if (!c.TakeAny(0)) return false;
  const double last = Traits(c.type()).bits - 1;
  return c.TakeBroadcast(1, c.In(0).shape, {0, last}) && c.Done();
}

void ShiftRange(InferContext& c) {
  if (c.node.String("direction", "") == "RIGHT") {
    c.out[0].range = {std::min(c.in[0]->range.lo, 0.0), std::max(c.in[0]->range.hi, 0.0)};
    return;
  }
  // Shifted out bits are well defined for unsigned types.
  c.out[0].range = {0, std::min(std::ldexp(c.in[0]->range.hi,
                                           static_cast<int>(std::min(63.0, c.in[1]->range.hi))),
                                static_cast<double>(IntegerMax(c.in[0]->type)))};
}

void BitsRange(InferContext& c) {
  const double m = std::max(c.in[0]->range.Magnitude(), c.in[1]->range.Magnitude());
  const double bits = std::ldexp(1.0, std::ilogb(std::max(m, 1.0)) + 1);
  const bool negative = c.in[0]->range.lo < 0 || c.in[1]->range.lo < 0;
  c.out[0].range = {negative ? -bits : 0, bits - 1};
}

constexpr OpEntry kBinary[] = {
    {"Add", ChooseBinary, InferBroadcast, AddRange, 0, 1.3},
    {"BitShift", ChooseShift, InferBroadcast, ShiftRange, kExactResult},
    {"BitwiseAnd", ChooseBinary, InferBroadcast, BitsRange, kExactResult},
    {"BitwiseOr", ChooseBinary, InferBroadcast, BitsRange, kExactResult},
    {"BitwiseXor", ChooseBinary, InferBroadcast, BitsRange, kExactResult},
    {"Div", ChooseDiv, InferBroadcast, DivRange},
    {"Max", ChooseVariadic, InferVariadic, HullRange, kExactResult, 2.4},
    {"Mean", ChooseVariadic, InferVariadic, HullRange, 0, 2.6},
    {"Min", ChooseVariadic, InferVariadic, HullRange, kExactResult, 2.4},
    {"Mod", ChooseMod, InferMod, ModRange, kSteps},
    {"Mul", ChooseBinary, InferBroadcast, MulRange, 0, 1.3},
    {"PRelu", ChoosePRelu, InferPRelu, PReluRange},
    {"Pow", ChoosePow, InferBroadcast, PowRange},
    {"Sub", ChooseBinary, InferBroadcast, SubRange, 0, 1.7},
    {"Sum", ChooseVariadic, InferVariadic, SumRange, 0, 2.6},
};

}  // namespace

OpTable BinaryOps() { return kBinary; }

}  // namespace moire
