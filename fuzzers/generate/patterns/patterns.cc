#include "fuzzers/generate/patterns/patterns.h"

#include "fuzzers/generate/patterns/context.h"

namespace moire {
namespace {

// One line a family.
const std::vector<const PatternEntry*>& AllPatterns() {
  static const std::vector<const PatternEntry*> all = [] {
    std::vector<const PatternEntry*> out;
    for (const auto table :
         {LinearPatterns(), NormPatterns(), LayoutPatterns(), ElementPatterns(), QuantPatterns()}) {
      for (const PatternEntry& entry : table) {
        for (unsigned i = 0; i < entry.weight; ++i) out.push_back(&entry);
      }
    }
    return out;
  }();
  return all;
}

}  // namespace

ValueId PatternContext::Take(int64_t min_rank, int64_t max_rank, TypeSet types) {
  if (!ok_) return kNoValue;
  const ValueId found = builder_.PickValue([&](const Value& v) {
    return Has(types, v.type) && v.rank() >= min_rank && v.rank() <= max_rank && v.count > 0 &&
           v.range.Magnitude() < 200;
  });
  if (found != kNoValue && !random().Chance(1, 20)) return found;
  auto type = DataType::kFloat;
  if (!Has(types, type) || random().Chance(1, 5)) {
    do {
      type = static_cast<DataType>(random().Below(32));
    } while (!Has(types & kDataTypes, type));
  }
  return builder_.AddInput(type, builder_.DrawShape(min_rank, max_rank));
}

ValueId PatternContext::Op(std::string_view op, std::vector<ValueId> inputs,
                           std::vector<Attribute> attributes) {
  const std::vector<ValueId> made = Ops(op, std::move(inputs), std::move(attributes), 1);
  return made.empty() ? kNoValue : made[0];
}

std::vector<ValueId> PatternContext::Ops(std::string_view op, std::vector<ValueId> inputs,
                                         std::vector<Attribute> attributes, size_t outputs) {
  if (!ok_ || !pool_.Allows(op)) {
    ok_ = false;
    return {};
  }
  Node node;
  node.op = op;
  node.attributes = std::move(attributes);
  std::vector<ValueId> made = builder_.Emit(std::move(node), std::move(inputs), outputs);
  ok_ = !made.empty();
  return made;
}

ValueId PatternContext::Scalar(ValueId like, double value) {
  if (!ok_) return kNoValue;
  if (!IsFloat(type(like)) && !IsInteger(type(like))) {
    ok_ = false;
    return kNoValue;
  }
  Tensor tensor = MakeTensor(type(like), {});
  if (random().Chance(1, 6)) tensor.shape = {1};
  if (IsFloat(tensor.type)) {
    SetFloat(tensor, 0, value);
  } else {
    SetInt(tensor, 0, static_cast<int64_t>(value));
  }
  if (random().Chance(1, 8)) {
    Node node;
    node.op = "Constant";
    node.Set("value", std::move(tensor));
    const std::vector<ValueId> made = builder_.Emit(std::move(node), {});
    ok_ &= !made.empty();
    return made.empty() ? kNoValue : made[0];
  }
  return builder_.AddInitializer(std::move(tensor));
}

ValueId PatternContext::Weights(ValueId like, Shape shape, Range range) {
  if (!ok_ || CheckedCount(shape).value_or(INT64_MAX) > builder_.max_elements()) {
    ok_ = false;
    return kNoValue;
  }
  if (Miss(4)) {
    // What should be constant comes from the graph.
    const bool any_range = range.lo == 0 && range.hi == 0;
    const ValueId found = builder_.PickValue([&](const Value& v) {
      return v.kind == ValueKind::kNode && v.type == type(like) && v.shape == shape &&
             (any_range || (!v.edge && v.range.Inside(range.lo, range.hi)));
    });
    if (found != kNoValue) return found;
    if (Miss(3)) return builder_.AddInput(type(like), std::move(shape), range);
  }
  return builder_.AddInitializer(builder_.Fill(type(like), std::move(shape), range));
}

void PatternContext::Disturb(ValueId value) {
  if (!ok_ || !Miss()) return;
  if (random().Chance(1, 2)) {
    builder_.KeepAsOutput(value);
  } else {
    // The disturbance may fail; the pattern does not depend on it.
    static constexpr std::string_view kConsumers[] = {"Relu", "Neg", "Abs", "Identity"};
    builder_.Emit1(kConsumers[random().Index(4)], {value});
  }
}

ValueId PatternContext::Commutative(std::string_view op, ValueId a, ValueId b) {
  if (random().Chance(1, 3)) std::swap(a, b);
  return Op(op, {a, b});
}

bool PlacePattern(GraphBuilder& builder, const OperatorPool& pool) {
  const auto& all = AllPatterns();
  for (int attempt = 0; attempt < 3; ++attempt) {
    const GraphBuilder::Mark mark = builder.Checkpoint();
    PatternContext context(builder, pool);
    if (all[builder.random().Index(all.size())]->build(context) && context.ok() &&
        builder.nodes() > mark.nodes) {
      return true;
    }
    builder.Undo(mark);
  }
  return false;
}

}  // namespace moire
