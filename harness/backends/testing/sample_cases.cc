#include "harness/backends/testing/sample_cases.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "harness/case/onnx_adapter.h"
#include "harness/case/random.h"
#include "harness/case/value.h"

namespace moire::testing {
namespace {

constexpr std::array<std::string_view, 10> kUnary = {"Relu",  "Sigmoid",  "Tanh", "Abs", "Neg",
                                                     "Floor", "Softplus", "Erf",  "Elu", "Sqrt"};
constexpr std::array<std::string_view, 6> kBinary = {"Add", "Sub", "Mul", "Div", "Max", "Min"};

Tensor RandomFloats(Random& random, Shape shape) {
  Tensor tensor = MakeTensor(DataType::kFloat, std::move(shape));
  for (float& value : tensor.As<float>()) value = static_cast<float>(random.Unit() * 4 - 2);
  return tensor;
}

Node MakeNode(std::string_view op, std::vector<std::string> inputs, std::string output) {
  Node node;
  node.op = op;
  node.inputs = std::move(inputs);
  node.outputs = {std::move(output)};
  return node;
}

}  // namespace

Tensor Floats(Shape shape, std::initializer_list<float> values) {
  Tensor tensor = MakeTensor(DataType::kFloat, std::move(shape));
  std::ranges::copy(values, tensor.As<float>().begin());
  return tensor;
}

Model MakeModel(std::vector<Node> nodes, std::span<const NamedTensor> inputs,
                std::vector<ValueInfo> outputs, int64_t opset) {
  Model model;
  model.opsets = {{"", opset}};
  model.graph.name = "sample";
  model.graph.nodes = std::move(nodes);
  for (const NamedTensor& input : inputs) {
    model.graph.inputs.push_back({input.name, TypeOf(input)});
  }
  model.graph.outputs = std::move(outputs);
  return model;
}

Case MakeCase(const Model& model, std::vector<NamedTensor> inputs) {
  Case test_case;
  test_case.model = SerializeModel(model);
  test_case.inputs = std::move(inputs);
  return test_case;
}

Case OneNode(std::string op, std::vector<NamedTensor> inputs, DataType type,
             std::vector<Attribute> attributes, int64_t opset) {
  Node node;
  node.op = std::move(op);
  for (const NamedTensor& input : inputs) node.inputs.push_back(input.name);
  node.outputs = {"y"};
  node.attributes = std::move(attributes);
  ValueInfo output{"y", {}};
  output.type.type = type;
  const Model model = MakeModel({std::move(node)}, inputs, {std::move(output)}, opset);
  return MakeCase(model, std::move(inputs));
}

Case FusableCase() {
  const std::vector<NamedTensor> inputs = {{"x", Floats({2, 3}, {1, 2, 3, 4, 5, 6})}};
  Node first = MakeNode("Transpose", {"x"}, "t");
  Node second = MakeNode("Transpose", {"t"}, "u");
  for (Node* node : {&first, &second}) node->Set("perm", Ints{1, 0});
  Model model = MakeModel({first, second, MakeNode("MatMul", {"u", "w"}, "m"),
                           MakeNode("Add", {"m", "b"}, "s"), MakeNode("Relu", {"s"}, "y")},
                          inputs, {{"y", TensorType(DataType::kFloat, Shape{2, 2})}});
  model.graph.initializers = {{"w", Floats({3, 2}, {1, -1, 0, 2, 1, 1})},
                              {"b", Floats({2}, {0.5, -20})}};
  return MakeCase(model, inputs);
}

Case ChainCase(uint64_t seed, int nodes) {
  Random random(seed);
  const Shape shape = {4, 8, 8};
  std::vector<NamedTensor> inputs = {{"x", RandomFloats(random, shape)},
                                     {"z", RandomFloats(random, shape)}};
  std::vector<std::string> values = {"x", "z"};
  std::vector<Node> chain;
  std::vector<NamedTensor> initializers;
  // Mostly one of the last three values, so that the graph is deep.
  const auto pick = [&] {
    const size_t last = std::min<size_t>(values.size(), random.Chance(3, 4) ? 3 : values.size());
    return values[values.size() - 1 - random.Index(last)];
  };
  for (int i = 0; i < nodes; ++i) {
    const std::string output = fmt::format("v{}", i);
    const uint64_t kind = random.Below(100);
    if (kind < 40) {
      chain.push_back(MakeNode(random.Pick(kUnary), {pick()}, output));
    } else if (kind < 75) {
      chain.push_back(MakeNode(random.Pick(kBinary), {pick(), pick()}, output));
    } else if (kind < 85) {
      initializers.push_back({fmt::format("w{}", i), RandomFloats(random, {8, 8})});
      chain.push_back(MakeNode("MatMul", {pick(), initializers.back().name}, output));
    } else if (kind < 95) {
      chain.push_back(MakeNode("Transpose", {pick()}, output));
      chain.back().Set("perm", Ints{0, 2, 1});
    } else {
      chain.push_back(MakeNode("Softmax", {pick()}, output));
    }
    values.push_back(output);
  }
  std::vector<ValueInfo> outputs;
  for (const Node& node : chain) {
    const bool read = std::ranges::any_of(chain, [&](const Node& other) {
      return std::ranges::find(other.inputs, node.outputs[0]) != other.inputs.end();
    });
    if (!read) outputs.push_back({node.outputs[0], TensorType(DataType::kFloat, shape)});
  }
  Model model = MakeModel(std::move(chain), inputs, std::move(outputs));
  model.graph.initializers = std::move(initializers);
  return MakeCase(model, std::move(inputs));
}

}  // namespace moire::testing
