#include "tests/faulty/value.h"

#include "harness/case/float_bits.h"

namespace moire::faulty {

Storage StorageOf(DataType type) {
  if (type == DataType::kFloat || IsNarrow(type)) return Storage::kFloat;
  if (type == DataType::kDouble) return Storage::kDouble;
  if (IsExact(type) && Traits(type).bits >= 8) return Storage::kInt;
  return Storage::kNone;
}

Value MakeValue(DataType type, Shape shape) {
  Value value{.type = type, .shape = std::move(shape), .f = {}, .d = {}, .i = {}};
  const auto count = static_cast<size_t>(value.size());
  WithStorage(value, [count](auto& data) { data.resize(count); });
  return value;
}

Value ToValue(const Tensor& tensor) {
  Value value = MakeValue(tensor.type, tensor.shape);
  for (int64_t k = 0; k < value.size(); ++k) {
    const auto at = static_cast<size_t>(k);
    switch (StorageOf(value.type)) {
      case Storage::kFloat:
        value.f[at] = static_cast<float>(GetFloat(tensor, k));
        break;
      case Storage::kDouble:
        value.d[at] = GetFloat(tensor, k);
        break;
      default:
        value.i[at] = GetInt(tensor, k);
    }
  }
  return value;
}

Tensor ToTensor(const Value& value) {
  Tensor tensor = MakeTensor(value.type, value.shape);
  for (int64_t k = 0; k < value.size(); ++k) {
    const auto at = static_cast<size_t>(k);
    switch (StorageOf(value.type)) {
      case Storage::kFloat:
        SetFloat(tensor, k, static_cast<double>(value.f[at]));
        break;
      case Storage::kDouble:
        SetFloat(tensor, k, value.d[at]);
        break;
      default:
        SetInt(tensor, k, value.i[at]);
    }
  }
  return tensor;
}

int64_t Wrap(DataType type, int64_t x) {
  if (type == DataType::kBool) return x != 0 ? 1 : 0;
  const int bits = Traits(type).bits;
  if (bits >= 64) return x;
  const int shift = 64 - bits;
  const uint64_t high = static_cast<uint64_t>(x) << shift;
  return IsSigned(type) ? static_cast<int64_t>(high) >> shift : static_cast<int64_t>(high >> shift);
}

double IntAsDouble(DataType type, int64_t x) {
  return type == DataType::kUint64 ? static_cast<double>(static_cast<uint64_t>(x))
                                   : static_cast<double>(x);
}

Value Take(const Value& source, Shape shape, const std::vector<int64_t>& index) {
  Value out = MakeValue(source.type, std::move(shape));
  const auto move = [&](const auto& from, auto& to) {
    for (size_t k = 0; k < to.size(); ++k) {
      if (index[k] >= 0) to[k] = from[static_cast<size_t>(index[k])];
    }
  };
  switch (StorageOf(source.type)) {
    case Storage::kFloat:
      move(source.f, out.f);
      break;
    case Storage::kDouble:
      move(source.d, out.d);
      break;
    default:
      move(source.i, out.i);
  }
  return out;
}

void CopyElement(const Value& from, int64_t k, Value& to, int64_t l) {
  const auto a = static_cast<size_t>(k);
  const auto b = static_cast<size_t>(l);
  switch (StorageOf(from.type)) {
    case Storage::kFloat:
      to.f[b] = from.f[a];
      break;
    case Storage::kDouble:
      to.d[b] = from.d[a];
      break;
    default:
      to.i[b] = from.i[a];
  }
}

std::vector<int64_t> BroadcastIndex(Dims from, Dims shape) {
  const Shape from_strides = Strides(from);
  const size_t lead = shape.size() - from.size();
  std::vector<int64_t> step(shape.size(), 0);
  for (size_t axis = 0; axis < from.size(); ++axis) {
    step[lead + axis] = from[axis] == 1 ? 0 : from_strides[axis];
  }
  std::vector<int64_t> index(static_cast<size_t>(Count(shape)));
  std::vector<int64_t> at(shape.size(), 0);
  int64_t flat = 0;
  for (int64_t& entry : index) {
    entry = flat;
    for (size_t axis = shape.size(); axis-- > 0;) {
      flat += step[axis];
      if (++at[axis] < shape[axis]) break;
      flat -= step[axis] * shape[axis];
      at[axis] = 0;
    }
  }
  return index;
}

}  // namespace moire::faulty
