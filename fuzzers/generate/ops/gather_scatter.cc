// Operators that read or write by index. Indices are made in range; negative ones count from the
// end.
#include <algorithm>

#include "fuzzers/generate/op_context.h"
#include "fuzzers/generate/ops/families.h"

namespace moire {
namespace {

// Indices into a dim of `size`, as input i: a value of the graph that is known to stay in range, or
// fresh ones.
bool TakeIndices(OpContext& c, size_t i, const Shape& shape, int64_t size) {
  if (size < 1) return Count(shape) == 0 && c.Make(i, shape);
  const double last = static_cast<double>(size - 1);
  const double lowest = c.opset() >= 11 ? -last - 1 : 0;
  const auto fits = [&](const Value& v) {
    return !v.edge && v.shape == shape && v.range.Inside(lowest, last) && IsInteger(v.type);
  };
  if (c.random().Chance(4, 5) && c.Take(i, fits)) return true;
  // Indices from the end came with opset 11.
  const bool negative = c.opset() >= 11 && c.random().Chance(1, 4);
  // One element: {0, 0} would mean "any range".
  if (size == 1) return c.Make(i, shape, {negative ? -1.0 : -0.25, 0});
  return c.Make(i, shape, {negative ? -last - 1 : 0, last});
}

// Whether every index that may occur lies in a dim of `size`. Ranges of integers are bounds.
bool IndicesFit(const InferContext& c, size_t i, int64_t size) {
  if (c.in[i]->count == 0) return true;
  const double lowest = c.opset >= 11 ? -static_cast<double>(size) : 0;
  return c.in[i]->range.Inside(lowest, static_cast<double>(size - 1));
}

// The same for tuples into the dims of `data` from `batch` on.
bool TuplesFit(const InferContext& c, int64_t batch) {
  const Shape& data = c.shape(0);
  const int64_t width = c.shape(1).back();
  if (const Ints* known = c.Known(1)) {
    for (size_t k = 0; k < known->size(); ++k) {
      const int64_t dim = data[static_cast<size_t>(batch) + k % static_cast<size_t>(width)];
      if ((*known)[k] < -dim || (*known)[k] >= dim) return false;
    }
    return true;
  }
  int64_t smallest = INT64_MAX;
  for (int64_t k = 0; k < width; ++k) {
    smallest = std::min(smallest, data[static_cast<size_t>(batch + k)]);
  }
  return IndicesFit(c, 1, smallest);
}

// ArgMax along an axis that is no longer than the dim: indices from the graph.
bool DeriveIndices(OpContext& c, size_t i, int64_t size, int64_t most) {
  const auto axis_of = [&](const Value& v) {
    for (size_t k = 0; k < v.shape.size(); ++k) {
      if (v.shape[k] >= 1 && v.shape[k] <= size) return static_cast<int64_t>(k);
    }
    return int64_t{-1};
  };
  const ValueId source = c.b().PickValue([&](const Value& v) {
    return v.kind == ValueKind::kNode && !v.rounded && v.count > 0 && v.count <= 4 * most &&
           v.rank() <= 4 && Has(kFloats | Bit(DataType::kInt32), v.type) && axis_of(v) >= 0;
  });
  if (source == kNoValue) return false;
  const int64_t axis = axis_of(c.b().value(source));
  if (c.b().value(source).count / c.b().value(source).shape[static_cast<size_t>(axis)] > most) {
    return false;
  }
  return c.Put(
      i, c.b().Emit1(c.random().Chance(1, 2) ? "ArgMax" : "ArgMin", {source},
                     {{"axis", axis}, {"keepdims", static_cast<int64_t>(c.random().Below(2))}}));
}

// Any shape of indices with values in range: from the graph first.
bool TakeAnyIndices(OpContext& c, size_t i, int64_t size, int64_t most) {
  const double last = static_cast<double>(size - 1);
  const auto fits = [&](const Value& v) {
    return !v.edge && v.range.Inside(c.opset() >= 11 ? -last - 1 : 0, last) && v.count <= most &&
           v.rank() <= 3;
  };
  if (size > 0 && c.random().Chance(9, 10) && c.Take(i, fits)) return true;
  if (size > 0 && c.random().Chance(3, 4) && DeriveIndices(c, i, size, most)) return true;
  Shape shape = c.b().DrawShape(0, 2);
  while (!shape.empty() && Count(shape) > most) shape.pop_back();
  if (size < 1) shape = {0};
  return TakeIndices(c, i, shape, size);
}

bool ChooseGather(OpContext& c) {
  if (!c.TakeRank(0, 1)) return false;
  const int64_t rank = c.In(0).rank();
  const int64_t axis = c.random().Between(0, rank - 1);
  const int64_t dim = c.In(0).shape[static_cast<size_t>(axis)];
  c.SetInt("axis", c.Axis(axis, rank), 0);
  const int64_t slice = std::max<int64_t>(1, c.In(0).count / std::max<int64_t>(1, dim));
  return TakeAnyIndices(c, 1, dim, c.b().max_elements() / slice) && c.Done();
}

bool InferGather(InferContext& c) {
  if (!c.Given(0) || !c.Given(1)) return false;
  const auto axis = NormalizeAxis(c.node.Int("axis", 0), c.rank(0));
  if (!axis) return false;
  Shape shape(c.shape(0).begin(), c.shape(0).begin() + *axis);
  shape.insert(shape.end(), c.shape(1).begin(), c.shape(1).end());
  shape.insert(shape.end(), c.shape(0).begin() + *axis + 1, c.shape(0).end());
  c.out[0].shape = std::move(shape);
  // Nothing to gather from is an index out of range.
  return IndicesFit(c, 1, c.shape(0)[static_cast<size_t>(*axis)]);
}

void GatherRange(InferContext& c) {
  c.out[0].range = c.in[0]->range;
  const Ints* data = c.Known(0);
  const Ints* indices = c.Known(1);
  if (data == nullptr || indices == nullptr || c.rank(0) != 1) return;
  Ints picked;
  const auto size = static_cast<int64_t>(data->size());
  for (const int64_t index : *indices) {
    if (index < -size || index >= size) return;
    picked.push_back((*data)[static_cast<size_t>(index < 0 ? index + size : index)]);
  }
  c.out[0].Know(std::move(picked));
}

Shape SmallerShape(OpContext& c, const Shape& shape, size_t free_axis) {
  Shape out = shape;
  for (size_t i = 0; i < out.size(); ++i) {
    if (i == free_axis || c.random().Chance(1, 3))
      out[i] = c.random().Between(std::min<int64_t>(1, out[i]), out[i]);
  }
  return out;
}

bool ChooseGatherElements(OpContext& c) {
  if (!c.TakeRank(0, 1)) return false;
  const int64_t rank = c.In(0).rank();
  const auto axis = static_cast<size_t>(c.random().Between(0, rank - 1));
  c.SetInt("axis", c.Axis(static_cast<int64_t>(axis), rank), 0);
  const Shape indices = SmallerShape(c, c.In(0).shape, axis);
  return TakeIndices(c, 1, indices, c.In(0).shape[axis]) && c.Done();
}

bool InferGatherElements(InferContext& c) {
  if (!c.Given(0) || !c.Given(1) || c.rank(0) != c.rank(1)) return false;
  const auto axis = NormalizeAxis(c.node.Int("axis", 0), c.rank(0));
  if (!axis) return false;
  for (size_t i = 0; i < c.shape(0).size(); ++i) {
    if (static_cast<int64_t>(i) != *axis && c.shape(1)[i] > c.shape(0)[i]) return false;
  }
  c.out[0].shape = c.shape(1);
  return IndicesFit(c, 1, c.shape(0)[static_cast<size_t>(*axis)]);
}

// A tensor of index tuples into the leading dims of `shape` from `batch` on.
bool MakeTuples(OpContext& c, size_t input, const Shape& shape, int64_t batch, bool distinct) {
  const int64_t rank = static_cast<int64_t>(shape.size());
  const int64_t width = c.random().Between(1, rank - batch);
  if (Count(shape) == 0) return false;
  Shape outer(shape.begin(), shape.begin() + batch);
  int64_t positions = 1;
  for (int64_t i = 0; i < width; ++i) positions *= shape[static_cast<size_t>(batch + i)];
  const int64_t rows = c.random().Between(1, distinct ? std::min<int64_t>(positions, 6) : 6);
  Shape dims = outer;
  if (!distinct || batch == 0) dims.push_back(rows);
  dims.push_back(width);
  Tensor tensor = MakeTensor(DataType::kInt64, dims);
  const int64_t tuples = Count(dims) / width;
  const int64_t start = c.random().Between(0, positions - 1);
  // A step that is coprime to the number of positions visits each once.
  for (int64_t t = 0; t < tuples; ++t) {
    int64_t flat = distinct ? (start + t) % positions : c.random().Between(0, positions - 1);
    for (int64_t i = width; i-- > 0;) {
      const int64_t dim = shape[static_cast<size_t>(batch + i)];
      int64_t index = flat % dim;
      flat /= dim;
      if (c.random().Chance(1, 6)) index -= dim;
      SetInt(tensor, t * width + i, index);
    }
  }
  return c.Put(input, c.b().AddInitializer(std::move(tensor)));
}

bool ChooseGatherNd(OpContext& c) {
  if (!c.TakeRank(0, 1)) return false;
  const Shape shape = c.In(0).shape;
  int64_t batch = 0;
  if (shape.size() > 1 && c.random().Chance(1, 4)) batch = 1;
  if (batch != 0 || c.random().Chance(1, 4)) c.Set("batch_dims", batch);
  return MakeTuples(c, 1, shape, batch, false) && c.Done();
}

bool InferGatherNd(InferContext& c) {
  if (!c.Given(0) || !c.Given(1) || c.rank(0) < 1 || c.rank(1) < 1) return false;
  const int64_t batch = c.node.Int("batch_dims", 0);
  const int64_t width = c.shape(1).back();
  if (batch < 0 || batch >= std::min(c.rank(0), c.rank(1)) || width < 1 ||
      width > c.rank(0) - batch) {
    return false;
  }
  for (int64_t i = 0; i < batch; ++i) {
    if (c.shape(0)[static_cast<size_t>(i)] != c.shape(1)[static_cast<size_t>(i)]) return false;
  }
  c.out[0].shape.assign(c.shape(1).begin(), c.shape(1).end() - 1);
  c.out[0].shape.insert(c.out[0].shape.end(), c.shape(0).begin() + batch + width, c.shape(0).end());
  return TuplesFit(c, batch);
}

// "none" wants distinct targets: which of two writes wins is open.
std::string DrawReduction(OpContext& c) {
  if (!c.schema().HasAttribute("reduction") || IsBool(c.type()) || c.random().Chance(1, 2))
    return {};
  // What runtimes implement: 16-bit floats mostly not.
  const bool half = IsFloat(c.type()) && Traits(c.type()).bits == 16;
  if (half && !c.random().Chance(1, 40)) return {};
  static constexpr std::string_view kAll[] = {"none", "add", "mul", "max", "min"};
  return std::string(kAll[c.random().Index(c.schema().since >= 18 ? 5 : 3)]);
}

bool ChooseScatterNd(OpContext& c) {
  if (!c.TakeRank(0, 1)) return false;
  const Shape shape = c.In(0).shape;
  const std::string reduction = DrawReduction(c);
  if (!reduction.empty()) c.Set("reduction", reduction);
  const bool distinct = reduction.empty() || reduction == "none";
  if (!MakeTuples(c, 1, shape, 0, distinct)) return false;
  const Shape indices = c.In(1).shape;
  Shape updates(indices.begin(), indices.end() - 1);
  updates.insert(updates.end(), shape.begin() + indices.back(), shape.end());
  return c.TakeShape(2, updates) && c.Done();
}

bool InferScatterNd(InferContext& c) {
  if (c.in.size() != 3 || !c.Given(1) || c.rank(0) < 1 || c.rank(1) < 1) return false;
  const Shape& indices = c.shape(1);
  if (indices.back() < 1 || indices.back() > c.rank(0)) return false;
  Shape updates(indices.begin(), indices.end() - 1);
  updates.insert(updates.end(), c.shape(0).begin() + indices.back(), c.shape(0).end());
  return updates == c.shape(2) && TuplesFit(c, 0) && InferSame(c);
}

bool ChooseScatterElements(OpContext& c) {
  if (!c.TakeRank(0, 1)) return false;
  const Shape shape = c.In(0).shape;
  if (Count(shape) == 0) return false;
  const int64_t rank = c.In(0).rank();
  const auto axis = static_cast<size_t>(c.random().Between(0, rank - 1));
  c.SetInt("axis", c.Axis(static_cast<int64_t>(axis), rank), 0);
  const std::string reduction = DrawReduction(c);
  if (!reduction.empty()) c.Set("reduction", reduction);
  const bool distinct = reduction.empty() || reduction == "none";
  Shape indices = SmallerShape(c, shape, axis);
  if (!distinct) {
    if (!TakeIndices(c, 1, indices, shape[axis])) return false;
  } else {
    // Along the axis the indices are a rotation: each target is written once.
    Tensor tensor = MakeTensor(DataType::kInt64, indices);
    int64_t inner = 1;
    for (size_t i = axis + 1; i < indices.size(); ++i) inner *= indices[i];
    const int64_t shift = c.random().Between(0, shape[axis] - 1);
    const bool negative = c.opset() >= 11 && c.random().Chance(1, 3);
    for (int64_t i = 0; i < tensor.size(); ++i) {
      const int64_t at = (i / inner % indices[axis] + shift) % shape[axis];
      SetInt(tensor, i, negative && at % 2 == 1 ? at - shape[axis] : at);
    }
    if (!c.Put(1, c.b().AddInitializer(std::move(tensor)))) return false;
  }
  return c.TakeShape(2, indices) && c.Done();
}

bool InferScatterElements(InferContext& c) {
  if (c.in.size() != 3 || !c.Given(1) || c.rank(0) < 1 || c.rank(1) != c.rank(0) ||
      c.shape(1) != c.shape(2)) {
    return false;
  }
  const auto axis = NormalizeAxis(c.node.Int("axis", 0), c.rank(0));
  if (!axis) return false;
  for (size_t i = 0; i < c.shape(0).size(); ++i) {
    if (c.shape(1)[i] > c.shape(0)[i]) return false;
  }
  return IndicesFit(c, 1, c.shape(0)[static_cast<size_t>(*axis)]) && InferSame(c);
}

void ScatterRange(InferContext& c) {
  const std::string reduction = c.node.String("reduction", "none");
  const double n = static_cast<double>(std::max<int64_t>(1, std::min<int64_t>(c.in[2]->count, 4)));
  const Range a = c.in[0]->range;
  const Range u = c.in[2]->range;
  c.out[0].range = Hull(a, u);
  if (reduction == "add") c.out[0].range = Sum(a, Scaled(Hull(u, {0, 0}), n));
  if (reduction == "mul") {
    const double m = a.Magnitude() * std::pow(std::max(1.0, u.Magnitude()), n);
    c.out[0].range = {a.lo >= 0 && u.lo >= 0 ? 0 : -m, m};
  }
}

constexpr OpEntry kGatherScatter[] = {
    {"Gather", ChooseGather, InferGather, GatherRange, kExactResult, 1.2},
    {"GatherElements", ChooseGatherElements, InferGatherElements, nullptr, kExactResult},
    {"GatherND", ChooseGatherNd, InferGatherNd, nullptr, kExactResult},
    {"Scatter", ChooseScatterElements, InferScatterElements, ScatterRange, kUnread | kExactResult,
     2, 9, 10},
    {"ScatterElements", ChooseScatterElements, InferScatterElements, ScatterRange, kExactResult,
     0.8},
    {"ScatterND", ChooseScatterNd, InferScatterNd, ScatterRange, kExactResult, 0.8},
};

}  // namespace

OpTable GatherScatterOps() { return kGatherScatter; }

}  // namespace moire
