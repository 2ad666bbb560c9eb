#include "fuzzers/generate/schema.h"

#include <onnx/defs/schema.h>

#include <algorithm>
#include <map>
#include <memory>

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
    for (const std::string* type : parameter.GetTypes()) {
      const DataType parsed = ParseDataType(*type);
      if (parsed != DataType::kUndefined) info.types |= Bit(parsed);
    }
    out.push_back(std::move(info));
  }
  return out;
}

struct Registry {
  // By operator, newest first.
  std::map<std::string, std::vector<std::unique_ptr<SchemaInfo>>, std::less<>> schemas;
  int64_t newest = 0;

  Registry() {
    for (const onnx::OpSchema& schema : onnx::OpSchemaRegistry::get_all_schemas_with_history()) {
      if (schema.domain() != onnx::ONNX_DOMAIN) continue;
      auto info = std::make_unique<SchemaInfo>();
      info->op = schema.Name();
      info->since = schema.since_version();
      info->variables = static_cast<int>(schema.typeConstraintParams().size());
      // A deprecated version hides the older ones: kept without outputs.
      if (!schema.Deprecated()) {
        info->inputs = Convert(schema, schema.inputs());
        info->outputs = Convert(schema, schema.outputs());
        for (const auto& [name, attribute] : schema.attributes()) {
          info->attributes.push_back({name, attribute.required});
        }
      }
      newest = std::max(newest, info->since);
      schemas[info->op].push_back(std::move(info));
    }
    for (auto& [name, versions] : schemas) {
      std::ranges::sort(versions, [](const auto& a, const auto& b) { return a->since > b->since; });
    }
  }
};

const Registry& TheRegistry() {
  static const Registry registry;
  return registry;
}

const ParameterInfo* At(const std::vector<ParameterInfo>& parameters, size_t i) {
  if (i < parameters.size()) return &parameters[i];
  return !parameters.empty() && parameters.back().variadic ? &parameters.back() : nullptr;
}

}  // namespace

const ParameterInfo* SchemaInfo::Input(size_t i) const { return At(inputs, i); }
const ParameterInfo* SchemaInfo::Output(size_t i) const { return At(outputs, i); }

bool SchemaInfo::HasAttribute(std::string_view name) const {
  return std::ranges::any_of(attributes, [&](const auto& a) { return a.name == name; });
}

const SchemaInfo* FindSchema(std::string_view op, int64_t opset) {
  const auto found = TheRegistry().schemas.find(op);
  if (found == TheRegistry().schemas.end()) return nullptr;
  for (const auto& version : found->second) {
    if (version->since <= opset) return version->outputs.empty() ? nullptr : version.get();
  }
  return nullptr;
}

int64_t NewestOpset() { return TheRegistry().newest; }

}  // namespace moire
