// Operators that make tensors from nothing, from shapes, or from a few scalars.
#include <algorithm>
#include <cmath>

#include "fuzzers/generate/op_context.h"
#include "fuzzers/generate/ops/families.h"

namespace moire {
namespace {

bool ChooseConstant(OpContext& c) {
  // Before opset 12 there were only tensors.
  const uint64_t form = c.schema().HasAttribute("value_float") ? c.random().Below(8) : 7;
  if (form == 0) {
    c.Set("value_float", 0.25f * static_cast<float>(c.random().Between(-8, 8)));
  } else if (form == 1) {
    c.Set("value_int", c.random().Between(-3, 3));
  } else if (form == 2) {
    c.Set("value_ints", Ints{c.random().Between(0, 3), c.random().Between(0, 3)});
  } else if (form == 3) {
    c.Set("value_floats", Floats{0.5f, -1.0f, static_cast<float>(c.random().Between(-2, 2))});
  } else {
    const DataType type = c.DrawType(c.schema().outputs[0].types);
    c.Set("value", c.b().Fill(type, c.b().DrawShape(0, 4), {}));
  }
  return c.Done();
}

bool InferConstant(InferContext& c) {
  if (c.node.attributes.size() != 1) return false;
  const Attribute& a = c.node.attributes[0];
  OutValue& out = c.out[0];
  if (const auto* tensor = std::get_if<Tensor>(&a.value); tensor != nullptr && a.name == "value") {
    out.type = tensor->type;
    out.shape = tensor->shape;
    return Has(c.schema.outputs[0].types, tensor->type);
  }
  if (const auto* ints = std::get_if<Ints>(&a.value); ints != nullptr && a.name == "value_ints") {
    out.type = DataType::kInt64;
    out.shape = {static_cast<int64_t>(ints->size())};
    return true;
  }
  if (const auto* floats = std::get_if<Floats>(&a.value);
      floats != nullptr && a.name == "value_floats") {
    out.type = DataType::kFloat;
    out.shape = {static_cast<int64_t>(floats->size())};
    return true;
  }
  if (std::holds_alternative<int64_t>(a.value) && a.name == "value_int") {
    out.type = DataType::kInt64;
    return true;
  }
  if (std::holds_alternative<float>(a.value) && a.name == "value_float") {
    out.type = DataType::kFloat;
    return true;
  }
  return false;
}

void ConstantRange(InferContext& c) {
  const auto& value = c.node.attributes[0].value;
  OutValue& out = c.out[0];
  out.range = {-4, 4};
  if (const auto* tensor = std::get_if<Tensor>(&value)) {
    out.range = MeasureRange(*tensor);
    if (IsInteger(tensor->type) && tensor->size() <= 64) {
      Ints known;
      for (int64_t i = 0; i < tensor->size(); ++i) known.push_back(GetInt(*tensor, i));
      out.Know(std::move(known));
    }
  } else if (const auto* ints = std::get_if<Ints>(&value)) {
    out.Know(*ints);
  } else if (const auto* single = std::get_if<int64_t>(&value)) {
    out.Know({*single});
  }
}

bool ChooseConstantOfShape(OpContext& c) {
  const Shape shape = c.b().DrawShape(0, 4);
  if (c.random().Chance(3, 4)) {
    c.Set("value", c.b().Fill(c.DrawType(c.schema().outputs[0].types), {1}, {}));
  }
  // A known shape of the graph, or a fresh one.
  const auto fits = [&](const Value& v) {
    if (!v.has_known || v.rank() != 1 || v.known.size() > 5 ||
        std::ranges::any_of(v.known, [](int64_t d) { return d < 0 || d > 64; })) {
      return false;
    }
    return Count(v.known) <= c.b().max_elements();
  };
  if (c.random().Chance(9, 10) && c.Take(0, fits)) return c.Done();
  return c.MakeInts(0, shape) && c.Done();
}

bool InferConstantOfShape(InferContext& c) {
  const Ints* shape = c.Known(0);
  if (shape == nullptr || c.rank(0) != 1 ||
      std::ranges::any_of(*shape, [](int64_t d) { return d < 0 || d > 1 << 24; })) {
    return false;
  }
  c.out[0].shape = *shape;
  c.out[0].type = DataType::kFloat;
  if (const Attribute* value = c.node.Find("value")) {
    const auto* tensor = std::get_if<Tensor>(&value->value);
    if (tensor == nullptr || tensor->size() != 1) return false;
    c.out[0].type = tensor->type;
  }
  return true;
}

void ConstantOfShapeRange(InferContext& c) {
  c.out[0].range = {0, 0};
  if (const Attribute* value = c.node.Find("value")) {
    c.out[0].range = MeasureRange(std::get<Tensor>(value->value));
  }
}

bool ChooseShape(OpContext& c) {
  if (!c.TakeAny(0)) return false;
  if (c.schema().HasAttribute("start")) {
    const int64_t rank = c.In(0).rank();
    if (c.random().Chance(1, 3)) c.Set("start", c.random().Between(-rank, rank));
    if (c.random().Chance(1, 3)) c.Set("end", c.random().Between(-rank, rank + 1));
  }
  return c.Done();
}

bool InferShape(InferContext& c) {
  const int64_t rank = c.rank(0);
  const auto clamp = [&](int64_t v) { return std::clamp<int64_t>(v < 0 ? v + rank : v, 0, rank); };
  const int64_t start = clamp(c.node.Int("start", 0));
  const int64_t end = c.node.Find("end") != nullptr ? clamp(c.node.Int("end", 0)) : rank;
  Ints dims;
  for (int64_t i = start; i < end; ++i) dims.push_back(c.shape(0)[static_cast<size_t>(i)]);
  c.out[0].shape = {static_cast<int64_t>(dims.size())};
  c.out[0].Know(std::move(dims));
  return true;
}

void ShapeRange(InferContext& c) {
  const auto& known = c.out[0].known;
  c.out[0].range = {0, 0};
  if (known.empty()) return;
  const auto [low, high] = std::ranges::minmax(known);
  c.out[0].range = {static_cast<double>(low), static_cast<double>(high)};
}

bool InferSize(InferContext& c) {
  c.out[0].Know({c.in[0]->count});
  return true;
}

bool ChooseRange(OpContext& c) {
  const DataType type = c.DrawType(c.Allowed(0));
  if (type == DataType::kUndefined) return false;
  // Quarters are exact in every float type, so the length is certain.
  const double unit = IsFloat(type) ? 0.25 : 1;
  const double start = unit * static_cast<double>(c.random().Between(-8, 8));
  const int64_t length = c.random().Chance(1, 30) ? 0 : c.random().Between(1, 12);
  double delta = unit * static_cast<double>(c.random().Between(1, 3));
  if (c.random().Chance(1, 3)) delta = -delta;
  double limit = start + delta * static_cast<double>(length);
  if (c.random().Chance(1, 4) && length > 0) limit -= delta > 0 ? unit / 4 : -unit / 4;
  if (!IsFloat(type)) limit = std::round(limit);
  const double values[] = {start, limit, delta};
  for (size_t i = 0; i < 3; ++i) {
    Tensor scalar = MakeTensor(type, {});
    if (IsFloat(type)) {
      SetFloat(scalar, 0, values[i]);
    } else {
      SetInt(scalar, 0, static_cast<int64_t>(values[i]));
    }
    if (!c.Put(i, c.b().AddInitializer(std::move(scalar)))) return false;
  }
  return c.Done();
}

bool InferRange(InferContext& c) {
  if (c.in.size() != 3 || c.rank(0) != 0 || c.rank(1) != 0 || c.rank(2) != 0) return false;
  if (!c.Units(0) || !c.Units(1) || !c.Units(2)) return false;
  // Floats are known in units of 1/1024.
  const int64_t start = (*c.Units(0))[0];
  const int64_t limit = (*c.Units(1))[0];
  const int64_t delta = (*c.Units(2))[0];
  if (delta == 0 || std::abs(start) > 1 << 24 || std::abs(limit) > 1 << 24 ||
      std::abs(delta) > 1 << 24) {
    return false;
  }
  const int64_t span = limit - start;
  const int64_t steps = (span + (delta > 0 ? delta - 1 : delta + 1)) / delta;
  c.out[0].shape = {std::max<int64_t>(0, steps)};
  return true;
}

void RangeRange(InferContext& c) { c.out[0].range = Hull(c.in[0]->range, c.in[1]->range); }

bool ChooseOneHot(OpContext& c) {
  const auto fits = [&](const Value& v) {
    return v.rank() >= 1 && v.rank() <= 4 && v.count <= 64 && (IsInteger(v.type) || !v.rounded) &&
           (c.opset() >= 11 || v.range.lo >= 0);
  };
  if (!c.Take(0, fits)) return false;
  const int64_t depth = c.random().Between(1, 6);
  // Depth of any number type is legal; int64 is what exporters write.
  c.Restrict(1, Bit(DataType::kInt64));
  const bool scalar = c.random().Chance(1, 2);
  if (!c.Put(1, c.b().AddInts({depth}, DataType::kInt64, scalar))) return false;
  const int64_t rank = c.In(0).rank();
  if (c.random().Chance(1, 2)) {
    c.Set("axis", c.Axis(c.random().Between(0, rank), rank + 1));
  }
  return c.TakeShape(2, {2}) && c.Done();
}

bool InferOneHot(InferContext& c) {
  if (c.in.size() != 3 || c.rank(0) < 1 || c.Known(1) == nullptr || c.in[1]->count != 1 ||
      c.rank(1) > 1) {
    return false;
  }
  const int64_t depth = (*c.Known(1))[0];
  const auto axis = NormalizeAxis(c.node.Int("axis", -1), c.rank(0) + 1);
  if (!axis || depth < 1 || depth > 1 << 16 || c.rank(2) != 1 || c.shape(2)[0] != 2) return false;
  c.out[0].shape = c.shape(0);
  c.out[0].shape.insert(c.out[0].shape.begin() + *axis, depth);
  return true;
}

void ThirdRange(InferContext& c) { c.out[0].range = c.in[2]->range; }

bool ChooseEyeLike(OpContext& c) {
  if (!c.TakeRank(0, 2, 2)) return false;
  if (c.random().Chance(1, 2)) c.Set("k", c.random().Between(-3, 3));
  if (c.random().Chance(1, 2)) {
    c.Set("dtype", static_cast<int64_t>(c.DrawType(c.schema().outputs[0].types)));
  }
  return c.Done();
}

bool InferEyeLike(InferContext& c) {
  if (!c.Given(0) || c.rank(0) != 2) return false;
  const auto type = static_cast<DataType>(c.node.Int("dtype", static_cast<int64_t>(c.in[0]->type)));
  if (!Has(c.schema.outputs[0].types, type)) return false;
  c.out[0].type = type;
  return InferSame(c);
}

void ZeroOne(InferContext& c) { c.out[0].range = {0, 1}; }

constexpr OpEntry kCreate[] = {
    {"Constant", ChooseConstant, InferConstant, ConstantRange, kExactResult, 0.5},
    {"ConstantOfShape", ChooseConstantOfShape, InferConstantOfShape, ConstantOfShapeRange,
     kExactResult},
    {"EyeLike", ChooseEyeLike, InferEyeLike, ZeroOne, kExactResult, 2.5},
    {"OneHot", ChooseOneHot, InferOneHot, ThirdRange, kExactResult | kSteps, 4},
    {"Range", ChooseRange, InferRange, RangeRange, 0, 0.3},
    {"Shape", ChooseShape, InferShape, ShapeRange, kExactResult},
    {"Size", ChooseUnary, InferSize,
     [](InferContext& c) {
       c.out[0].range = {static_cast<double>(c.in[0]->count), static_cast<double>(c.in[0]->count)};
     },
     kExactResult, 0.6},
};

}  // namespace

OpTable CreateOps() { return kCreate; }

}  // namespace moire
