#include "harness/case/onnx_convert.h"

#include <onnx/shape_inference/implementation.h>
#include <onnx/version_converter/convert.h>

#include <exception>
#include <map>

#include "harness/case/onnx_proto.h"

namespace moire {
namespace {

// The last version in which PRelu has a slope for each channel; from the next on it is broadcast
// from the last axis. The converter knows nothing of that.
constexpr int kChannelSlope = 6;

std::map<std::string, int> Ranks(const onnx::ModelProto& model) {
  onnx::ModelProto inferred = model;
  onnx::shape_inference::InferShapes(inferred);
  std::map<std::string, int> ranks;
  const auto add = [&](const auto& values) {
    for (const onnx::ValueInfoProto& value : values) {
      if (value.type().tensor_type().has_shape()) {
        ranks[value.name()] = value.type().tensor_type().shape().dim_size();
      }
    }
  };
  add(inferred.graph().input());
  add(inferred.graph().value_info());
  for (const onnx::TensorProto& constant : inferred.graph().initializer()) {
    ranks[constant.name()] = constant.dims_size();
  }
  return ranks;
}

// Gives slopes of one axis the axes behind the channels.
void SpreadSlopes(onnx::ModelProto& model) {
  const std::map<std::string, int> ranks = Ranks(model);
  const auto rank = [&](const std::string& name) {
    const auto found = ranks.find(name);
    return found == ranks.end() ? 0 : found->second;
  };
  const onnx::GraphProto before = model.graph();
  model.mutable_graph()->clear_node();
  for (onnx::NodeProto node : before.node()) {
    if (node.op_type() == "PRelu" && node.input_size() == 2 && rank(node.input(0)) > 2 &&
        rank(node.input(1)) == 1) {
      onnx::NodeProto& spread = *model.mutable_graph()->add_node();
      spread.set_op_type("Unsqueeze");
      spread.add_input(node.input(1));
      spread.add_output(node.output(0) + "_slope");
      onnx::AttributeProto& axes = *spread.add_attribute();
      axes.set_name("axes");
      axes.set_type(onnx::AttributeProto::INTS);
      for (int axis = 1; axis < rank(node.input(0)) - 1; ++axis) axes.add_ints(axis);
      node.set_input(1, spread.output(0));
    }
    *model.mutable_graph()->add_node() = std::move(node);
  }
}

}  // namespace

Result<std::string> ConvertOpset(std::string_view serialized, int opset) {
  try {
    onnx::ModelProto model;
    if (!model.ParseFromArray(serialized.data(), static_cast<int>(serialized.size()))) {
      return Fail(ErrorCode::kInvalidInput, "not a serialised ONNX model");
    }
    for (const onnx::OperatorSetIdProto& import : model.opset_import()) {
      if (import.domain().empty() && import.version() <= kChannelSlope) SpreadSlopes(model);
    }
    return onnx::version_conversion::ConvertVersion(model, opset).SerializeAsString();
  } catch (const std::exception& error) {
    return Fail(ErrorCode::kInvalidInput, "operator set {}: {}", opset, error.what());
  }
}

}  // namespace moire
