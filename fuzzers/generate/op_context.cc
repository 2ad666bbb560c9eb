#include "fuzzers/generate/op_context.h"

#include <cmath>

namespace moire {

OpContext::OpContext(GraphBuilder& builder, const OpEntry& entry, const SchemaInfo& schema)
    : builder_(builder), entry_(entry), schema_(schema) {
  node_.op = entry.op;
  restrict_.fill(~TypeSet{0});
}

TypeSet OpContext::Allowed(size_t i) const {
  const ParameterInfo* parameter = schema_.Input(i);
  if (parameter == nullptr) return 0;
  const TypeSet types = parameter->types & builder_.carried() & restrict_[i];
  const DataType bound = Bound(*parameter);
  if (bound == DataType::kUndefined) return types;
  return Unpacked(bound).first == Form::kTensor ? types & Bit(bound) : 0;
}

DataType OpContext::DrawType(TypeSet types) {
  types &= builder_.carried();
  if (types == 0) return DataType::kUndefined;
  auto nth = random().Below(static_cast<uint64_t>(__builtin_popcount(types)));
  while (nth-- > 0) types &= types - 1;
  return static_cast<DataType>(__builtin_ctz(types));
}

void OpContext::Prefer(size_t i, TypeSet types) {
  const bool at_hand = (Allowed(i) & types & builder_.AvailableTypes()) != 0;
  if (at_hand && random().Chance(15, 16)) Restrict(i, types);
}

bool OpContext::Bind(size_t i, ValueId value) {
  const ParameterInfo* parameter = schema_.Input(i);
  if (parameter == nullptr || value == kNoValue) return false;
  if (parameter->variable >= 0) {
    variables_[static_cast<size_t>(parameter->variable)] = builder_.value(value).packed();
  }
  if (inputs_.size() <= i) inputs_.resize(i + 1, kNoValue);
  inputs_[i] = value;
  return true;
}

bool OpContext::Put(size_t i, ValueId value) {
  return value != kNoValue &&
         Has(Allowed(i) | (schema_.Input(i) ? schema_.Input(i)->types : 0),
             builder_.value(value).type) &&
         Bind(i, value);
}

void OpContext::Omit(size_t i) {
  if (inputs_.size() <= i) inputs_.resize(i + 1, kNoValue);
}

bool OpContext::TakeRank(size_t i, int64_t min_rank, int64_t max_rank) {
  return Take(i, [=](const Value& v) { return v.rank() >= min_rank && v.rank() <= max_rank; });
}

bool OpContext::TakeShape(size_t i, const Shape& shape, Range range) {
  const bool any_range = range.lo == 0 && range.hi == 0;
  const auto fits = [&](const Value& v) {
    return v.shape == shape && (any_range || (!v.edge && v.range.Inside(range.lo, range.hi)));
  };
  if (Take(i, fits)) return true;
  if (pinned_ == kNoValue && random().Chance(19, 20) && DeriveShape(i, shape, range)) return true;
  return Make(i, shape, range);
}

ValueId OpContext::Limit(ValueId value, Range range) {
  const DataType data_type = builder_.value(value).type;
  if (!IsFloat(data_type) && !IsInteger(data_type)) return kNoValue;
  if (!IsFloat(data_type)) {
    Tensor low = MakeTensor(data_type, {});
    Tensor high = low;
    moire::SetInt(low, 0, static_cast<int64_t>(std::ceil(std::max(range.lo, -100.0))));
    moire::SetInt(high, 0, static_cast<int64_t>(std::floor(std::min(range.hi, 100.0))));
    const ValueId bottom = builder_.AddInitializer(std::move(low));
    return builder_.Emit1("Clip", {value, bottom, builder_.AddInitializer(std::move(high))});
  }
  if (range.lo <= -1 && range.hi >= 1 && !random().Chance(1, 8)) {
    static constexpr std::string_view kSymmetric[] = {"Tanh", "Softsign", "Sin", "Cos", "Erf"};
    return builder_.Emit1(kSymmetric[random().Index(5)], {value});
  }
  if (range.lo <= 0 && range.hi >= 1 && !random().Chance(1, 8)) {
    static constexpr std::string_view kUnit[] = {"Sigmoid", "HardSigmoid"};
    return builder_.Emit1(kUnit[random().Index(2)], {value});
  }
  // Exp and Cosh of [-1, 1] are positive: [0.37, 2.72] and [1, 1.55].
  const bool positive = range.lo <= 0.36 && range.hi >= 2.72;
  const bool above_one = range.lo <= 1 && range.hi >= 1.6;
  const bool negative = range.hi >= -0.36 && range.lo <= -2.72;
  if ((positive || above_one || negative) && !random().Chance(1, 8)) {
    const ValueId unit = builder_.Emit1("Tanh", {value});
    if (unit == kNoValue) return kNoValue;
    const ValueId raised = builder_.Emit1(positive || negative ? "Exp" : "Cosh", {unit});
    return raised == kNoValue || positive || above_one ? raised : builder_.Emit1("Neg", {raised});
  }
  const auto bound = [&](double at) {
    Tensor tensor = MakeTensor(data_type, {});
    SetFloat(tensor, 0, at);
    return builder_.AddInitializer(std::move(tensor));
  };
  const ValueId low = bound(range.lo);
  return builder_.Emit1("Clip", {value, low, bound(range.hi)});
}

bool OpContext::TakeInRange(size_t i, Range range, int64_t min_rank, int64_t max_rank) {
  const bool any = random().Chance(1, 40);
  const auto ranked = [&](const Value& v) { return v.rank() >= min_rank && v.rank() <= max_rank; };
  const auto fits = [&](const Value& v) {
    return ranked(v) && (any || (!v.edge && v.range.Inside(range.lo, range.hi)));
  };
  if (Take(i, fits)) return true;
  if (Take(i, [&](const Value& v) { return ranked(v) && !IsBool(v.type) && !v.edge; })) {
    const ValueId limited = Limit(inputs_[i], range);
    if (limited != kNoValue) return Bind(i, limited);
  }
  return false;
}

// An operand from the graph rather than a constant: the largest, smallest or mean element of a
// value.
bool OpContext::DeriveScalar(size_t i, Range range) {
  const bool any_range = range.lo == 0 && range.hi == 0;
  const TypeSet types = Allowed(i) & (kFloats | Bit(DataType::kInt32) | Bit(DataType::kInt64));
  const auto fits = [&](const Value& v) {
    return v.kind == ValueKind::kNode && Has(types, v.type) && v.rank() > 0 && v.count > 0 &&
           !v.edge && (any_range || v.range.Inside(range.lo, range.hi));
  };
  const ValueId source = builder_.PickValue(fits);
  if (source == kNoValue) return false;
  static constexpr std::string_view kOps[] = {"ReduceMax", "ReduceMin", "ReduceMean"};
  const size_t op = random().Index(IsFloat(builder_.value(source).type) ? 3 : 2);
  const ValueId made =
      builder_.Emit1(kOps[op], {source}, {{"keepdims", static_cast<int64_t>(random().Below(2))}});
  // With keepdims the ones broadcast too, but the rank may grow beyond what the operator takes.
  return made != kNoValue && builder_.value(made).rank() <= 4 && Bind(i, made);
}

// A value of this shape: another with as many elements, reshaped; a smaller one, expanded; or a
// vector of extremes along one axis.
bool OpContext::DeriveShape(size_t i, const Shape& shape, Range range) {
  const bool any_range = range.lo == 0 && range.hi == 0;
  const TypeSet types = Allowed(i);
  const int64_t count = Count(shape);
  if (count == 0) return false;
  const auto usable = [&](const Value& v) {
    return v.kind == ValueKind::kNode && Has(types, v.type) && v.count > 0 && !v.edge &&
           (any_range || v.range.Inside(range.lo, range.hi));
  };
  ValueId made = kNoValue;
  ValueId source =
      builder_.PickValue([&](const Value& v) { return usable(v) && v.count == count; });
  if (source != kNoValue) {
    made = builder_.Emit1("Reshape", {source, builder_.AddInts(shape)});
  } else if (random().Chance(1, 4)) {
    // The largest element of a value, everywhere.
    source = builder_.PickValue([&](const Value& v) {
      return usable(v) && Has(kFloats | Bit(DataType::kInt32) | Bit(DataType::kInt64), v.type);
    });
    if (source == kNoValue) return false;
    const ValueId top = builder_.Emit1("ReduceMax", {source}, {{"keepdims", int64_t{0}}});
    if (top == kNoValue) return false;
    made = builder_.Emit1("Expand", {top, builder_.AddInts(shape)});
  } else if (shape.size() == 1) {
    size_t axis = 0;
    source = builder_.PickValue([&](const Value& v) {
      if (!usable(v) || !Has(kFloats | Bit(DataType::kInt32) | Bit(DataType::kInt64), v.type)) {
        return false;
      }
      for (size_t k = 0; k < v.shape.size(); ++k) {
        if (v.shape[k] == shape[0]) return true;
      }
      return false;
    });
    if (source == kNoValue || builder_.opset() < 18) return false;
    Ints axes;
    const Shape& from = builder_.value(source).shape;
    while (from[axis] != shape[0]) ++axis;
    for (size_t k = 0; k < from.size(); ++k) {
      if (k != axis) axes.push_back(static_cast<int64_t>(k));
    }
    made = builder_.Emit1(random().Chance(1, 2) ? "ReduceMax" : "ReduceMin",
                          {source, builder_.AddInts(axes)}, {{"keepdims", int64_t{0}}});
  } else {
    source = builder_.PickValue([&](const Value& v) {
      if (!usable(v) || v.count >= count) return false;
      const auto wider = BroadcastShapes(v.shape, shape);
      return wider && *wider == shape;
    });
    if (source == kNoValue) return false;
    made = builder_.Emit1("Expand", {source, builder_.AddInts(shape)});
  }
  return made != kNoValue && builder_.value(made).shape == shape && Bind(i, made);
}

bool OpContext::TakeBroadcast(size_t i, const Shape& shape, Range range) {
  const bool any_range = range.lo == 0 && range.hi == 0;
  // A step between a rounded value and itself is never decidable.
  const ValueId first = i == 1 && (entry_.flags & kSteps) != 0 ? inputs_[0] : kNoValue;
  const bool differs = first != kNoValue && builder_.value(first).rounded && random().Chance(15, 16);
  const auto fits = [&](const Value& v) {
    if (differs && &v == &builder_.value(first)) return false;
    if (!any_range && (v.edge || !v.range.Inside(range.lo, range.hi))) return false;
    // Cheaper than forming the broadcast shape: aligned from the right, equal or 1.
    const size_t common = std::min(v.shape.size(), shape.size());
    int64_t count = 1;
    for (size_t k = 0; k < common; ++k) {
      const int64_t a = v.shape[v.shape.size() - 1 - k];
      const int64_t b = shape[shape.size() - 1 - k];
      if (a != b && a != 1 && b != 1) return false;
      count *= a == 1 ? b : a;
    }
    return v.shape.size() + shape.size() < 12 && count <= builder_.max_elements();
  };
  if (random().Chance(39, 40) && Take(i, fits)) return true;
  if (pinned_ == kNoValue && random().Chance(19, 20) && DeriveScalar(i, range)) return true;
  // A new one: the same shape, or dims set to 1, or leading dims dropped.
  Shape made = shape;
  const uint64_t draw = random().Below(4);
  if (draw == 0) made.clear();
  if (draw == 1 && !made.empty()) {
    made.erase(made.begin(), made.begin() + static_cast<int64_t>(random().Index(made.size())));
  }
  if (draw <= 2) {
    for (int64_t& dim : made) {
      if (random().Chance(1, 3)) dim = 1;
    }
  }
  return Make(i, std::move(made), range);
}

bool OpContext::Make(size_t i, Shape shape, Range range) {
  if (Count(shape) > builder_.max_elements()) return false;
  const DataType type = DrawType(Allowed(i));
  return type != DataType::kUndefined && MakeTyped(i, type, std::move(shape), range);
}

bool OpContext::MakeTyped(size_t i, DataType type, Shape shape, Range range) {
  return Bind(i, builder_.AddSource(type, std::move(shape), range));
}

bool OpContext::MakeInts(size_t i, const Ints& values, bool scalar) {
  const ParameterInfo* parameter = schema_.Input(i);
  if (parameter == nullptr) return false;
  // Where int32 is allowed too it gets a fifth.
  const bool narrow = Has(parameter->types, DataType::kInt32) && random().Chance(1, 5) &&
                      !(parameter->variable >= 0 &&
                        variables_[static_cast<size_t>(parameter->variable)] == DataType::kInt64);
  const bool bound32 = parameter->variable >= 0 &&
                       variables_[static_cast<size_t>(parameter->variable)] == DataType::kInt32;
  return Bind(
      i, builder_.AddInts(values, narrow || bound32 ? DataType::kInt32 : DataType::kInt64, scalar));
}

void OpContext::Set(std::string_view name, decltype(Attribute::value) value) {
  node_.attributes.push_back({std::string(name), std::move(value)});
}

void OpContext::SetInt(std::string_view name, int64_t value, int64_t otherwise) {
  if (value != otherwise || random().Chance(1, 2)) Set(name, value);
}

int64_t OpContext::Axis(int64_t axis, int64_t rank) {
  // Negative axes came with opset 11.
  return opset() < 11 || random().Chance(1, 2) ? axis : axis - rank;
}

std::vector<ValueId> OpContext::Finish(size_t outputs) {
  return builder_.Emit(std::move(node_), std::move(inputs_), outputs);
}

}  // namespace moire
