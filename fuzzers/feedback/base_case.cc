#include "fuzzers/feedback/base_case.h"

#include "harness/case/model.h"
#include "harness/case/onnx_adapter.h"

namespace moire {

Case BaseCase() {
  Model model;
  model.opsets = {{"", 21}};
  model.graph.name = "base";
  Node node;
  node.op = "Identity";
  node.inputs = {"x"};
  node.outputs = {"y"};
  model.graph.nodes.push_back(node);
  const ValueType type = TensorType(DataType::kFloat, Shape{1});
  model.graph.inputs = {{"x", type}};
  model.graph.outputs = {{"y", type}};
  return {SerializeModel(model), {{"x", MakeTensor(DataType::kFloat, {1})}}, {}};
}

}  // namespace moire
