#include "oracles/slice.h"

#include <algorithm>
#include <array>
#include <set>
#include <string>
#include <unordered_map>

namespace moire {
namespace {

// Each output element is one input element, or one well-conditioned function of one or a few.
// (DequantizeLinear: the difference is exact in integers, the product is rounded once.)
constexpr std::array<std::string_view, 28> kWellConditioned = {"Identity",
                                                               "Reshape",
                                                               "Transpose",
                                                               "Squeeze",
                                                               "Unsqueeze",
                                                               "Flatten",
                                                               "Expand",
                                                               "Concat",
                                                               "Split",
                                                               "Slice",
                                                               "Gather",
                                                               "GatherElements",
                                                               "GatherND",
                                                               "Tile",
                                                               "DepthToSpace",
                                                               "SpaceToDepth",
                                                               "Shape",
                                                               "Size",
                                                               "ConstantOfShape",
                                                               "Constant",
                                                               "DequantizeLinear",
                                                               "Abs",
                                                               "Neg",
                                                               "Relu",
                                                               "ReverseSequence",
                                                               "Trilu",
                                                               "CenterCropPad",
                                                               "Pad"};

// Turn values into indices, counts or flags, on which shapes may come to depend.
constexpr std::array<std::string_view, 23> kValueToStructure = {"Cast",
                                                                "CastLike",
                                                                "ArgMax",
                                                                "ArgMin",
                                                                "TopK",
                                                                "NonZero",
                                                                "Unique",
                                                                "Compress",
                                                                "NonMaxSuppression",
                                                                "QuantizeLinear",
                                                                "DynamicQuantizeLinear",
                                                                "Greater",
                                                                "Less",
                                                                "Equal",
                                                                "GreaterOrEqual",
                                                                "LessOrEqual",
                                                                "Range",
                                                                "IsNaN",
                                                                "IsInf",
                                                                "Multinomial",
                                                                "Bernoulli",
                                                                "BitCast",
                                                                "DynamicSlice"};

constexpr std::array<std::string_view, 7> kRandom = {
    "RandomNormal", "RandomUniform", "RandomNormalLike", "RandomUniformLike",
    "Multinomial",  "Bernoulli",     "Dropout"};

bool Contains(std::span<const std::string_view> list, std::string_view op) {
  return std::ranges::find(list, op) != list.end();
}

// An attribute that brings in float values or asks for a float result.
bool BringsFloats(const Attribute& attribute) {
  if (const auto* tensor = std::get_if<Tensor>(&attribute.value)) return !IsExact(tensor->type);
  if (const auto* number = std::get_if<int64_t>(&attribute.value)) {
    if (attribute.name == "to" || attribute.name == "dtype" || attribute.name == "output_dtype") {
      return !IsExact(static_cast<DataType>(*number));
    }
    return false;
  }
  return std::holds_alternative<float>(attribute.value) ||
         std::holds_alternative<Floats>(attribute.value);
}

bool HasSubgraph(const Node& node) {
  return std::ranges::any_of(node.attributes, [](const Attribute& a) {
    return std::holds_alternative<GraphPtr>(a.value) ||
           std::holds_alternative<OpaqueAttribute>(a.value);
  });
}

}  // namespace

SliceKind DescribeSlice(const Model& model, std::string_view name) {
  const Graph& graph = model.graph;
  std::unordered_map<std::string_view, const Node*> producer;
  for (const Node& node : graph.nodes) {
    for (const std::string& output : node.outputs) producer[output] = &node;
  }
  SliceKind kind;
  bool value_to_structure = false;
  std::set<std::string_view> seen;
  std::vector<std::string_view> open = {name};
  while (!open.empty()) {
    const std::string_view value = open.back();
    open.pop_back();
    if (value.empty() || !seen.insert(value).second) continue;
    const auto made = producer.find(value);
    if (made == producer.end()) {
      const NamedTensor* initializer = graph.FindInitializer(value);
      const ValueInfo* input = graph.FindInput(value);
      const DataType type = initializer != nullptr ? initializer->tensor.type
                            : input != nullptr     ? input->type.type
                                                   : DataType::kUndefined;
      // Strings are moved and compared exactly; what is no dense tensor is not certain.
      if (!IsExact(type) && type != DataType::kString) kind.exact = false;
      if (type == DataType::kUndefined) return {false, false, false};
      continue;
    }
    const Node& node = *made->second;
    if (HasSubgraph(node) || Contains(kRandom, node.op)) return {false, false, false};
    if (std::ranges::any_of(node.attributes, BringsFloats)) kind.exact = false;
    if (!node.domain.empty() || !Contains(kWellConditioned, node.op)) kind.well_conditioned = false;
    if (!node.domain.empty() || Contains(kValueToStructure, node.op)) value_to_structure = true;
    for (const std::string& input : node.inputs) open.push_back(input);
  }
  kind.shape_certain = kind.exact || !value_to_structure;
  return kind;
}

}  // namespace moire
