// Conversions between double and the small float formats, straight from double (no double rounding).
// Formats: IEEE 754 binary16/32, bfloat16, OCP OFP8 (E4M3FN, E5M2), the FNUZ kinds, MX E2M1 and
// E8M0, as on ONNX's "Float stored in 8 bits" and "4 bits" pages.
#ifndef MOIRE_HARNESS_CASE_FLOAT_BITS_H_
#define MOIRE_HARNESS_CASE_FLOAT_BITS_H_

#include <cstdint>

#include "harness/case/data_type.h"

namespace moire {

// Nearest representable value of a float type, ties to even, as a double. Beyond the largest
// finite value: infinity where the type has one, otherwise `saturate` ? largest finite : NaN.
double RoundTo(DataType type, double value, bool saturate = true);
// Largest representable value <= value, and smallest >= value (infinities where beyond the range).
double RoundDown(DataType type, double value);
double RoundUp(DataType type, double value);

// Distance from |value| to the next larger representable magnitude: the ulp of the binade of value,
// at least the smallest subnormal. Infinity and NaN give NaN.
double Ulp(DataType type, double value);
// Unit roundoff 2^-precision.
double UnitRoundoff(DataType type);
double SmallestSubnormal(DataType type);
double SmallestNormal(DataType type);
bool HasInfinity(DataType type);

// Bit patterns, in the low bits.
uint64_t EncodeFloat(DataType type, double value);
double DecodeFloat(DataType type, uint64_t bits);

}  // namespace moire

#endif  // MOIRE_HARNESS_CASE_FLOAT_BITS_H_
