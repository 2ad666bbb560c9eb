#include "harness/campaign/known.h"

#include <fnmatch.h>
#include <time.h>

#include <array>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <regex>
#include <sstream>

#include "harness/case/case.h"

namespace moire {

Result<KnownFindings> KnownFindings::Read(const std::vector<std::string>& paths) {
  KnownFindings out;
  for (const std::string& path : paths) {
    MOIRE_TRY(std::filesystem::is_directory(path) ? out.ReadDirectory(path)
                                                  : out.ReadListing(path));
  }
  return out;
}

Status KnownFindings::ReadListing(const std::string& path) {
  static const std::regex kLine(
      R"(^\s*(\S+)(?:\s+until\s+(\d{4}-\d{2}-\d{2}))?\s*(?:#\s*(.*))?$)");
  static const std::regex kBlank(R"(^\s*(#.*)?$)");
  MOIRE_ASSIGN(const std::string text, ReadFile(path));
  std::istringstream lines(text);
  std::string line;
  for (int number = 1; std::getline(lines, line); ++number) {
    std::smatch match;
    if (std::regex_match(line, kBlank)) continue;
    if (!std::regex_match(line, match, kLine)) {
      return Fail(ErrorCode::kInvalidInput, "{}:{}: expected CAUSE [until YYYY-MM-DD] [# reason]",
                  path, number);
    }
    KnownEntry entry{match[3], match[2]};
    if (const std::string cause = match[1]; cause.contains('*')) {
      patterns_.emplace_back(cause, std::move(entry));
    } else {
      entries_[cause] = std::move(entry);
    }
  }
  return {};
}

Status KnownFindings::ReadDirectory(const std::string& path) {
  const size_t before = entries_.size();
  std::error_code error;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(path, error)) {
    if (entry.path().filename() != "finding.json") continue;
    MOIRE_ASSIGN(const std::string text, ReadFile(entry.path().string()));
    const auto json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
    if (!json.is_object() || !json.contains("cause") || !json["cause"].is_string()) {
      return Fail(ErrorCode::kInvalidInput, "'{}' names no cause", entry.path().string());
    }
    entries_[json["cause"].get<std::string>()] = {"bundle " + entry.path().parent_path().string(),
                                                  ""};
  }
  if (error) {
    return Fail(ErrorCode::kInvalidInput, "cannot read '{}': {}", path, error.message());
  }
  if (entries_.size() == before) {
    return Fail(ErrorCode::kInvalidInput, "'{}' holds no bundle (no finding.json)", path);
  }
  return {};
}

const KnownEntry* KnownFindings::Find(std::string_view cause, std::string_view today) const {
  const auto holds = [&](const KnownEntry& entry) {
    return entry.expires.empty() || today <= entry.expires;
  };
  if (const auto found = entries_.find(cause); found != entries_.end() && holds(found->second)) {
    return &found->second;
  }
  const std::string name(cause);
  for (const auto& [pattern, entry] : patterns_) {
    if (fnmatch(pattern.c_str(), name.c_str(), FNM_NOESCAPE) == 0 && holds(entry)) return &entry;
  }
  return nullptr;
}

std::string Today() {
  const time_t now = time(nullptr);
  tm parts{};
  gmtime_r(&now, &parts);
  std::array<char, 16> text{};
  strftime(text.data(), text.size(), "%Y-%m-%d", &parts);
  return text.data();
}

}  // namespace moire
