// Comparison, logic, selection by condition, limits and element type changes.
#include <cmath>

#include "fuzzers/generate/op_context.h"
#include "fuzzers/generate/ops/families.h"

namespace moire {
namespace {

void Bools(InferContext& c) { c.out[0].range = {0, 1}; }

bool ChooseWhere(OpContext& c) {
  if (!c.TakeAny(1)) return false;
  Shape shape = c.In(1).shape;
  if (!c.TakeBroadcast(2, shape)) return false;
  const auto wider = BroadcastShapes(shape, c.In(2).shape);
  return wider && c.TakeBroadcast(0, *wider) && c.Done();
}

bool InferWhere(InferContext& c) { return c.in.size() == 3 && InferBroadcast(c); }

void WhereRange(InferContext& c) { c.out[0].range = Hull(c.in[1]->range, c.in[2]->range); }

bool ChooseClip(OpContext& c) {
  if (!c.TakeAny(0)) return false;
  const Range range = c.In(0).range;
  const double low = IsUnsigned(c.type()) ? 1 : std::max(range.lo / 2, -1e3);
  const double middle = IsFloat(c.type()) ? low + 0.5 : low + 1;
  const uint64_t draw = c.random().Below(6);
  if (c.schema().HasAttribute("min")) {
    if (draw > 1) c.Set("min", static_cast<float>(low));
    if (draw != 2) c.Set("max", static_cast<float>(middle));
    return c.Done();
  }
  if (draw == 0) return c.Done();
  c.Omit(1);
  const auto bound = [&](size_t i, double lo, double hi) {
    // A scalar of the graph now and then; crossing bounds are legal too (max wins).
    if (c.random().Chance(1, 3) &&
        c.Take(i, [](const Value& v) { return v.rank() == 0 && v.kind == ValueKind::kNode; })) {
      return true;
    }
    if (IsFloat(c.type()) && c.random().Chance(1, 2)) {
      const ValueId source = c.b().PickValue([&](const Value& v) {
        return v.type == c.type() && v.kind == ValueKind::kNode && v.count > 0 && !v.edge;
      });
      if (source != kNoValue && c.Put(i, c.b().Emit1(i == 1 ? "ReduceMin" : "ReduceMax", {source},
                                                     {{"keepdims", int64_t{0}}}))) {
        return true;
      }
    }
    return c.Make(i, {}, {lo, hi});
  };
  if (draw != 1 && !bound(1, low - (IsUnsigned(c.type()) ? 1 : 1), middle)) return false;
  if (draw != 2 && !bound(2, middle, std::max(middle + 1, range.hi / 2))) return false;
  return c.Done();
}

bool InferClip(InferContext& c) {
  return (!c.Given(1) || c.rank(1) == 0) && (!c.Given(2) || c.rank(2) == 0) && InferSame(c);
}

void ClipRange(InferContext& c) {
  Range r = c.in[0]->range;
  if (c.Given(1)) r = {std::max(r.lo, c.in[1]->range.lo), std::max(r.hi, c.in[1]->range.hi)};
  if (c.Given(2)) r = {std::min(r.lo, c.in[2]->range.lo), std::min(r.hi, c.in[2]->range.hi)};
  c.out[0].range = r;
}

// Whether a conversion is decided by ONNX: truncation of a float out of the integer's range is not.
bool Converts(const Value& v, DataType to, Random& random) {
  // Text becomes a number only where it was one: no input's range tells.
  if (v.type == DataType::kString) return to == v.type || v.range.hi > v.range.lo;
  if (to == DataType::kString) return !v.edge;
  if (IsFloat(to) || IsBool(to)) return true;
  if (IsFloat(v.type) && (v.edge || (v.rounded && !random.Chance(1, 3)))) return false;
  return v.range.Inside(static_cast<double>(IntegerMin(to)), static_cast<double>(IntegerMax(to))) ||
         (!IsFloat(v.type) && random.Chance(1, 4));
}

bool ChooseCast(OpContext& c) {
  if (!c.TakeAny(0)) return false;
  // Rare types come up one time in forty, or where the case carries them anyway.
  const TypeSet targets = c.schema().outputs[0].types;
  const bool any = c.b().settings().whole_standard && c.random().Chance(1, 40);
  const TypeSet usual = any ? kAllTypes : c.b().carried();
  for (int attempt = 0; attempt < 6; ++attempt) {
    const auto to = static_cast<DataType>(c.random().Below(32));
    if (!Has(targets & usual, to) || !Converts(c.In(0), to, c.random())) continue;
    c.b().Carry(to);
    c.Set("to", static_cast<int64_t>(to));
    return c.Done();
  }
  return false;
}

bool InferCast(InferContext& c) {
  const auto to = static_cast<DataType>(c.node.Int("to", 0));
  if (!Has(c.schema.outputs[0].types, to)) return false;
  c.out[0].type = to;
  return InferSame(c);
}

void CastRange(InferContext& c) {
  const Value& v = *c.in[0];
  const DataType to = c.out[0].type;
  c.out[0].range = IsBool(to) ? Range{0, 1} : v.range;
  if (IsInteger(to)) {
    const Range all{static_cast<double>(IntegerMin(to)), static_cast<double>(IntegerMax(to))};
    if (!v.range.Inside(all.lo, all.hi)) c.out[0].range = all;
    if (v.has_known && IsInteger(v.type) && v.range.Inside(all.lo, all.hi)) c.out[0].Know(v.known);
  }
}

bool ChooseCastLike(OpContext& c) {
  return c.TakeAny(0) &&
         c.Take(1, [&](const Value& v) { return Converts(c.In(0), v.type, c.random()); }) &&
         c.Done();
}

bool InferCastLike(InferContext& c) { return c.in.size() == 2 && InferSame(c); }

// Bits as they are, under another type of the same width.
bool ChooseBitCast(OpContext& c) {
  if (!c.TakeAny(0)) return false;
  const int bits = Traits(c.type()).bits;
  TypeSet same = 0;
  for (const TypeTraits& row : AllTypes()) {
    if (row.bits == bits && row.type != c.type()) same |= Bit(row.type);
  }
  const DataType to = c.DrawType(c.schema().outputs[0].types & same);
  c.Set("to", static_cast<int64_t>(to));
  return to != DataType::kUndefined && c.Done();
}

bool InferBitCast(InferContext& c) {
  const auto to = static_cast<DataType>(c.node.Int("to", 0));
  if (!c.Given(0) || !Has(c.schema.outputs[0].types, to) ||
      Traits(to).bits != Traits(c.in[0]->type).bits) {
    return false;
  }
  c.out[0].type = to;
  return InferSame(c);
}

// Anything may come out: mostly tame again once it is cast or compared.
void BitsRange(InferContext& c) {
  c.out[0].range = IsFloat(c.out[0].type) ? Range{-1e4, 1e4} : Range{-100, 100};
}

constexpr OpEntry kLogic[] = {
    {"And", ChooseBinary, InferBroadcast, Bools, kExactResult, 1.5},
    {"BitCast", ChooseBitCast, InferBitCast, BitsRange, kUnread | kExactResult | kSteps, 0.3},
    {"Cast", ChooseCast, InferCast, CastRange, kExactResult, 1.8},
    {"CastLike", ChooseCastLike, InferCastLike, CastRange, kExactResult},
    {"Clip", ChooseClip, InferClip, ClipRange, kExactResult},
    {"Equal", ChooseBinary, InferBroadcast, Bools, kExactResult | kSteps, 1.3},
    {"Greater", ChooseBinary, InferBroadcast, Bools, kExactResult | kSteps, 1.3},
    {"GreaterOrEqual", ChooseBinary, InferBroadcast, Bools, kExactResult | kSteps, 1.3},
    {"Less", ChooseBinary, InferBroadcast, Bools, kExactResult | kSteps, 1.3},
    {"LessOrEqual", ChooseBinary, InferBroadcast, Bools, kExactResult | kSteps, 1.3},
    {"Or", ChooseBinary, InferBroadcast, Bools, kExactResult, 1.5},
    {"Where", ChooseWhere, InferWhere, WhereRange, kExactResult, 4},
    {"Xor", ChooseBinary, InferBroadcast, Bools, kExactResult, 1.7},
};

}  // namespace

OpTable LogicOps() { return kLogic; }

}  // namespace moire
