// Element types of ONNX tensors, with their properties as a table.
// Values are those of onnx.TensorProto.DataType. Depends on the standard library only.
#ifndef MOIRE_HARNESS_CASE_DATA_TYPE_H_
#define MOIRE_HARNESS_CASE_DATA_TYPE_H_

#include <cstdint>
#include <span>
#include <string_view>

namespace moire {

enum class DataType : int32_t {
  kUndefined = 0,
  kFloat = 1,
  kUint8 = 2,
  kInt8 = 3,
  kUint16 = 4,
  kInt16 = 5,
  kInt32 = 6,
  kInt64 = 7,
  kString = 8,
  kBool = 9,
  kFloat16 = 10,
  kDouble = 11,
  kUint32 = 12,
  kUint64 = 13,
  kComplex64 = 14,
  kComplex128 = 15,
  kBfloat16 = 16,
  kFloat8E4M3FN = 17,
  kFloat8E4M3FNUZ = 18,
  kFloat8E5M2 = 19,
  kFloat8E5M2FNUZ = 20,
  kUint4 = 21,
  kInt4 = 22,
  kFloat4E2M1 = 23,
  kFloat8E8M0 = 24,
  kUint2 = 25,
  kInt2 = 26,
};

enum class TypeClass : uint8_t { kNone, kFloat, kSigned, kUnsigned, kBool, kString, kComplex };

struct TypeTraits {
  DataType type;
  std::string_view name;       // ONNX text name: "float", "int64", "bool", ...
  std::string_view schema;     // type string of operator schemas: "tensor(float)"
  TypeClass kind;
  int bits;                    // storage bits an element (2 and 4 are packed); 0 for string
  // Floats only: significand bits including the hidden one, smallest normal exponent (value
  // 2^min_exponent), largest finite value.
  int precision = 0;
  int min_exponent = 0;
  double max_finite = 0;
};

// The row of a type; the row of kUndefined for a number that ONNX does not have.
const TypeTraits& Traits(DataType type);
std::span<const TypeTraits> AllTypes();  // every type but kUndefined, by number

// From "float" or "tensor(float)"; kUndefined when there is no such type.
DataType ParseDataType(std::string_view name);

inline std::string_view Name(DataType type) { return Traits(type).name; }
inline bool IsFloat(DataType type) { return Traits(type).kind == TypeClass::kFloat; }
inline bool IsSigned(DataType type) { return Traits(type).kind == TypeClass::kSigned; }
inline bool IsUnsigned(DataType type) { return Traits(type).kind == TypeClass::kUnsigned; }
inline bool IsInteger(DataType type) { return IsSigned(type) || IsUnsigned(type); }
inline bool IsBool(DataType type) { return type == DataType::kBool; }
// Integer or bool: what the reference computes exactly.
inline bool IsExact(DataType type) { return IsInteger(type) || IsBool(type); }

// Smallest and largest value of an integer type, as int64 and uint64.
int64_t IntegerMin(DataType type);
uint64_t IntegerMax(DataType type);

}  // namespace moire

#endif  // MOIRE_HARNESS_CASE_DATA_TYPE_H_
