// What operators with long attribute lists share: those of ai.onnx.ml, and those on strings.
#ifndef MOIRE_ORACLES_REFERENCE_KERNELS_ML_UTIL_H_
#define MOIRE_ORACLES_REFERENCE_KERNELS_ML_UTIL_H_

#include <string_view>

#include "oracles/reference/kernel.h"
#include "oracles/reference/kernels/interval.h"

namespace moire {

inline constexpr std::string_view kMl = "ai.onnx.ml";

// A list attribute; empty when it is absent or of another type.
Floats FloatList(const Node& node, std::string_view name);
Strings StringList(const Node& node, std::string_view name);

// An element of a numeric tensor as a float32 operator reads it: converted, or kept wide.
Interval AsFloat(const RangeTensor& x, size_t i);

// kInvalidInput unless the tensor holds numbers.
Status CheckNumeric(const RangeTensor& x);

}  // namespace moire

#endif  // MOIRE_ORACLES_REFERENCE_KERNELS_ML_UTIL_H_
