#include "harness/case/onnx_function.h"

#include <onnx/defs/schema.h>

#include <exception>
#include <map>
#include <set>

#include "harness/case/onnx_proto.h"

namespace moire {
namespace {

using AttributeMap = std::map<std::string, onnx::AttributeProto>;

// Puts values in the place of references to the function's attributes; a reference to one that has
// no value goes away. Names of omitted inputs become empty.
void Bind(google::protobuf::RepeatedPtrField<onnx::NodeProto>& nodes,
          const AttributeMap& attributes, const std::set<std::string>& omitted) {
  for (onnx::NodeProto& node : nodes) {
    for (std::string& input : *node.mutable_input()) {
      if (omitted.contains(input)) input.clear();
    }
    for (int i = node.attribute_size(); i-- > 0;) {
      onnx::AttributeProto& attribute = *node.mutable_attribute(i);
      if (attribute.has_g()) Bind(*attribute.mutable_g()->mutable_node(), attributes, omitted);
      if (attribute.ref_attr_name().empty()) continue;
      const auto found = attributes.find(attribute.ref_attr_name());
      if (found == attributes.end()) {
        node.mutable_attribute()->DeleteSubrange(i, 1);
        continue;
      }
      const std::string name = attribute.name();
      attribute = found->second;
      attribute.set_name(name);
    }
  }
}

void AddAttributes(const google::protobuf::RepeatedPtrField<onnx::AttributeProto>& from,
                   AttributeMap& to) {
  for (const onnx::AttributeProto& attribute : from) to[attribute.name()] = attribute;
}

AttributeMap Attributes(const onnx::OpSchema& schema, const onnx::FunctionProto& function,
                        const onnx::NodeProto& node) {
  AttributeMap out;
  for (const auto& [name, declared] : schema.attributes()) {
    if (!declared.default_value.name().empty()) out[name] = declared.default_value;
  }
  AddAttributes(function.attribute_proto(), out);
  AddAttributes(node.attribute(), out);
  return out;
}

bool FindBody(const onnx::OpSchema& schema, const onnx::NodeProto& node, int opset,
              const std::vector<onnx::TypeProto>& types, onnx::FunctionProto& out) {
  if (const onnx::FunctionProto* function = schema.GetFunction(opset)) {
    out = *function;
    return true;
  }
  if (!schema.HasContextDependentFunction()) return false;
  const onnx::FunctionBodyBuildContextImpl context(node, types);
  return schema.BuildContextDependentFunction(context, out, opset);
}

// The graph of a function body with the node's inputs and outputs, and the attributes put in. Takes
// the nodes out of `function`.
Result<FunctionBody> Assemble(const Node& node, onnx::FunctionProto& function,
                              const AttributeMap& attributes) {
  if (static_cast<int>(node.inputs.size()) > function.input_size() ||
      static_cast<int>(node.outputs.size()) > function.output_size()) {
    return Fail(ErrorCode::kNotFound, "the body of {} takes fewer values", node.op);
  }
  onnx::GraphProto graph;
  graph.set_name(node.op);
  std::set<std::string> omitted;
  for (int i = 0; i < function.input_size(); ++i) {
    const auto k = static_cast<size_t>(i);
    if (k < node.inputs.size() && !node.inputs[k].empty()) {
      graph.add_input()->set_name(function.input(i));
    } else {
      omitted.insert(function.input(i));
    }
  }
  for (size_t k = 0; k < node.outputs.size(); ++k) {
    if (node.outputs[k].empty()) continue;
    graph.add_output()->set_name(function.output(static_cast<int>(k)));
  }
  graph.mutable_node()->Swap(function.mutable_node());
  Bind(*graph.mutable_node(), attributes, omitted);
  FunctionBody out;
  for (const onnx::OperatorSetIdProto& import : function.opset_import()) {
    out.opsets.push_back({import.domain(), import.version()});
  }
  MOIRE_ASSIGN(out.graph, GraphFromProto(graph, 0));
  return out;
}

Result<FunctionBody> Expand(const Node& node, int64_t opset, std::span<const ValueType> inputs) {
  const onnx::OpSchema* schema =
      onnx::OpSchemaRegistry::Schema(node.op, static_cast<int>(opset), node.domain);
  if (schema == nullptr) return Fail(ErrorCode::kNotFound, "no schema of {}", node.op);
  Graph single;
  single.nodes.push_back(node);
  onnx::GraphProto wrapped;
  GraphToProto(single, wrapped);
  const onnx::NodeProto& proto = wrapped.node(0);
  std::vector<onnx::TypeProto> types(inputs.size());
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i] != ValueType{}) ValueTypeToProto(inputs[i], types[i]);
  }
  onnx::FunctionProto function;
  if (!FindBody(*schema, proto, static_cast<int>(opset), types, function)) {
    return Fail(ErrorCode::kNotFound, "{} has no function body", node.op);
  }
  return Assemble(node, function, Attributes(*schema, function, proto));
}

// The body of a function that the model brings along.
Result<FunctionBody> ExpandLocal(const Node& node, const std::string& model_extra) {
  onnx::ModelProto model;
  if (!model.ParseFromString(model_extra)) {
    return Fail(ErrorCode::kInvalidInput, "the model's functions cannot be read");
  }
  for (onnx::FunctionProto& function : *model.mutable_functions()) {
    if (function.name() != node.op || function.domain() != node.domain ||
        function.overload() != node.overload) {
      continue;
    }
    Graph single;
    single.nodes.push_back(node);
    onnx::GraphProto wrapped;
    GraphToProto(single, wrapped);
    AttributeMap attributes;
    AddAttributes(function.attribute_proto(), attributes);
    AddAttributes(wrapped.node(0).attribute(), attributes);
    return Assemble(node, function, attributes);
  }
  return Fail(ErrorCode::kNotFound, "the model has no function {}.{}", node.domain, node.op);
}

template <typename Function>
Result<FunctionBody> Guarded(const Node& node, const Function& function) {
  try {
    return function();
  } catch (const std::exception& error) {
    return Fail(ErrorCode::kNotFound, "{}: {}", node.op, error.what());
  } catch (...) {
    return Fail(ErrorCode::kInternal, "the ONNX library threw something unknown");
  }
}

}  // namespace

Result<FunctionBody> ExpandFunction(const Node& node, int64_t opset,
                                    std::span<const ValueType> inputs) {
  return Guarded(node, [&] { return Expand(node, opset, inputs); });
}

Result<FunctionBody> ExpandLocalFunction(const Node& node, const Model& model) {
  if (model.extra.empty()) return Fail(ErrorCode::kNotFound, "the model has no functions");
  return Guarded(node, [&] { return ExpandLocal(node, model.extra); });
}

}  // namespace moire
