// Model files whose tensors lie in files of their own ("external data" of ONNX).
#ifndef MOIRE_HARNESS_CASE_ONNX_EXTERNAL_H_
#define MOIRE_HARNESS_CASE_ONNX_EXTERNAL_H_

#include <string>

#include "harness/case/error.h"

namespace moire {

// The serialised ModelProto of a .onnx file, every external tensor brought inside. A model without
// external data is returned byte for byte. Paths that leave the model's directory, sections outside
// their file and sizes that disagree with the tensor's shape are kInvalidInput, checked before
// anything is allocated; so is a file that is no model.
Result<std::string> LoadModelFile(const std::string& path);

}  // namespace moire

#endif  // MOIRE_HARNESS_CASE_ONNX_EXTERNAL_H_
