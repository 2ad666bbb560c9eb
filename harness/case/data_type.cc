#include "harness/case/data_type.h"

#include <array>
#include <cmath>

namespace moire {
namespace {

using enum TypeClass;

// Largest finite values and exponents: IEEE 754-2019 for the binary formats, OCP OFP8 and MX
// specifications and ONNX's "Float stored in 8 bits" page for the small ones.
constexpr std::array<TypeTraits, 27> kTraits = {{
    {DataType::kUndefined, "undefined", "undefined", kNone, 0},
    {DataType::kFloat, "float", "tensor(float)", kFloat, 32, 24, -126, 0x1.fffffep127},
    {DataType::kUint8, "uint8", "tensor(uint8)", kUnsigned, 8},
    {DataType::kInt8, "int8", "tensor(int8)", kSigned, 8},
    {DataType::kUint16, "uint16", "tensor(uint16)", kUnsigned, 16},
    {DataType::kInt16, "int16", "tensor(int16)", kSigned, 16},
    {DataType::kInt32, "int32", "tensor(int32)", kSigned, 32},
    {DataType::kInt64, "int64", "tensor(int64)", kSigned, 64},
    {DataType::kString, "string", "tensor(string)", kString, 0},
    {DataType::kBool, "bool", "tensor(bool)", kBool, 8},
    {DataType::kFloat16, "float16", "tensor(float16)", kFloat, 16, 11, -14, 65504.0},
    {DataType::kDouble, "double", "tensor(double)", kFloat, 64, 53, -1022, 0x1.fffffffffffffp1023},
    {DataType::kUint32, "uint32", "tensor(uint32)", kUnsigned, 32},
    {DataType::kUint64, "uint64", "tensor(uint64)", kUnsigned, 64},
    {DataType::kComplex64, "complex64", "tensor(complex64)", kComplex, 64},
    {DataType::kComplex128, "complex128", "tensor(complex128)", kComplex, 128},
    {DataType::kBfloat16, "bfloat16", "tensor(bfloat16)", kFloat, 16, 8, -126, 0x1.fep127},
    {DataType::kFloat8E4M3FN, "float8e4m3fn", "tensor(float8e4m3fn)", kFloat, 8, 4, -6, 448.0},
    {DataType::kFloat8E4M3FNUZ, "float8e4m3fnuz", "tensor(float8e4m3fnuz)", kFloat, 8, 4, -7,
     240.0},
    {DataType::kFloat8E5M2, "float8e5m2", "tensor(float8e5m2)", kFloat, 8, 3, -14, 57344.0},
    {DataType::kFloat8E5M2FNUZ, "float8e5m2fnuz", "tensor(float8e5m2fnuz)", kFloat, 8, 3, -15,
     57344.0},
    {DataType::kUint4, "uint4", "tensor(uint4)", kUnsigned, 4},
    {DataType::kInt4, "int4", "tensor(int4)", kSigned, 4},
    {DataType::kFloat4E2M1, "float4e2m1", "tensor(float4e2m1)", kFloat, 4, 2, 0, 6.0},
    {DataType::kFloat8E8M0, "float8e8m0", "tensor(float8e8m0)", kFloat, 8, 1, -127, 0x1p127},
    {DataType::kUint2, "uint2", "tensor(uint2)", kUnsigned, 2},
    {DataType::kInt2, "int2", "tensor(int2)", kSigned, 2},
}};

}  // namespace

const TypeTraits& Traits(DataType type) {
  const auto index = static_cast<size_t>(type);
  return index < kTraits.size() ? kTraits[index] : kTraits[0];
}

std::span<const TypeTraits> AllTypes() { return std::span(kTraits).subspan(1); }

DataType ParseDataType(std::string_view name) {
  for (const TypeTraits& row : AllTypes()) {
    if (row.name == name || row.schema == name) return row.type;
  }
  return DataType::kUndefined;
}

int64_t IntegerMin(DataType type) {
  return IsSigned(type) ? -(int64_t{1} << (Traits(type).bits - 2)) * 2 : 0;
}

uint64_t IntegerMax(DataType type) {
  if (IsBool(type)) return 1;
  const int value_bits = Traits(type).bits - (IsSigned(type) ? 1 : 0);
  return value_bits >= 64 ? ~uint64_t{0} : (uint64_t{1} << value_bits) - 1;
}

}  // namespace moire
