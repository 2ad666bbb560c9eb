// The ONNX operator schemas as plain tables, of the default domain and ai.onnx.ml, and those of a
// contributed domain that a backend lists (contributed.h). schema.cc and functions.cc are the files of this room that include ONNX headers.
#ifndef MOIRE_FUZZERS_GENERATE_SCHEMA_H_
#define MOIRE_FUZZERS_GENERATE_SCHEMA_H_

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "harness/case/data_type.h"
#include "harness/case/model.h"

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
// What flows between generated nodes. The other types flow in the few cases that carry them.
inline constexpr TypeSet kDataTypes = kFloats | kIntegers | kBools;
inline constexpr TypeSet kAllTypes = ((TypeSet{1} << 27) - 1) & ~TypeSet{1};
inline constexpr TypeSet kRareTypes = kAllTypes & ~kDataTypes;

// What a value is made of: tensors, or something around tensors of one element type. kMaps is a
// sequence of maps, which ZipMap gives and nothing takes; kIntMap and kStringMap are maps by their
// keys, which no operator gives: they are graph inputs.
enum class Form : uint8_t {
  kTensor,
  kSequence,
  kOptional,
  kOptionalSequence,
  kMaps,
  kIntMap,
  kStringMap
};
inline constexpr size_t kForms = 7;
constexpr bool IsMap(Form form) { return form == Form::kIntMap || form == Form::kStringMap; }

// Element type and form in one number, for binding type variables: tensors are their DataType.
constexpr DataType Packed(Form form, DataType element) {
  return static_cast<DataType>(static_cast<int>(form) * 64 + static_cast<int>(element));
}
constexpr std::pair<Form, DataType> Unpacked(DataType packed) {
  return {static_cast<Form>(static_cast<int>(packed) / 64),
          static_cast<DataType>(static_cast<int>(packed) % 64)};
}
// "tensor(float)", "seq(tensor(float))", "optional(seq(tensor(float)))"; kUndefined for others.
DataType ParsePacked(std::string_view type);
std::string PackedName(DataType packed);

struct ParameterInfo {
  std::string name;
  TypeSet types = 0;                        // dense tensor types that it takes
  std::array<TypeSet, kForms> compounds{};  // element types by form; of kTensor none
  int variable = -1;  // index of its type variable; -1: a fixed type, or each operand its own
  bool optional = false;
  bool variadic = false;

  // "tensor(float)", "seq(tensor(float))"; what cannot be generated is left out.
  void AddType(std::string_view packed);
};

struct SchemaAttribute {
  std::string name;
  bool required = false;
};

struct SchemaInfo {
  std::string op;
  std::string domain;
  int64_t since = 0;
  std::vector<ParameterInfo> inputs;
  std::vector<ParameterInfo> outputs;
  std::vector<SchemaAttribute> attributes;
  int variables = 0;      // number of type variables
  bool function = false;  // has a body of other operators

  // The parameter of the i-th input: the last one repeats when it is variadic. Null beyond the end.
  const ParameterInfo* Input(size_t i) const;
  const ParameterInfo* Output(size_t i) const;
  bool HasAttribute(std::string_view name) const;
  // Whether the first input may be a map, which can always be made.
  bool TakesMaps() const {
    return !inputs.empty() && (inputs[0].compounds[static_cast<size_t>(Form::kIntMap)] |
                               inputs[0].compounds[static_cast<size_t>(Form::kStringMap)]) != 0;
  }
  // Whether the first input may be a sequence, an optional or a map.
  bool TakesCompounds() const {
    return !inputs.empty() && inputs[0].compounds != std::array<TypeSet, kForms>{};
  }
};

// The schema of an operator that is in force at an opset; null when there is none or it is
// deprecated. The pointer stays valid.
const SchemaInfo* FindSchema(std::string_view op, int64_t opset, std::string_view domain = "");

// Operators that are no standard, of the runtime that defines them: ONNX Runtime's. Their opset is 1.
inline constexpr std::string_view kContributedDomain = "com.microsoft";
inline constexpr int64_t kContributedOpset = 1;
// Makes the schemas of that domain known to this process. Before anything is generated or parsed;
// schemas of other domains, and operators that are known already, are passed over.
void AddContributedSchemas(std::vector<SchemaInfo> schemas);

// The newest opset of a domain that the ONNX library knows.
int64_t NewestOpset(std::string_view domain = "");

// Domain and name of every operator of both standard domains, sorted.
std::vector<std::pair<std::string, std::string>> AllOperators();

// The declared type of a sequence or optional; of tensors of a shape where one is given (-1: any).
ValueType CompoundType(Form form, DataType element, const Shape* shape);
// A type_proto attribute, what Optional's `type` is.
OpaqueAttribute TypeAttribute(std::string_view name, Form form, DataType element);
// Its form and element type in one number; kUndefined where it holds something else.
DataType ReadTypeAttribute(const OpaqueAttribute& attribute);

}  // namespace moire

#endif  // MOIRE_FUZZERS_GENERATE_SCHEMA_H_
