// Between the structs of this room and onnx's protobuf messages. Private to onnx_*.cc: the only files
// that include ONNX headers (fuzzers/generate/schema.cc apart).
#ifndef MOIRE_HARNESS_CASE_ONNX_PROTO_H_
#define MOIRE_HARNESS_CASE_ONNX_PROTO_H_

#include <onnx/onnx_pb.h>

#include "harness/case/error.h"
#include "harness/case/model.h"

namespace moire {

// Checks the claimed shape against the bytes that are there before it allocates.
Result<NamedTensor> TensorFromProto(const onnx::TensorProto& source);
void TensorToProto(const NamedTensor& source, onnx::TensorProto& target);

ValueType ValueTypeFromProto(const onnx::TypeProto& source);
void ValueTypeToProto(const ValueType& source, onnx::TypeProto& target);

Result<Graph> GraphFromProto(onnx::GraphProto& source, int depth);
void GraphToProto(const Graph& source, onnx::GraphProto& target);

}  // namespace moire

#endif  // MOIRE_HARNESS_CASE_ONNX_PROTO_H_
