#include "harness/case/onnx_inline.h"

#include <onnx/inliner/inliner.h>

#include <exception>

#include "harness/case/onnx_proto.h"

namespace moire {

Result<std::string> InlineFunctions(std::string_view serialized) {
  try {
    onnx::ModelProto model;
    if (!model.ParseFromArray(serialized.data(), static_cast<int>(serialized.size()))) {
      return Fail(ErrorCode::kInvalidInput, "not a serialised ONNX model");
    }
    if (model.functions_size() == 0)
      return Fail(ErrorCode::kNotFound, "the model has no functions");
    onnx::inliner::InlineLocalFunctions(model, /*convert_version=*/true);
    return model.SerializeAsString();
  } catch (const std::exception& error) {
    return Fail(ErrorCode::kInvalidInput, "{}", error.what());
  }
}

}  // namespace moire
