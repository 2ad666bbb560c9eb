// onnx.GraphProto, NodeProto, AttributeProto, TypeProto <-> the structs of model.h. What the structs
// do not take apart stays in the proto, which is kept in `extra`, and is written back from there.
#include "harness/case/onnx_proto.h"

namespace moire {
namespace {

constexpr int kMaxDepth = 32;  // nested subgraphs; protobuf itself stops at 100 messages

bool IsPlainTensor(const onnx::TypeProto& type) {
  return type.value_case() == onnx::TypeProto::kTensorType && !type.has_denotation();
}

ValueInfo ValueInfoFromProto(const onnx::ValueInfoProto& source) {
  ValueInfo out{source.name(), {}};
  if (source.has_type()) out.type = ValueTypeFromProto(source.type());
  return out;
}

void ValueInfoToProto(const ValueInfo& source, onnx::ValueInfoProto& target) {
  target.set_name(source.name);
  if (source.type != ValueType{}) ValueTypeToProto(source.type, *target.mutable_type());
}

Result<Attribute> AttributeFromProto(onnx::AttributeProto& source, int depth) {
  Attribute out{source.name(), OpaqueAttribute{}, {}};
  if (source.has_ref_attr_name()) {
    out.value = OpaqueAttribute{source.SerializeAsString()};
    return out;
  }
  switch (source.type()) {
    case onnx::AttributeProto::INT: out.value = source.i(); break;
    case onnx::AttributeProto::FLOAT: out.value = source.f(); break;
    case onnx::AttributeProto::STRING: out.value = source.s(); break;
    case onnx::AttributeProto::INTS:
      out.value = Ints(source.ints().begin(), source.ints().end());
      break;
    case onnx::AttributeProto::FLOATS:
      out.value = Floats(source.floats().begin(), source.floats().end());
      break;
    case onnx::AttributeProto::STRINGS:
      out.value = Strings(source.strings().begin(), source.strings().end());
      break;
    case onnx::AttributeProto::TENSOR: {
      auto tensor = TensorFromProto(source.t());
      if (!tensor) return std::unexpected(std::move(tensor).error());
      out.value = std::move(tensor->tensor);
      out.tensor_name = std::move(tensor->name);
      break;
    }
    case onnx::AttributeProto::GRAPH: {
      auto graph = GraphFromProto(*source.mutable_g(), depth + 1);
      if (!graph) return std::unexpected(std::move(graph).error());
      out.value = std::make_shared<const Graph>(std::move(*graph));
      break;
    }
    default: out.value = OpaqueAttribute{source.SerializeAsString()}; break;
  }
  return out;
}

void AttributeToProto(const Attribute& source, onnx::AttributeProto& target) {
  if (const auto* opaque = std::get_if<OpaqueAttribute>(&source.value)) {
    target.ParseFromString(opaque->bytes);
    target.set_name(source.name);
    return;
  }
  target.set_name(source.name);
  struct Writer {
    onnx::AttributeProto& target;
    const std::string& tensor_name;
    void operator()(int64_t v) const {
      target.set_type(onnx::AttributeProto::INT);
      target.set_i(v);
    }
    void operator()(float v) const {
      target.set_type(onnx::AttributeProto::FLOAT);
      target.set_f(v);
    }
    void operator()(const std::string& v) const {
      target.set_type(onnx::AttributeProto::STRING);
      target.set_s(v);
    }
    void operator()(const Tensor& v) const {
      target.set_type(onnx::AttributeProto::TENSOR);
      TensorToProto({tensor_name, v}, *target.mutable_t());
    }
    void operator()(const GraphPtr& v) const {
      target.set_type(onnx::AttributeProto::GRAPH);
      GraphToProto(*v, *target.mutable_g());
    }
    void operator()(const Ints& v) const {
      target.set_type(onnx::AttributeProto::INTS);
      target.mutable_ints()->Add(v.begin(), v.end());
    }
    void operator()(const Floats& v) const {
      target.set_type(onnx::AttributeProto::FLOATS);
      target.mutable_floats()->Add(v.begin(), v.end());
    }
    void operator()(const Strings& v) const {
      target.set_type(onnx::AttributeProto::STRINGS);
      for (const std::string& text : v) target.add_strings(text);
    }
    void operator()(const OpaqueAttribute&) const {}
  };
  std::visit(Writer{target, source.tensor_name}, source.value);
}

Result<Node> NodeFromProto(onnx::NodeProto& source, int depth) {
  Node out;
  out.op = std::move(*source.mutable_op_type());
  out.domain = source.domain() == "ai.onnx" ? "" : source.domain();
  out.inputs.assign(source.input().begin(), source.input().end());
  out.outputs.assign(source.output().begin(), source.output().end());
  out.name = source.name();
  out.overload = source.overload();
  out.attributes.reserve(static_cast<size_t>(source.attribute_size()));
  for (onnx::AttributeProto& attribute : *source.mutable_attribute()) {
    auto converted = AttributeFromProto(attribute, depth);
    if (!converted) {
      return std::unexpected(std::move(converted).error().With(
          fmt::format("{} '{}', attribute '{}'", out.op, out.name, attribute.name())));
    }
    out.attributes.push_back(std::move(*converted));
  }
  if (source.has_doc_string() || source.metadata_props_size() > 0 ||
      source.device_configurations_size() > 0) {
    source.clear_input();
    source.clear_output();
    source.clear_name();
    source.clear_op_type();
    source.clear_domain();
    source.clear_overload();
    source.clear_attribute();
    out.extra = source.SerializeAsString();
  }
  return out;
}

void NodeToProto(const Node& source, onnx::NodeProto& target) {
  if (!source.extra.empty()) target.ParseFromString(source.extra);
  target.set_op_type(source.op);
  if (!source.domain.empty()) target.set_domain(source.domain);
  if (!source.name.empty()) target.set_name(source.name);
  if (!source.overload.empty()) target.set_overload(source.overload);
  for (const std::string& input : source.inputs) target.add_input(input);
  for (const std::string& output : source.outputs) target.add_output(output);
  for (const Attribute& attribute : source.attributes) {
    AttributeToProto(attribute, *target.add_attribute());
  }
}

}  // namespace

ValueType ValueTypeFromProto(const onnx::TypeProto& source) {
  ValueType out;
  if (!IsPlainTensor(source)) {
    out.opaque = source.SerializeAsString();
    return out;
  }
  const onnx::TypeProto::Tensor& tensor = source.tensor_type();
  out.type = static_cast<DataType>(tensor.elem_type());
  if (!tensor.has_shape()) return out;
  out.dims.emplace();
  out.dims->reserve(static_cast<size_t>(tensor.shape().dim_size()));
  for (const auto& dim : tensor.shape().dim()) {
    Dim converted;
    if (dim.has_dim_value()) converted.size = dim.dim_value();
    if (dim.has_dim_param()) converted.symbol = dim.dim_param();
    out.dims->push_back(std::move(converted));
  }
  return out;
}

void ValueTypeToProto(const ValueType& source, onnx::TypeProto& target) {
  if (!source.opaque.empty()) {
    target.ParseFromString(source.opaque);
    return;
  }
  onnx::TypeProto::Tensor& tensor = *target.mutable_tensor_type();
  tensor.set_elem_type(static_cast<int32_t>(source.type));
  if (!source.dims) return;
  onnx::TensorShapeProto& shape = *tensor.mutable_shape();
  for (const Dim& dim : *source.dims) {
    auto& converted = *shape.add_dim();
    if (dim.size) {
      converted.set_dim_value(*dim.size);
    } else if (!dim.symbol.empty()) {
      converted.set_dim_param(dim.symbol);
    }
  }
}

Result<Graph> GraphFromProto(onnx::GraphProto& source, int depth) {
  if (depth > kMaxDepth) {
    return Fail(ErrorCode::kInvalidInput, "subgraphs nested more than {} deep", kMaxDepth);
  }
  Graph out;
  out.name = source.name();
  out.nodes.reserve(static_cast<size_t>(source.node_size()));
  for (onnx::NodeProto& node : *source.mutable_node()) {
    auto converted = NodeFromProto(node, depth);
    if (!converted) return std::unexpected(std::move(converted).error());
    out.nodes.push_back(std::move(*converted));
  }
  for (const auto& value : source.input()) out.inputs.push_back(ValueInfoFromProto(value));
  for (const auto& value : source.output()) out.outputs.push_back(ValueInfoFromProto(value));
  for (const auto& value : source.value_info()) out.value_info.push_back(ValueInfoFromProto(value));
  for (const auto& tensor : source.initializer()) {
    auto converted = TensorFromProto(tensor);
    if (!converted) return std::unexpected(std::move(converted).error().With("initializer"));
    out.initializers.push_back(std::move(*converted));
  }
  if (source.has_doc_string() || source.sparse_initializer_size() > 0 ||
      source.quantization_annotation_size() > 0 || source.metadata_props_size() > 0) {
    source.clear_node();
    source.clear_name();
    source.clear_input();
    source.clear_output();
    source.clear_value_info();
    source.clear_initializer();
    out.extra = source.SerializeAsString();
  }
  return out;
}

void GraphToProto(const Graph& source, onnx::GraphProto& target) {
  if (!source.extra.empty()) target.ParseFromString(source.extra);
  target.set_name(source.name);
  for (const Node& node : source.nodes) NodeToProto(node, *target.add_node());
  for (const ValueInfo& value : source.inputs) ValueInfoToProto(value, *target.add_input());
  for (const ValueInfo& value : source.outputs) ValueInfoToProto(value, *target.add_output());
  for (const ValueInfo& value : source.value_info) {
    ValueInfoToProto(value, *target.add_value_info());
  }
  for (const NamedTensor& tensor : source.initializers) {
    TensorToProto(tensor, *target.add_initializer());
  }
}

}  // namespace moire
