#include "harness/campaign/worker_config.h"

#include <nlohmann/json.hpp>

namespace moire {

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(WorkerConfig, specs, feedback, seed, first_case,
                                                cases, min_nodes, max_nodes, whole_standard,
                                                schemas, value_search, worker, directory,
                                                state, stats, journal, rerun,
                                                rerun_corpus, abort_on_bug)

std::string ToJson(const WorkerConfig& config) { return nlohmann::json(config).dump(1); }

Result<WorkerConfig> WorkerConfigFromJson(std::string_view json) {
  try {
    return nlohmann::json::parse(json).get<WorkerConfig>();
  } catch (const nlohmann::json::exception& error) {
    return Fail(ErrorCode::kInvalidInput, "worker configuration: {}", error.what());
  }
}

std::string CorpusDirectory(const std::string& out) { return out + "/corpus"; }
std::string InboxDirectory(const std::string& out) { return out + "/inbox"; }
std::string LearnedFile(const std::string& out) { return out + "/learned.txt"; }
std::string RulesFile(const std::string& out) { return out + "/rules.json"; }
std::string BlocksFile(const std::string& out) { return out + "/blocks.bin"; }
std::string MalformedFile(const std::string& out) { return out + "/malformed.bin"; }

}  // namespace moire
