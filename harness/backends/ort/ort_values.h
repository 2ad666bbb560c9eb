// Tensors to and from OrtValues. Inputs are bound where they lie; outputs are copied out.
#ifndef MOIRE_HARNESS_BACKENDS_ORT_ORT_VALUES_H_
#define MOIRE_HARNESS_BACKENDS_ORT_ORT_VALUES_H_

#include "harness/backends/ort/ort_library.h"
#include "harness/case/tensor.h"

namespace moire {

// ONNX Runtime's number of an element type; ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED where it has
// none.
ONNXTensorElementDataType ToOrt(DataType type);
DataType FromOrt(ONNXTensorElementDataType type);

// The value reads the tensor's own bytes and must not outlive it; strings are copied.
// library.Environment() must have succeeded. On success *value is the caller's.
OrtFailure BindTensor(const OrtLibrary& library, const Tensor& tensor, OrtValue** value);
// The same for an input of a case, which may be a map: that copies its keys and values.
OrtFailure BindInput(const OrtLibrary& library, const NamedTensor& input, OrtValue** value);

// A value that is not a dense tensor, or an optional that holds nothing, gives type kUndefined.
OrtFailure FetchTensor(const OrtLibrary& library, const OrtValue* value, Tensor& tensor);

}  // namespace moire

#endif  // MOIRE_HARNESS_BACKENDS_ORT_ORT_VALUES_H_
