// Tensor: a dense tensor as runtimes see it. Elements are row-major, little endian; 4- and 2-bit
// types are packed, first element in the low bits, as in ONNX raw_data.
#ifndef MOIRE_HARNESS_CASE_TENSOR_H_
#define MOIRE_HARNESS_CASE_TENSOR_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "harness/case/data_type.h"
#include "harness/case/error.h"
#include "harness/case/shape.h"

namespace moire {

struct Tensor {
  DataType type = DataType::kUndefined;
  Shape shape;
  std::vector<uint8_t> data;         // ByteSize(type, Count(shape)) bytes; empty for strings
  std::vector<std::string> strings;  // kString only: Count(shape) of them

  int64_t size() const { return Count(shape); }
  template <typename T>
  std::span<const T> As() const {
    return {reinterpret_cast<const T*>(data.data()), data.size() / sizeof(T)};
  }
  template <typename T>
  std::span<T> As() {
    return {reinterpret_cast<T*>(data.data()), data.size() / sizeof(T)};
  }
  bool operator==(const Tensor&) const = default;  // bitwise: NaN payloads and -0 count
};

struct NamedTensor {
  std::string name;
  Tensor tensor;
  // Of a graph input that is a map: its keys, all different, as int64 or strings [n]; `tensor`
  // holds their values [n]. Otherwise of type kUndefined.
  Tensor keys{};

  bool IsMap() const { return keys.type != DataType::kUndefined; }
  bool operator==(const NamedTensor&) const = default;
};

// Bytes that `count` elements take; packed types round up.
size_t ByteSize(DataType type, int64_t count);

// Zero-filled tensor.
Tensor MakeTensor(DataType type, Shape shape);

// Float types (float16, bfloat16, float8, float4 and complex excluded where noted): the element as
// a double, exactly. Not for complex or string.
double GetFloat(const Tensor& tensor, int64_t index);
// Rounds to the tensor's type, to nearest even; overflow to infinity (saturates where the type has
// no infinity).
void SetFloat(Tensor& tensor, int64_t index, double value);
// Integer types and bool; uint64 as its bit pattern.
int64_t GetInt(const Tensor& tensor, int64_t index);
// Keeps the low bits. bool: value != 0.
void SetInt(Tensor& tensor, int64_t index, int64_t value);
// Element `from` of the source, of whatever type, becomes element `to` of a tensor of that type.
// Not for complex.
void CopyElement(const Tensor& source, int64_t from, Tensor& out, int64_t to);

// One element as text, exact: "0.1f" style is not used; floats as shortest round trip, "nan",
// "-inf".
std::string ElementToString(const Tensor& tensor, int64_t index);

// 1-D int64 tensor, as shape and axes inputs use it; and a float scalar.
Tensor Int64Tensor(std::span<const int64_t> values);
Tensor FloatScalar(float value);

}  // namespace moire

#endif  // MOIRE_HARNESS_CASE_TENSOR_H_
