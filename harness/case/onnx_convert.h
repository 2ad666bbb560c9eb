// Another version of the default operator set: the ONNX library's version converter, with its
// exceptions kept here.
#ifndef MOIRE_HARNESS_CASE_ONNX_CONVERT_H_
#define MOIRE_HARNESS_CASE_ONNX_CONVERT_H_

#include <string>
#include <string_view>

#include "harness/case/error.h"

namespace moire {

// The serialised model in version `opset` of the default operator set; the names of its values
// stay. kInvalidInput where the converter cannot, with what it says.
Result<std::string> ConvertOpset(std::string_view serialized, int opset);

}  // namespace moire

#endif  // MOIRE_HARNESS_CASE_ONNX_CONVERT_H_
