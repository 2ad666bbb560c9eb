// Values of the faulty runtime: a tensor in native arithmetic. float16 and bfloat16 live in float
// (a value between two nodes may be kept wider than declared), integers and bool in int64, wrapped
// to their width after every operation. Depends on harness/case alone; shares nothing with the
// reference.
#ifndef MOIRE_TESTS_FAULTY_VALUE_H_
#define MOIRE_TESTS_FAULTY_VALUE_H_

#include <cstdint>
#include <type_traits>
#include <vector>

#include "harness/case/data_type.h"
#include "harness/case/shape.h"
#include "harness/case/tensor.h"

namespace moire::faulty {

enum class Storage { kNone, kFloat, kDouble, kInt };
Storage StorageOf(DataType type);

struct Value {
  DataType type = DataType::kUndefined;
  Shape shape;
  std::vector<float> f;    // float, float16, bfloat16
  std::vector<double> d;   // double
  std::vector<int64_t> i;  // integers (uint64 as its bit pattern) and bool

  int64_t size() const { return Count(shape); }
  template <typename T>
  std::vector<T>& Data() {
    if constexpr (std::is_same_v<T, float>) return f;
    else if constexpr (std::is_same_v<T, double>) return d;
    else return i;
  }
  template <typename T>
  const std::vector<T>& Data() const {
    return const_cast<Value*>(this)->Data<T>();
  }
};

inline bool IsNarrow(DataType type) {
  return type == DataType::kFloat16 || type == DataType::kBfloat16;
}

// Zero-filled.
Value MakeValue(DataType type, Shape shape);
Value ToValue(const Tensor& tensor);
Tensor ToTensor(const Value& value);

// Keeps the low bits of an integer type, sign- or zero-extended; bool: != 0.
int64_t Wrap(DataType type, int64_t x);
// a < b as numbers of the type.
inline bool LessInt(DataType type, int64_t a, int64_t b) {
  return type == DataType::kUint64 ? static_cast<uint64_t>(a) < static_cast<uint64_t>(b) : a < b;
}
double IntAsDouble(DataType type, int64_t x);

// f(std::vector<T>&) with the storage in use.
template <typename V, typename F>
decltype(auto) WithStorage(V& value, const F& f) {
  switch (StorageOf(value.type)) {
    case Storage::kFloat:
      return f(value.f);
    case Storage::kDouble:
      return f(value.d);
    default:
      return f(value.i);
  }
}

// out[k] = source[index[k]]; an index of -1 leaves zero.
Value Take(const Value& source, Shape shape, const std::vector<int64_t>& index);
// Whether element k of a is the same as element l of b; one type.
void CopyElement(const Value& from, int64_t k, Value& to, int64_t l);

// For each element of `shape` the flat index of what it reads in a tensor of shape `from`, by
// multidirectional broadcasting.
std::vector<int64_t> BroadcastIndex(Dims from, Dims shape);

}  // namespace moire::faulty

#endif  // MOIRE_TESTS_FAULTY_VALUE_H_
