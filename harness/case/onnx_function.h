// Function bodies: what ONNX itself says an operator is made of, as a graph over simpler operators.
// Like onnx_adapter.h, this keeps the ONNX library's headers and exceptions to itself.
#ifndef MOIRE_HARNESS_CASE_ONNX_FUNCTION_H_
#define MOIRE_HARNESS_CASE_ONNX_FUNCTION_H_

#include <span>
#include <vector>

#include "harness/case/error.h"
#include "harness/case/model.h"

namespace moire {

struct FunctionBody {
  Graph graph;  // inputs: those that the node gives, in order; outputs: those that it names
  std::vector<OpsetImport> opsets;
};

// The body of an operator for a node with inputs of these types (default-made where omitted), with
// the node's attributes and their defaults put in. kNotFound: the operator is no function, or has
// no body for these types.
Result<FunctionBody> ExpandFunction(const Node& node, int64_t opset,
                                    std::span<const ValueType> inputs);

// The same for a node that calls a function which the model brings along (ModelProto.functions).
// kNotFound: it has none of that domain, name and overload.
Result<FunctionBody> ExpandLocalFunction(const Node& node, const Model& model);

}  // namespace moire

#endif  // MOIRE_HARNESS_CASE_ONNX_FUNCTION_H_
