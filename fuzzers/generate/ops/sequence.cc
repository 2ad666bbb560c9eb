// Sequences and optionals. What they hold is known as a list of shapes, so that what is taken out
// has a shape of its own again.
#include <algorithm>

#include "fuzzers/generate/op_context.h"
#include "fuzzers/generate/ops/families.h"

namespace moire {
namespace {

CompoundPtr Sequence(DataType element, std::vector<Shape> items, Range range) {
  return std::make_shared<const Compound>(
      Compound{Form::kSequence, element, true, std::move(items), range});
}

const Compound* SequenceIn(const InferContext& c, size_t i) {
  const Compound* in = c.compound(i);
  return in != nullptr && in->form == Form::kSequence ? in : nullptr;
}

bool IsSequence(const Compound& s) { return s.form == Form::kSequence; }

bool ChooseConstruct(OpContext& c) {
  if (!c.TakeRank(0, 0, 5)) return false;
  const Shape first = c.In(0).shape;
  const size_t count = 1 + c.random().Index(4);
  for (size_t i = 1; i < count; ++i) {
    // Mostly what can be concatenated later.
    const bool same = c.random().Chance(2, 3);
    if (c.Take(i, [&](const Value& v) { return !same || v.shape == first; })) continue;
    if (!c.TakeShape(i, first)) return false;
  }
  return c.Done();
}

bool InferConstruct(InferContext& c) {
  if (!c.Given(0)) return false;
  std::vector<Shape> items;
  Range range = c.in[0]->range;
  for (size_t i = 0; i < c.in.size(); ++i) {
    if (!c.Given(i) || c.in[i]->type != c.in[0]->type) return false;
    items.push_back(c.shape(i));
    range = Hull(range, c.in[i]->range);
  }
  c.out[0].compound = Sequence(c.in[0]->type, std::move(items), range);
  return true;
}

bool ChooseEmpty(OpContext& c) {
  if (c.random().Chance(2, 3)) {
    const DataType type =
        c.DrawType(c.schema().outputs[0].compounds[static_cast<size_t>(Form::kSequence)]);
    if (type == DataType::kUndefined) return false;
    c.Set("dtype", static_cast<int64_t>(type));
  }
  return c.Done();
}

bool InferEmpty(InferContext& c) {
  const auto type = static_cast<DataType>(c.node.Int("dtype", 1));
  if (!Has(c.schema.outputs[0].compounds[static_cast<size_t>(Form::kSequence)], type)) return false;
  c.out[0].compound = Sequence(type, {}, {});
  return true;
}

// A position as input i, negative half of the time; the last is left out now and then.
bool TakePosition(OpContext& c, size_t i, int64_t count, bool optional) {
  if (optional && c.random().Chance(1, 3)) return true;
  if (count < 1) return false;
  const int64_t at = c.random().Between(0, count - 1);
  return c.MakeInts(i, {c.random().Chance(1, 2) ? at : at - count}, true);
}

// [0, count), for a position in [-count, count); -1 where there is none.
int64_t PositionOf(const InferContext& c, size_t i, int64_t count, int64_t otherwise) {
  if (!c.Given(i)) return otherwise;
  if (c.Known(i) == nullptr || c.rank(i) != 0) return -1;
  return NormalizeAxis((*c.Known(i))[0], count).value_or(-1);
}

bool ChooseInsert(OpContext& c) {
  if (!c.TakeCompound(0, IsSequence)) return false;
  const DataType element = c.CompoundOf(0).element;
  c.Restrict(1, Bit(element));
  const std::vector<Shape> items = c.CompoundOf(0).items;
  const auto fits = [&](const Value& v) {
    return items.empty() || v.shape == items[0] || c.random().Chance(1, 3);
  };
  if (!c.Take(1, fits) && !c.Make(1, items.empty() ? c.b().DrawShape(0, 3) : items[0]))
    return false;
  return TakePosition(c, 2, static_cast<int64_t>(items.size()) + 1, true) && c.Done();
}

bool InferInsert(InferContext& c) {
  const Compound* in = SequenceIn(c, 0);
  if (in == nullptr || !c.Given(1) || c.in[1]->type != in->element) return false;
  const auto count = static_cast<int64_t>(in->items.size());
  // Positions lie in [-n, n], one more than elements.
  int64_t at = count;
  if (c.Given(2)) {
    if (c.Known(2) == nullptr || c.rank(2) != 0) return false;
    at = (*c.Known(2))[0];
    if (at < -count || at > count) return false;
    if (at < 0) at += count;
  }
  std::vector<Shape> items = in->items;
  items.insert(items.begin() + at, c.shape(1));
  c.out[0].compound = Sequence(in->element, std::move(items), Hull(in->range, c.in[1]->range));
  return true;
}

bool ChooseErase(OpContext& c) {
  if (!c.TakeCompound(0, [](const Compound& s) { return IsSequence(s) && !s.items.empty(); })) {
    return false;
  }
  return TakePosition(c, 1, static_cast<int64_t>(c.CompoundOf(0).items.size()), true) && c.Done();
}

bool InferErase(InferContext& c) {
  const Compound* in = SequenceIn(c, 0);
  if (in == nullptr) return false;
  const auto count = static_cast<int64_t>(in->items.size());
  const int64_t at = PositionOf(c, 1, count, count - 1);
  if (at < 0) return false;
  std::vector<Shape> items = in->items;
  items.erase(items.begin() + at);
  c.out[0].compound = Sequence(in->element, std::move(items), in->range);
  return true;
}

bool ChooseAt(OpContext& c) {
  if (!c.TakeCompound(0, [](const Compound& s) { return IsSequence(s) && !s.items.empty(); })) {
    return false;
  }
  return TakePosition(c, 1, static_cast<int64_t>(c.CompoundOf(0).items.size()), false) && c.Done();
}

bool InferAt(InferContext& c) {
  const Compound* in = SequenceIn(c, 0);
  if (in == nullptr) return false;
  const int64_t at = PositionOf(c, 1, static_cast<int64_t>(in->items.size()), -1);
  if (at < 0) return false;
  c.out[0].type = in->element;
  c.out[0].shape = in->items[static_cast<size_t>(at)];
  c.out[0].range = in->range;
  return true;
}

void KeepRange(InferContext&) {}

bool ChooseLength(OpContext& c) { return c.TakeCompound(0, IsSequence) && c.Done(); }

bool InferLength(InferContext& c) {
  const Compound* in = SequenceIn(c, 0);
  if (in == nullptr) return false;
  const auto count = static_cast<int64_t>(in->items.size());
  c.out[0].Know({count});
  c.out[0].range = {static_cast<double>(count), static_cast<double>(count)};
  return true;
}

bool ChooseConcatSequence(OpContext& c) {
  if (!c.TakeCompound(0, [](const Compound& s) { return IsSequence(s) && !s.items.empty(); })) {
    return false;
  }
  const auto rank = static_cast<int64_t>(c.CompoundOf(0).items[0].size());
  const bool stack = rank == 0 || c.random().Chance(1, 3);
  if (stack) c.Set("new_axis", int64_t{1});
  const int64_t most = stack ? rank + 1 : rank;
  c.Set("axis", c.Axis(c.random().Between(0, most - 1), most));
  return c.Done();
}

bool InferConcatSequence(InferContext& c) {
  const Compound* in = SequenceIn(c, 0);
  if (in == nullptr || in->items.empty()) return false;
  const bool stack = c.node.Int("new_axis", 0) != 0;
  const auto rank = static_cast<int64_t>(in->items[0].size());
  const auto axis = NormalizeAxis(c.node.Int("axis", 1 << 20), stack ? rank + 1 : rank);
  if (!axis) return false;
  Shape shape = in->items[0];
  const auto at = static_cast<size_t>(*axis);
  for (size_t i = 1; i < in->items.size(); ++i) {
    const Shape& item = in->items[i];
    if (item.size() != shape.size()) return false;
    for (size_t k = 0; k < shape.size(); ++k) {
      if (item[k] != shape[k] && (stack || k != at)) return false;
    }
    if (!stack) shape[at] += item[at];
  }
  if (stack) shape.insert(shape.begin() + *axis, static_cast<int64_t>(in->items.size()));
  c.out[0].type = in->element;
  c.out[0].shape = std::move(shape);
  c.out[0].range = in->range;
  return true;
}

bool ChooseSplitSequence(OpContext& c) {
  const auto fits = [](const Value& v) { return v.rank() >= 1 && v.count > 0; };
  if (!c.Take(0, fits)) return false;
  const int64_t rank = c.In(0).rank();
  const int64_t axis = c.random().Between(0, rank - 1);
  const int64_t dim = c.In(0).shape[static_cast<size_t>(axis)];
  c.SetInt("axis", c.Axis(axis, rank), 0);
  const uint64_t form = dim > 8 ? c.random().Between(1, 2) : c.random().Below(3);
  if (form == 0) {
    if (c.random().Chance(1, 2)) c.Set("keepdims", static_cast<int64_t>(c.random().Below(2)));
    return c.Done();
  }
  // One size for all, the last may be smaller; or each its own.
  if (form == 1) {
    return c.MakeInts(1, {c.random().Between((dim + 7) / 8, dim)}, true) && c.Done();
  }
  const int64_t first = c.random().Between(0, dim);
  return c.MakeInts(1, {first, dim - first}) && c.Done();
}

bool InferSplitSequence(InferContext& c) {
  if (!c.Given(0) || c.rank(0) < 1) return false;
  const auto axis = NormalizeAxis(c.node.Int("axis", 0), c.rank(0));
  if (!axis) return false;
  const auto at = static_cast<size_t>(*axis);
  const int64_t dim = c.shape(0)[at];
  Ints sizes;
  bool drop = false;
  if (!c.Given(1)) {
    if (dim > 16) return false;
    sizes.assign(static_cast<size_t>(dim), 1);
    drop = c.node.Int("keepdims", 1) == 0;
  } else if (c.Known(1) == nullptr) {
    return false;
  } else if (c.rank(1) == 0) {
    const int64_t size = (*c.Known(1))[0];
    if (size < 1 || dim / size > 16) return false;
    for (int64_t left = dim; left > 0; left -= size) sizes.push_back(std::min(left, size));
  } else {
    sizes = *c.Known(1);
  }
  int64_t total = 0;
  std::vector<Shape> items;
  for (const int64_t size : sizes) {
    if (size < 0) return false;
    total += size;
    items.push_back(c.shape(0));
    items.back()[at] = size;
    if (drop) items.back().erase(items.back().begin() + *axis);
  }
  if (total != dim) return false;
  c.out[0].compound = Sequence(c.in[0]->type, std::move(items), c.in[0]->range);
  return true;
}

CompoundPtr OptionalOf(const Value& v) {
  if (v.compound) {
    Compound out = *v.compound;
    out.form = Form::kOptionalSequence;
    return std::make_shared<const Compound>(std::move(out));
  }
  return std::make_shared<const Compound>(
      Compound{Form::kOptional, v.type, true, {v.shape}, v.range});
}

bool ChooseOptional(OpContext& c) {
  const auto& schema = c.schema().outputs[0].compounds;
  if (c.random().Chance(1, 4)) {
    const Form form = c.random().Chance(1, 2) ? Form::kOptional : Form::kOptionalSequence;
    const DataType type = c.DrawType(schema[static_cast<size_t>(form)]);
    if (type == DataType::kUndefined) return false;
    const Form inner = form == Form::kOptional ? Form::kTensor : Form::kSequence;
    c.Set("type", TypeAttribute("type", inner, type));
    return c.Done();
  }
  if (c.random().Chance(1, 3) && c.TakeCompound(0, IsSequence)) return c.Done();
  return c.TakeAny(0) && c.Done();
}

bool InferOptional(InferContext& c) {
  const Attribute* type = c.node.Find("type");
  if (c.Given(0)) {
    if (type != nullptr) return false;
    c.out[0].compound = OptionalOf(*c.in[0]);
    return true;
  }
  const auto* opaque = type == nullptr ? nullptr : std::get_if<OpaqueAttribute>(&type->value);
  if (opaque == nullptr) return false;
  const auto [form, element] = Unpacked(ReadTypeAttribute(*opaque));
  if (element == DataType::kUndefined || (form != Form::kTensor && form != Form::kSequence))
    return false;
  const Form made = form == Form::kTensor ? Form::kOptional : Form::kOptionalSequence;
  c.out[0].compound = std::make_shared<const Compound>(Compound{made, element, false, {}, {}});
  return true;
}

bool IsOptional(const Compound& s) {
  return s.form == Form::kOptional || s.form == Form::kOptionalSequence;
}

bool ChooseHas(OpContext& c) {
  // Without an input there is nothing in it (opset 18 on).
  if (c.schema().inputs[0].optional && c.random().Chance(1, 40)) return c.Done();
  return c.TakeCompound(0, IsOptional) && c.Done();
}

bool InferHas(InferContext& c) {
  const Compound* in = c.compound(0);
  if (!c.Given(0)) return c.schema.inputs[0].optional;
  c.out[0].range = {0, 1};
  return in != nullptr || c.in[0]->type != DataType::kUndefined;
}

bool ChooseGet(OpContext& c) {
  return c.TakeCompound(0, [](const Compound& s) { return IsOptional(s) && s.filled; }) && c.Done();
}

bool InferGet(InferContext& c) {
  const Compound* in = c.compound(0);
  if (in == nullptr || !IsOptional(*in) || !in->filled) return false;
  if (in->form == Form::kOptionalSequence) {
    c.out[0].compound = Sequence(in->element, in->items, in->range);
    return true;
  }
  c.out[0].type = in->element;
  c.out[0].shape = in->items[0];
  c.out[0].range = in->range;
  return true;
}

constexpr OpEntry kSequences[] = {
    {"ConcatFromSequence", ChooseConcatSequence, InferConcatSequence, KeepRange, kExactResult, 0.9,
     11},
    {"Optional", ChooseOptional, InferOptional, KeepRange, kExactResult, 0.3, 15},
    {"OptionalGetElement", ChooseGet, InferGet, KeepRange, kExactResult, 2, 15},
    {"OptionalHasElement", ChooseHas, InferHas, KeepRange, kExactResult, 0.7, 15},
    {"SequenceAt", ChooseAt, InferAt, KeepRange, kExactResult, 1.2, 11},
    {"SequenceConstruct", ChooseConstruct, InferConstruct, KeepRange, kExactResult, 0.5, 11},
    {"SequenceEmpty", ChooseEmpty, InferEmpty, KeepRange, kExactResult, 0.15, 11},
    {"SequenceErase", ChooseErase, InferErase, KeepRange, kExactResult, 0.9, 11},
    {"SequenceInsert", ChooseInsert, InferInsert, KeepRange, kExactResult, 1.2, 11},
    {"SequenceLength", ChooseLength, InferLength, KeepRange, kExactResult, 0.5, 11},
    {"SplitToSequence", ChooseSplitSequence, InferSplitSequence, KeepRange, kExactResult, 0.5, 11},
};

}  // namespace

OpTable SequenceOps() { return kSequences; }

}  // namespace moire
