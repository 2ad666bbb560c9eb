// The one file that talks to the ONNX library: ModelProto <-> Model, the checker, shape inference,
// the text format. Every exception of ONNX and protobuf ends here as an Error.
// Shape inference and the checker may loop or die on malformed models (Einsum "....i->i"): callers
// announce the stage first (harness/campaign) or run in a child with a deadline.
#ifndef MOIRE_HARNESS_CASE_ONNX_ADAPTER_H_
#define MOIRE_HARNESS_CASE_ONNX_ADAPTER_H_

#include <string>
#include <string_view>
#include <vector>

#include "harness/case/error.h"
#include "harness/case/model.h"

namespace moire {

// Sizes are checked against the bytes at hand before anything is allocated.
// External data is not followed here: see bundle.h's LoadModelFile.
Result<Model> ParseModel(std::string_view serialized);
// Deterministic. Tensors are written as raw_data.
std::string SerializeModel(const Model& model);

// The ONNX checker, without and with full shape inference; the error's message is the checker's
// first line.
Status CheckModel(std::string_view serialized, bool full_shape_inference);
// value_info of the returned model holds every type that inference found.
Result<Model> InferShapes(const Model& model);

// ONNX text format (onnx/defs/printer.h), and back.
Result<std::string> PrintModel(std::string_view serialized);
Result<std::string> ParseModelText(std::string_view text);  // serialised ModelProto

// One TensorProto, as in test_data_set_0/input_0.pb.
Result<NamedTensor> ParseTensor(std::string_view serialized);
std::string SerializeTensor(const NamedTensor& tensor);

}  // namespace moire

#endif  // MOIRE_HARNESS_CASE_ONNX_ADAPTER_H_
