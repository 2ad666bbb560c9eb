#include "harness/campaign/candidate.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "harness/case/case.h"
#include "synth/judge.h"

namespace moire {
namespace {

using Json = nlohmann::json;

// Messages of a runtime may hold bytes that are not UTF-8.
std::string Dump(const Json& json) {
  return json.dump(1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

Status WriteCandidate(const std::string& directory, const std::string& name,
                      const Candidate& candidate) {
  MOIRE_TRY(WriteFile(directory + "/" + name + ".case", candidate.case_bytes));
  const Json json = {{"verdict", VerdictToJson(candidate.verdict)},
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
    out.verdict = VerdictFromJson(json.at("verdict"));
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
