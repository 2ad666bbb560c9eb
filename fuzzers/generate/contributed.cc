#include "fuzzers/generate/contributed.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace moire {
namespace {

using Json = nlohmann::json;

// Parameters by the name of their type: equal names are one type variable. A plain type, such as
// "tensor(float)", is none.
std::vector<ParameterInfo> Parameters(const Json& list, std::vector<std::string>& variables) {
  std::vector<ParameterInfo> out;
  for (const Json& item : list) {
    ParameterInfo info;
    info.name = item.at("name").get<std::string>();
    info.optional = item.at("option").get<std::string>() == "optional";
    info.variadic = item.at("option").get<std::string>() == "variadic";
    const auto type = item.at("type").get<std::string>();
    if (type.find('(') == std::string::npos && !(info.variadic && !item.at("homogeneous"))) {
      auto known = std::ranges::find(variables, type);
      if (known == variables.end()) known = variables.insert(known, type);
      info.variable = static_cast<int>(known - variables.begin());
    }
    for (const Json& name : item.at("types")) info.AddType(name.get<std::string>());
    out.push_back(std::move(info));
  }
  return out;
}

// What the generator keeps of one node's type variables has this much room.
constexpr size_t kMaxVariables = 8;

}  // namespace

Result<std::vector<SchemaInfo>> ParseSchemaList(std::string_view json, std::string_view domain) {
  std::vector<SchemaInfo> out;
  try {
    for (const Json& item : Json::parse(json).at("schemas")) {
      if (item.at("domain").get<std::string>() != domain) continue;
      SchemaInfo info;
      info.op = item.at("op").get<std::string>();
      info.domain = domain;
      info.since = item.at("since").get<int64_t>();
      std::vector<std::string> variables;
      info.inputs = Parameters(item.at("inputs"), variables);
      info.outputs = Parameters(item.at("outputs"), variables);
      for (const Json& attribute : item.at("attributes")) {
        info.attributes.push_back(
            {attribute.at("name").get<std::string>(), attribute.at("required").get<bool>()});
      }
      info.variables = static_cast<int>(variables.size());
      if (variables.size() <= kMaxVariables) out.push_back(std::move(info));
    }
  } catch (const Json::exception& error) {
    return Fail(ErrorCode::kInvalidInput, "not a list of schemas: {}", error.what());
  }
  if (out.empty()) {
    return Fail(ErrorCode::kInvalidInput, "the backend lists no operators of '{}'", domain);
  }
  return out;
}

}  // namespace moire
