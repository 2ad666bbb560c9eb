// Model-local functions written out: the ONNX library's inliner, with its exceptions kept here.
#ifndef MOIRE_HARNESS_CASE_ONNX_INLINE_H_
#define MOIRE_HARNESS_CASE_ONNX_INLINE_H_

#include <string>
#include <string_view>

#include "harness/case/error.h"

namespace moire {

// The serialised model with every call of one of its own functions replaced by the function's
// nodes, and without the functions. kNotFound: it has none.
Result<std::string> InlineFunctions(std::string_view serialized);

}  // namespace moire

#endif  // MOIRE_HARNESS_CASE_ONNX_INLINE_H_
