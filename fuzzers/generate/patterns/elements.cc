// Element-wise chains: identities, constants that fold, casts there and back, common
// subexpressions.
#include "fuzzers/generate/patterns/context.h"

namespace moire {
namespace {

Attribute To(DataType type) { return {"to", static_cast<int64_t>(type)}; }

bool CastChain(PatternContext& p) {
  const ValueId x = p.Take(0, 4, kFloats | kSignedInts);
  if (!p.ok() || p.At(x).edge) return false;
  static constexpr DataType kWide[] = {DataType::kDouble, DataType::kFloat, DataType::kFloat16,
                                       DataType::kInt64, DataType::kInt32};
  DataType middle = kWide[p.random().Index(IsFloat(p.type(x)) ? 3 : 5)];
  const ValueId y = p.Op("Cast", {x}, {To(middle)});
  if (!p.ok()) return false;
  p.Disturb(y);
  p.Op("Cast", {y}, {To(p.Miss(2) ? DataType::kFloat : p.type(x))});
  return p.ok();
}

// Adding 0, multiplying and dividing by 1, subtracting 0: NoopElimination, and near misses.
bool Neutral(PatternContext& p) {
  const ValueId x = p.Take(0, 4, kFloats | kIntegers);
  if (!p.ok()) return false;
  const uint64_t which = p.random().Below(5);
  const bool miss = p.Miss(2);
  const double zero = miss ? 1 : 0;
  const double one = miss ? 2 : 1;
  ValueId y = kNoValue;
  if (which == 0) y = p.Commutative("Add", x, p.Scalar(x, zero));
  if (which == 1) y = p.Op("Sub", {x, p.Scalar(x, zero)});
  if (which == 2) y = p.Commutative("Mul", x, p.Scalar(x, one));
  if (which == 3) y = p.Op("Div", {x, p.Scalar(x, one)});
  if (which == 4) y = p.Op("Identity", {x});
  if (p.ok() && p.Miss(3)) p.Op("Relu", {y});
  return p.ok();
}

bool DivMul(PatternContext& p) {
  const ValueId x = p.Take(0, 4);
  if (!p.ok()) return false;
  const ValueId positive = p.Op("Softplus", {x});
  const ValueId shifted = p.Op("Add", {positive, p.Scalar(x, 0.5)});
  const ValueId inverse = p.Miss(4) ? p.Op("Div", {p.Scalar(x, p.Miss() ? 2 : 1), shifted})
                                    : p.Op("Reciprocal", {shifted});
  if (!p.ok()) return false;
  p.Disturb(inverse);
  p.Commutative("Mul", inverse, p.Miss(4) ? x : p.Op("Tanh", {x}));
  return p.ok();
}

bool NotWhere(PatternContext& p) {
  const ValueId x = p.Take(1, 4);
  if (!p.ok()) return false;
  const ValueId condition = p.Op("Less", {x, p.Scalar(x, 0.3)});
  const ValueId negated = p.Op("Not", {condition});
  if (!p.ok()) return false;
  p.Disturb(negated);
  p.Op("Where", {negated, x, p.Miss(4) ? p.Scalar(x, 1) : p.Op("Neg", {x})});
  return p.ok();
}

bool ReluClip(PatternContext& p) {
  const ValueId x = p.Take(0, 4);
  if (!p.ok()) return false;
  ValueId y = p.Miss(4) ? p.Op("Relu", {x}) : x;
  if (y == x) {
    y = p.Op("Clip", {x, p.Scalar(x, -1), p.Scalar(x, 1)});
    p.Op("Relu", {y});
  } else {
    p.Disturb(y);
    p.Op("Clip", {y, p.Scalar(x, p.Miss(2) ? 0.5 : -1), p.Scalar(x, 2)});
  }
  return p.ok();
}

bool MaxMinChain(PatternContext& p) {
  const ValueId x = p.Take(1, 4, kFloats | kIntegers);
  if (!p.ok()) return false;
  const ValueId low = p.Commutative("Max", x, p.Scalar(x, 1));
  p.Commutative("Min", low, p.Scalar(x, p.Miss() ? 0 : 2));
  return p.ok();
}

// The same expression twice: one is eliminated.
bool CommonSubexpression(PatternContext& p) {
  const ValueId x = p.Take(1, 4);
  if (!p.ok()) return false;
  static constexpr std::string_view kOps[] = {"Sigmoid", "Tanh", "Exp", "Neg", "Relu", "Erf"};
  const size_t which = p.random().Index(6);
  if (kOps[which] == "Exp" && p.At(x).range.hi > 5) return false;
  const ValueId a = p.Op(kOps[which], {x});
  const ValueId b = p.Op(kOps[p.Miss() ? (which + 1) % 2 : which], {x});
  static constexpr std::string_view kJoins[] = {"Add", "Sub", "Mul", "Max"};
  p.Op(kJoins[p.random().Index(4)], {a, b});
  return p.ok();
}

// A subgraph over constants alone.
bool Foldable(PatternContext& p) {
  const ValueId x = p.Take(1, 3);
  if (!p.ok()) return false;
  const ValueId a = p.b().AddInitializer(p.b().Fill(p.type(x), {p.shape(x).back()}, {}));
  const ValueId b = p.Op(p.Miss(4) ? "Tanh" : "Abs", {a});
  const ValueId c = p.Commutative(p.Miss(4) ? "Add" : "Mul", a, b);
  p.Commutative("Add", x, c);
  return p.ok();
}

bool DropoutIdentity(PatternContext& p) {
  const ValueId x = p.Take(1, 4);
  const ValueId y = p.Op("Dropout", {x});
  p.Op(p.Miss(4) ? "Relu" : "Neg", {y});
  return p.ok();
}

bool DoubleInverse(PatternContext& p) {
  const bool negative = p.Miss(4);
  const ValueId x = p.Take(0, 4, negative ? kFloats : kBools);
  if (!p.ok()) return false;
  const std::string_view op = negative ? "Neg" : "Not";
  const ValueId y = p.Op(op, {x});
  p.Disturb(y);
  p.Op(op, {y});
  return p.ok();
}

bool SumOfProducts(PatternContext& p) {
  const ValueId x = p.Take(1, 4, kFloats);
  if (!p.ok()) return false;
  const ValueId a = p.Op("Mul", {x, p.Scalar(x, 0.5)});
  const ValueId b = p.Op("Mul", {x, p.Scalar(x, p.Miss() ? -0.5 : 0.25)});
  p.Op("Add", {a, b});
  return p.ok();
}

constexpr PatternEntry kElements[] = {
    {"CastElimination", CastChain, 2},
    {"NoopElimination", Neutral, 2},
    {"DivMulFusion", DivMul},
    {"NotWhereFusion", NotWhere},
    {"ClipFusion", ReluClip, 2},
    {"max and min", MaxMinChain},
    {"CommonSubexpressionElimination", CommonSubexpression, 2},
    {"ConstantFolding", Foldable, 2},
    {"EliminateDropout", DropoutIdentity},
    {"double inverse", DoubleInverse},
    {"sum of products", SumOfProducts},
};

}  // namespace

std::span<const PatternEntry> ElementPatterns() { return kElements; }

}  // namespace moire
