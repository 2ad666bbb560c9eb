#include "harness/campaign/candidate.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "harness/case/case.h"

namespace moire {
namespace {

using Json = nlohmann::json;

Json ToJson(const Verdict& v) {
  return {{"kind", Name(v.kind)},      {"oracle", v.oracle},
          {"configuration", v.configuration}, {"against", v.against},
          {"severity", std::min(v.severity, 1e308)}, {"reason", v.reason},
          {"error_class", v.error_class},     {"output", v.output},
          {"element", v.element},      {"expected", v.expected},
          {"actual", v.actual}};
}

Verdict FromJson(const Json& json) {
  Verdict v;
  v.kind = ParseVerdictKind(json.at("kind").get<std::string>());
  v.oracle = json.at("oracle");
  v.configuration = json.at("configuration");
  v.against = json.at("against");
  v.severity = json.at("severity");
  v.reason = json.at("reason");
  v.error_class = json.at("error_class");
  v.output = json.at("output");
  v.element = json.at("element");
  v.expected = json.at("expected");
  v.actual = json.at("actual");
  return v;
}

// Messages of a runtime may hold bytes that are not UTF-8.
std::string Dump(const Json& json) {
  return json.dump(1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

std::string VerdictToJson(const Verdict& verdict) { return Dump(ToJson(verdict)); }

Result<Verdict> VerdictFromJson(std::string_view json) {
  try {
    return FromJson(Json::parse(json));
  } catch (const Json::exception& error) {
    return Fail(ErrorCode::kInvalidInput, "verdict: {}", error.what());
  }
}

Status WriteCandidate(const std::string& directory, const std::string& name,
                      const Candidate& candidate) {
  MOIRE_TRY(WriteFile(directory + "/" + name + ".case", candidate.case_bytes));
  const Json json = {{"verdict", ToJson(candidate.verdict)},
                     {"symptom", candidate.symptom},
                     {"group", candidate.group},
                     {"worker", candidate.worker},
                     {"sightings", candidate.sightings},
                     {"ours", candidate.ours}};
  return WriteFile(directory + "/" + name + ".json", Dump(json));
}

Result<Candidate> ReadCandidate(const std::string& directory, const std::string& name) {
  Candidate out;
  MOIRE_ASSIGN(out.case_bytes, ReadFile(directory + "/" + name + ".case"));
  MOIRE_ASSIGN(const std::string text, ReadFile(directory + "/" + name + ".json"));
  try {
    const Json json = Json::parse(text);
    out.verdict = FromJson(json.at("verdict"));
    out.symptom = json.at("symptom");
    out.group = json.at("group");
    out.worker = json.at("worker");
    out.sightings = json.at("sightings");
    out.ours = json.at("ours");
  } catch (const Json::exception& error) {
    return Fail(ErrorCode::kInvalidInput, "candidate '{}': {}", name, error.what());
  }
  return out;
}

void RemoveCandidate(const std::string& directory, const std::string& name) {
  std::error_code ignored;
  std::filesystem::remove(directory + "/" + name + ".json", ignored);
  std::filesystem::remove(directory + "/" + name + ".case", ignored);
}

std::vector<std::string> ListCandidates(const std::string& directory) {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(directory, error)) {
    if (entry.path().extension() == ".json") names.push_back(entry.path().stem().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace moire
