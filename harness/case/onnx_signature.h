// What an operator's ONNX schema says of a node's inputs and outputs: how many there are, which
// must be there, which element types each may have and which share one.
#ifndef MOIRE_HARNESS_CASE_ONNX_SIGNATURE_H_
#define MOIRE_HARNESS_CASE_ONNX_SIGNATURE_H_

#include <cstdint>
#include <span>

#include "harness/case/error.h"
#include "harness/case/model.h"

namespace moire {

// kInvalidInput when the node has too few or too many inputs or outputs, leaves out (as "") one
// that its schema does not call optional, or has a tensor of an element type that the schema does
// not allow there or that differs from another input's of the same type parameter. `types` holds
// the element type of each input; kUndefined where it is omitted, unknown or no tensor. An operator
// without a schema passes. Looked up once an operator and opset; not thread safe.
Status CheckSignature(const Node& node, int64_t opset, std::span<const DataType> types);

}  // namespace moire

#endif  // MOIRE_HARNESS_CASE_ONNX_SIGNATURE_H_
