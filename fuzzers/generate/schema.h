// The ONNX operator schemas as plain tables. schema.cc is the one file of this room that includes
// ONNX headers. Default domain only.
#ifndef MOIRE_FUZZERS_GENERATE_SCHEMA_H_
#define MOIRE_FUZZERS_GENERATE_SCHEMA_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "harness/case/data_type.h"

namespace moire {

// A set of element types, one bit for each DataType number.
using TypeSet = uint32_t;
constexpr TypeSet Bit(DataType type) { return TypeSet{1} << static_cast<int>(type); }
constexpr bool Has(TypeSet set, DataType type) { return (set & Bit(type)) != 0; }

inline constexpr TypeSet kFloats = Bit(DataType::kFloat) | Bit(DataType::kDouble) |
                                   Bit(DataType::kFloat16) | Bit(DataType::kBfloat16);
inline constexpr TypeSet kSignedInts =
    Bit(DataType::kInt8) | Bit(DataType::kInt16) | Bit(DataType::kInt32) | Bit(DataType::kInt64);
inline constexpr TypeSet kUnsignedInts = Bit(DataType::kUint8) | Bit(DataType::kUint16) |
                                         Bit(DataType::kUint32) | Bit(DataType::kUint64);
inline constexpr TypeSet kIntegers = kSignedInts | kUnsignedInts;
inline constexpr TypeSet kBools = Bit(DataType::kBool);
// What flows between generated nodes.
inline constexpr TypeSet kDataTypes = kFloats | kIntegers | kBools;

struct ParameterInfo {
  std::string name;
  TypeSet types = 0;  // dense tensor types that it takes
  int variable = -1;  // index of its type variable; -1: a fixed type
  bool optional = false;
  bool variadic = false;
};

struct SchemaAttribute {
  std::string name;
  bool required = false;
};

struct SchemaInfo {
  std::string op;
  int64_t since = 0;
  std::vector<ParameterInfo> inputs;
  std::vector<ParameterInfo> outputs;
  std::vector<SchemaAttribute> attributes;
  int variables = 0;  // number of type variables

  // The parameter of the i-th input: the last one repeats when it is variadic. Null beyond the end.
  const ParameterInfo* Input(size_t i) const;
  const ParameterInfo* Output(size_t i) const;
  bool HasAttribute(std::string_view name) const;
};

// The schema of an operator that is in force at an opset; null when there is none or it is
// deprecated. The pointer stays valid.
const SchemaInfo* FindSchema(std::string_view op, int64_t opset);

// The newest opset that the ONNX library knows.
int64_t NewestOpset();

}  // namespace moire

#endif  // MOIRE_FUZZERS_GENERATE_SCHEMA_H_
