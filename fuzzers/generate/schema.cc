#include "fuzzers/generate/schema.h"

#include <onnx/defs/schema.h>

#include <algorithm>
#include <map>
#include <memory>

#include "harness/case/onnx_proto.h"

namespace moire {
namespace {

int VariableIndex(const onnx::OpSchema& schema, const std::string& type) {
  const auto& constraints = schema.typeConstraintParams();
  for (size_t i = 0; i < constraints.size(); ++i) {
    if (constraints[i].type_param_str == type) return static_cast<int>(i);
  }
  return -1;
}

std::vector<ParameterInfo> Convert(const onnx::OpSchema& schema,
                                   const std::vector<onnx::OpSchema::FormalParameter>& source) {
  std::vector<ParameterInfo> out;
  for (const auto& parameter : source) {
    ParameterInfo info;
    info.name = parameter.GetName();
    info.variable = VariableIndex(schema, parameter.GetTypeStr());
    info.optional = parameter.GetOption() == onnx::OpSchema::Optional;
    info.variadic = parameter.GetOption() == onnx::OpSchema::Variadic;
    if (info.variadic && !parameter.GetIsHomogeneous()) info.variable = -1;
    for (const std::string* type : parameter.GetTypes()) info.AddType(*type);
    out.push_back(std::move(info));
  }
  return out;
}

// Those of the standard, then the contributed one.
constexpr std::string_view kDomains[] = {"", "ai.onnx.ml", kContributedDomain};
constexpr size_t kStandardDomains = 2;

struct Registry {
  struct Domain {
    // By operator, newest first.
    std::map<std::string, std::vector<std::unique_ptr<SchemaInfo>>, std::less<>> schemas;
    int64_t newest = 0;
  };
  std::array<Domain, std::size(kDomains)> domains;

  Registry() {
    for (const onnx::OpSchema& schema : onnx::OpSchemaRegistry::get_all_schemas_with_history()) {
      const auto known = std::ranges::find(kDomains, schema.domain());
      if (known == std::end(kDomains)) continue;
      Domain& domain = domains[static_cast<size_t>(known - kDomains)];
      auto info = std::make_unique<SchemaInfo>();
      info->op = schema.Name();
      info->domain = schema.domain();
      info->since = schema.since_version();
      info->variables = static_cast<int>(schema.typeConstraintParams().size());
      info->function = schema.HasFunction() || schema.HasContextDependentFunction();
      // A deprecated version hides the older ones: kept without outputs.
      if (!schema.Deprecated()) {
        info->inputs = Convert(schema, schema.inputs());
        info->outputs = Convert(schema, schema.outputs());
        for (const auto& [name, attribute] : schema.attributes()) {
          info->attributes.push_back({name, attribute.required});
        }
      }
      domain.newest = std::max(domain.newest, info->since);
      domain.schemas[info->op].push_back(std::move(info));
    }
    for (Domain& domain : domains) {
      for (auto& [name, versions] : domain.schemas) {
        std::ranges::sort(versions,
                          [](const auto& a, const auto& b) { return a->since > b->since; });
      }
    }
  }

  const Domain* Find(std::string_view domain) const {
    const auto known = std::ranges::find(kDomains, domain);
    return known == std::end(kDomains) ? nullptr : &domains[static_cast<size_t>(known - kDomains)];
  }
};

Registry& TheRegistry() {
  static Registry registry;
  return registry;
}

const ParameterInfo* At(const std::vector<ParameterInfo>& parameters, size_t i) {
  if (i < parameters.size()) return &parameters[i];
  return !parameters.empty() && parameters.back().variadic ? &parameters.back() : nullptr;
}

void FillType(Form form, DataType element, const Shape* shape, onnx::TypeProto& out) {
  switch (form) {
    case Form::kOptionalSequence:
      return FillType(Form::kSequence, element, shape,
                      *out.mutable_optional_type()->mutable_elem_type());
    case Form::kOptional:
      return FillType(Form::kTensor, element, shape,
                      *out.mutable_optional_type()->mutable_elem_type());
    case Form::kSequence:
      return FillType(Form::kTensor, element, shape,
                      *out.mutable_sequence_type()->mutable_elem_type());
    case Form::kMaps:
      return FillType(Form::kIntMap, element, shape,
                      *out.mutable_sequence_type()->mutable_elem_type());
    case Form::kIntMap:
    case Form::kStringMap: {
      auto& map = *out.mutable_map_type();
      map.set_key_type(form == Form::kIntMap ? onnx::TensorProto::INT64
                                             : onnx::TensorProto::STRING);
      return FillType(Form::kTensor, element, shape, *map.mutable_value_type());
    }
    case Form::kTensor:
      break;
  }
  onnx::TypeProto::Tensor& tensor = *out.mutable_tensor_type();
  tensor.set_elem_type(static_cast<int32_t>(element));
  if (shape == nullptr) return;
  onnx::TensorShapeProto& dims = *tensor.mutable_shape();
  for (const int64_t dim : *shape) {
    auto& added = *dims.add_dim();
    if (dim >= 0) added.set_dim_value(dim);
  }
}

struct FormWord {
  Form form;
  std::string_view before;
  std::string_view after;
};
constexpr FormWord kFormWords[] = {
    {Form::kOptionalSequence, "optional(seq(", "))"},
    {Form::kOptional, "optional(", ")"},
    {Form::kMaps, "seq(map(int64,", "))"},
    {Form::kIntMap, "map(int64,", ")"},
    {Form::kStringMap, "map(string,", ")"},
    {Form::kSequence, "seq(", ")"},
};

}  // namespace

void ParameterInfo::AddType(std::string_view packed) {
  const auto [form, element] = Unpacked(ParsePacked(packed));
  if (element == DataType::kUndefined) return;
  (form == Form::kTensor ? types : compounds[static_cast<size_t>(form)]) |= Bit(element);
}

DataType ParsePacked(std::string_view type) {
  for (const FormWord& word : kFormWords) {
    if (!type.starts_with(word.before) || !type.ends_with(word.after)) continue;
    type.remove_prefix(word.before.size());
    type.remove_suffix(word.after.size());
    const DataType element = ParseDataType(type);
    return element == DataType::kUndefined ? element : Packed(word.form, element);
  }
  return ParseDataType(type);
}

std::string PackedName(DataType packed) {
  const auto [form, element] = Unpacked(packed);
  for (const FormWord& word : kFormWords) {
    if (word.form == form) return fmt::format("{}{}{}", word.before, Name(element), word.after);
  }
  return std::string(Name(element));
}

ValueType CompoundType(Form form, DataType element, const Shape* shape) {
  onnx::TypeProto type;
  FillType(form, element, shape, type);
  return ValueTypeFromProto(type);
}

OpaqueAttribute TypeAttribute(std::string_view name, Form form, DataType element) {
  onnx::AttributeProto attribute;
  attribute.set_name(std::string(name));
  attribute.set_type(onnx::AttributeProto::TYPE_PROTO);
  FillType(form, element, nullptr, *attribute.mutable_tp());
  return {attribute.SerializeAsString()};
}

DataType ReadTypeAttribute(const OpaqueAttribute& attribute) {
  onnx::AttributeProto proto;
  if (!proto.ParseFromString(attribute.bytes) || !proto.has_tp()) return DataType::kUndefined;
  const onnx::TypeProto* type = &proto.tp();
  Form form = Form::kTensor;
  if (type->has_sequence_type()) {
    form = Form::kSequence;
    type = &type->sequence_type().elem_type();
  }
  if (!type->has_tensor_type()) return DataType::kUndefined;
  return Packed(form, static_cast<DataType>(type->tensor_type().elem_type()));
}

const ParameterInfo* SchemaInfo::Input(size_t i) const { return At(inputs, i); }
const ParameterInfo* SchemaInfo::Output(size_t i) const { return At(outputs, i); }

bool SchemaInfo::HasAttribute(std::string_view name) const {
  return std::ranges::any_of(attributes, [&](const auto& a) { return a.name == name; });
}

const SchemaInfo* FindSchema(std::string_view op, int64_t opset, std::string_view domain) {
  const Registry::Domain* schemas = TheRegistry().Find(domain);
  if (schemas == nullptr) return nullptr;
  const auto found = schemas->schemas.find(op);
  if (found == schemas->schemas.end()) return nullptr;
  for (const auto& version : found->second) {
    if (version->since <= opset) return version->outputs.empty() ? nullptr : version.get();
  }
  return nullptr;
}

void AddContributedSchemas(std::vector<SchemaInfo> schemas) {
  Registry::Domain& domain = TheRegistry().domains.back();
  for (SchemaInfo& schema : schemas) {
    if (schema.domain != kContributedDomain || domain.schemas.contains(schema.op)) continue;
    domain.newest = kContributedOpset;
    schema.since = kContributedOpset;
    auto& versions = domain.schemas[schema.op];
    versions.push_back(std::make_unique<SchemaInfo>(std::move(schema)));
  }
}

std::vector<std::pair<std::string, std::string>> AllOperators() {
  std::vector<std::pair<std::string, std::string>> out;
  for (size_t i = 0; i < kStandardDomains; ++i) {
    for (const auto& [name, versions] : TheRegistry().domains[i].schemas) {
      out.emplace_back(kDomains[i], name);
    }
  }
  return out;
}

int64_t NewestOpset(std::string_view domain) {
  const Registry::Domain* schemas = TheRegistry().Find(domain);
  return schemas == nullptr ? 0 : schemas->newest;
}

}  // namespace moire
