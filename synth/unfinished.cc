#include "synth/unfinished.h"

#include <filesystem>
#include <nlohmann/json.hpp>

namespace moire {
namespace {

namespace fs = std::filesystem;

constexpr int kFormat = 1;
constexpr std::chrono::seconds kBetweenBests{1};
constexpr std::string_view kRequestFile = "reduction.json";
constexpr std::string_view kJournalFile = "journal.bin";
constexpr std::string_view kBestFile = "best.case";
constexpr std::string_view kExperienceFile = "experience.txt";

std::string At(const std::string& directory, std::string_view name) {
  return (fs::path(directory) / name).string();
}

nlohmann::json ToJson(const ReduceRequest& r) {
  return {{"format", kFormat},
          {"path", r.path},
          {"name", r.name},
          {"key", r.key},
          {"seed", r.seed},
          {"out", r.out},
          {"backends", r.backends},
          {"check", r.check},
          {"check_regex", r.check_regex},
          {"check_code", r.check_code},
          {"check_seconds", r.check_seconds},
          {"only", r.only},
          {"skip", r.skip},
          {"search", r.search},
          {"max_checks", r.max_checks},
          {"bundle", r.bundle}};
}

Result<ReduceRequest> FromJson(const std::string& text, const std::string& path) {
  ReduceRequest r;
  try {
    const nlohmann::json json = nlohmann::json::parse(text);
    if (json.at("format").get<int>() != kFormat) {
      return Fail(ErrorCode::kInvalidInput, "{}: of another version of Moire", path);
    }
    json.at("path").get_to(r.path);
    json.at("name").get_to(r.name);
    json.at("key").get_to(r.key);
    json.at("seed").get_to(r.seed);
    json.at("out").get_to(r.out);
    json.at("backends").get_to(r.backends);
    json.at("check").get_to(r.check);
    json.at("check_regex").get_to(r.check_regex);
    json.at("check_code").get_to(r.check_code);
    json.at("check_seconds").get_to(r.check_seconds);
    json.at("only").get_to(r.only);
    json.at("skip").get_to(r.skip);
    json.at("search").get_to(r.search);
    json.at("max_checks").get_to(r.max_checks);
    json.at("bundle").get_to(r.bundle);
  } catch (const nlohmann::json::exception& error) {
    return Fail(ErrorCode::kInvalidInput, "{}: {}", path, error.what());
  }
  return r;
}

Status WriteRequest(const std::string& directory, const ReduceRequest& request) {
  // A path may hold bytes that are no UTF-8.
  return WriteFile(
      At(directory, kRequestFile),
      ToJson(request).dump(1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
}

}  // namespace

std::string Unfinished::DirectoryOf(const std::string& out) { return At(out, "unfinished"); }

Status Unfinished::Begin(const ReduceRequest& request) {
  request_ = request;
  directory_ = DirectoryOf(request.out);
  std::error_code failed;
  fs::remove_all(directory_, failed);
  fs::create_directories(directory_, failed);
  if (failed) {
    return Fail(ErrorCode::kEnvironment, "cannot make '{}': {}", directory_, failed.message());
  }
  fs::copy_file(At(request.out, kExperienceFile), experience(), failed);  // if there is any
  MOIRE_TRY(WriteRequest(directory_, request_));
  return journal_.Open(At(directory_, kJournalFile));
}

std::string Unfinished::experience() const { return At(directory_, kExperienceFile); }

Status Unfinished::Resume(const std::string& out) {
  std::error_code ignored;
  directory_ = fs::exists(At(out, kRequestFile), ignored) ? out : DirectoryOf(out);
  const std::string path = At(directory_, kRequestFile);
  if (!fs::exists(path, ignored)) {
    return Fail(ErrorCode::kNotFound, "{}: no unfinished reduction is here", out);
  }
  MOIRE_ASSIGN(const std::string text, ReadFile(path));
  MOIRE_ASSIGN(request_, FromJson(text, path));
  MOIRE_TRY(journal_.Open(At(directory_, kJournalFile)));
  if (request_.bundle.empty()) return {};
  // The bundle of the best so far would stand in the way of the final one.
  fs::remove_all(request_.bundle, ignored);
  request_.bundle.clear();
  return WriteRequest(directory_, request_);
}

void Unfinished::KeepBest(const Case& best) {
  const auto now = std::chrono::steady_clock::now();
  if (last_best_ && now - *last_best_ < kBetweenBests) return;
  last_best_ = now;
  // The journal is what counts; without this file only the look at it is lost.
  (void)WriteFile(At(directory_, kBestFile), SerializeCase(best));
}

Status Unfinished::Interrupted(const std::string& bundle) {
  request_.bundle = bundle;
  return WriteRequest(directory_, request_);
}

void Unfinished::End() {
  std::error_code ignored;
  fs::copy_file(experience(), At(request_.out, kExperienceFile),
                fs::copy_options::overwrite_existing, ignored);
  Drop();
}

void Unfinished::Drop() {
  std::error_code ignored;
  fs::remove_all(directory_, ignored);
  fs::remove(request_.out, ignored);  // where it is empty
}

}  // namespace moire
