// Operators of the faulty runtime that change or read shapes, and those that make tensors.
#include <algorithm>
#include <cmath>

#include "tests/faulty/node_run.h"

namespace moire::faulty {
namespace {

Status WithShape(NodeRun& run, Shape shape) {
  if (CheckedCount(shape) != run.In(0).size()) return run.Bad("dim");
  run.out[0] = run.In(0);
  run.out[0].shape = std::move(shape);
  return {};
}

Status Reshape(NodeRun& run) {
  const Shape& x = run.In(0).shape;
  Shape shape = run.In(1).i;
  int64_t known = 1;
  int64_t open = -1;
  for (size_t k = 0; k < shape.size(); ++k) {
    if (shape[k] == 0 && run.node.Int("allowzero", 0) == 0) {
      if (k >= x.size()) return run.Bad("dim");
      shape[k] = x[k];
    }
    if (shape[k] == -1) open = static_cast<int64_t>(k);
    else known *= shape[k];
  }
  if (open >= 0) {
    if (known == 0) return run.Unsupported();
    shape[static_cast<size_t>(open)] = run.In(0).size() / known;
  }
  return WithShape(run, shape);
}

Status Squeeze(NodeRun& run) {
  const Shape& x = run.In(0).shape;
  std::vector<bool> gone(x.size(), false);
  const Ints axes = AxesOf(run, 1);
  for (const int64_t axis : axes) {
    const auto at = NormalizeAxis(axis, run.rank(0));
    if (!at || x[static_cast<size_t>(*at)] != 1) return run.Bad("axis");
    gone[static_cast<size_t>(*at)] = true;
  }
  Shape shape;
  for (size_t k = 0; k < x.size(); ++k) {
    if (!gone[k] && !(axes.empty() && x[k] == 1)) shape.push_back(x[k]);
  }
  return WithShape(run, shape);
}

Status Unsqueeze(NodeRun& run) {
  const Ints axes = AxesOf(run, 1);
  const size_t rank = run.In(0).shape.size() + axes.size();
  std::vector<bool> fresh(rank, false);
  for (const int64_t axis : axes) {
    const auto at = NormalizeAxis(axis, static_cast<int64_t>(rank));
    if (!at || fresh[static_cast<size_t>(*at)]) return run.Bad("axis");
    fresh[static_cast<size_t>(*at)] = true;
  }
  Shape shape;
  size_t next = 0;
  for (size_t k = 0; k < rank; ++k) shape.push_back(fresh[k] ? 1 : run.In(0).shape[next++]);
  return WithShape(run, shape);
}

Status Flatten(NodeRun& run) {
  const Shape& x = run.In(0).shape;
  int64_t axis = run.node.Int("axis", 1);
  if (axis < 0) axis += run.rank(0);
  if (axis < 0 || axis > run.rank(0)) return run.Bad("axis");
  return WithShape(run, {Count(Dims(x).first(static_cast<size_t>(axis))),
                         Count(Dims(x).subspan(static_cast<size_t>(axis)))});
}

Status ShapeOp(NodeRun& run) {
  const int64_t rank = run.rank(0);
  const auto place = [&](int64_t at) { return std::clamp<int64_t>(at < 0 ? at + rank : at, 0, rank); };
  const int64_t start = place(run.node.Int("start", 0));
  const int64_t end = std::max(start, place(run.node.Int("end", rank)));
  Value& out = run.Make(DataType::kInt64, {end - start});
  for (int64_t k = start; k < end; ++k) {
    out.i[static_cast<size_t>(k - start)] = run.In(0).shape[static_cast<size_t>(k)];
  }
  return {};
}

Status Size(NodeRun& run) {
  run.Make(DataType::kInt64, {}).i[0] = run.In(0).size();
  return {};
}

Status ConstantOfShape(NodeRun& run) {
  const Attribute* attribute = run.node.Find("value");
  Tensor zero = MakeTensor(DataType::kFloat, {1});
  const Tensor* value = attribute == nullptr ? &zero : std::get_if<Tensor>(&attribute->value);
  if (value == nullptr || StorageOf(value->type) == Storage::kNone) return run.Unsupported();
  const Shape shape = run.In(0).i;
  const auto count = CheckedCount(shape);
  if (!count || *count > 1 << 20) return run.Bad("dim");
  run.out[0] = Take(ToValue(*value), shape, std::vector<int64_t>(static_cast<size_t>(*count), 0));
  return {};
}

// "number_of_elements = max(ceil((limit - start) / delta), 0)", output[k] = start + k * delta.
template <typename T>
Status RangeOf(NodeRun& run, T start, T limit, T delta, std::vector<T> Value::*data) {
  if (delta == 0) return run.Bad("delta");
  const double n = std::ceil((static_cast<double>(limit) - static_cast<double>(start)) /
                             static_cast<double>(delta));
  if (!(n < 1 << 20)) return run.Bad("limit");
  const auto count = static_cast<int64_t>(std::max(0.0, n));
  Value& out = run.Make(run.In(0).type, {count});
  for (int64_t k = 0; k < count; ++k) {
    (out.*data)[static_cast<size_t>(k)] = static_cast<T>(start + static_cast<T>(k) * delta);
  }
  return {};
}

Status Range(NodeRun& run) {
  const Value &a = run.In(0), &b = run.In(1), &c = run.In(2);
  if (a.size() != 1 || b.size() != 1 || c.size() != 1) return run.Bad("dim");
  switch (StorageOf(a.type)) {
    case Storage::kFloat:
      return RangeOf(run, a.f[0], b.f[0], c.f[0], &Value::f);
    case Storage::kDouble:
      return RangeOf(run, a.d[0], b.d[0], c.d[0], &Value::d);
    default:
      return RangeOf(run, a.i[0], b.i[0], c.i[0], &Value::i);
  }
}

Status Constant(NodeRun& run) {
  for (const Attribute& attribute : run.node.attributes) {
    if (const auto* tensor = std::get_if<Tensor>(&attribute.value)) {
      if (StorageOf(tensor->type) == Storage::kNone) return run.Unsupported();
      run.out[0] = ToValue(*tensor);
      return {};
    }
    if (const auto* number = std::get_if<float>(&attribute.value)) {
      run.Make(DataType::kFloat, {}).f[0] = *number;
      return {};
    }
    if (const auto* integer = std::get_if<int64_t>(&attribute.value)) {
      run.Make(DataType::kInt64, {}).i[0] = *integer;
      return {};
    }
    if (const auto* floats = std::get_if<Floats>(&attribute.value)) {
      run.Make(DataType::kFloat, {static_cast<int64_t>(floats->size())}).f = *floats;
      return {};
    }
    if (const auto* ints = std::get_if<Ints>(&attribute.value)) {
      run.Make(DataType::kInt64, {static_cast<int64_t>(ints->size())}).i = *ints;
      return {};
    }
  }
  return run.Unsupported();
}

constexpr KernelRow kRows[] = {
    {"Reshape", Reshape}, {"Squeeze", Squeeze}, {"Unsqueeze", Unsqueeze},
    {"Flatten", Flatten}, {"Shape", ShapeOp},   {"Size", Size},
    {"Range", Range},     {"Constant", Constant}, {"ConstantOfShape", ConstantOfShape},
};

}  // namespace

std::span<const KernelRow> ShapeKernels() { return kRows; }

}  // namespace moire::faulty
