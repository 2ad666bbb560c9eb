// How many inputs and outputs an operator takes, from its ONNX schema, and which of them must be there.
#ifndef MOIRE_HARNESS_CASE_ONNX_ARITY_H_
#define MOIRE_HARNESS_CASE_ONNX_ARITY_H_

#include <cstdint>
#include <string_view>

#include "harness/case/error.h"
#include "harness/case/model.h"

namespace moire {

// kInvalidInput when the node has too few or too many inputs or outputs, or leaves out (as "") one
// that its schema does not call optional. An operator without a schema passes. Looked up once an
// operator and opset; not thread safe.
Status CheckArity(const Node& node, int64_t opset);

}  // namespace moire

#endif  // MOIRE_HARNESS_CASE_ONNX_ARITY_H_
