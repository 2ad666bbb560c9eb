// Casts from and to strings, by the text of Cast's page.
#ifndef MOIRE_ORACLES_REFERENCE_KERNELS_CAST_STRING_H_
#define MOIRE_ORACLES_REFERENCE_KERNELS_CAST_STRING_H_

#include <optional>
#include <string_view>

#include "oracles/reference/kernel.h"

namespace moire {

// "plain (e.g., "3.14" and "1000") and scientific numeric representations (e.g., "1e-5" and
// "1E8")", and INF, +INF, -INF, NaN in any case; the nearest double. Nothing for any other text.
std::optional<double> ParseNumber(std::string_view text);
// Digits with an optional sign, inside the type.
std::optional<int64_t> ParseInteger(std::string_view text, DataType type);

// In(0) holds strings. A literal that is no number of the type is "undefined behavior".
Status CastFromString(KernelContext& ctx, DataType to);
// Integers as decimal digits; how many digits a float gets, and how a bool reads, is open.
Status CastToString(KernelContext& ctx);

}  // namespace moire

#endif  // MOIRE_ORACLES_REFERENCE_KERNELS_CAST_STRING_H_
