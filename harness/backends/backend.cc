// Names of outcomes, the SPEC grammar and the way from a SPEC to its backend. Knows no backend.
#include "harness/backends/backend.h"

#include <algorithm>
#include <utility>

#include "harness/backends/resaved.h"
#include "harness/backends/spec.h"

namespace moire {
namespace {

// The one backend so far whose libraries can be told from others by nothing but their path.
constexpr std::string_view kPathBackend = "ort";

bool IsKey(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  });
}

// Where the settings begin (the ':' itself); npos when there are none.
size_t SettingsColon(std::string_view spec) {
  for (size_t colon = spec.find(':'); colon != spec.npos; colon = spec.find(':', colon + 1)) {
    const std::string_view rest = spec.substr(colon + 1);
    const size_t equals = rest.find('=');
    if (equals != rest.npos && IsKey(rest.substr(0, equals))) return colon;
  }
  const size_t last = spec.rfind(':');
  return last != spec.npos && spec.find('/', last) == spec.npos ? last : spec.npos;
}

bool IsLibraryPath(std::string_view head) {
  const std::string_view before_at = head.substr(0, head.find('@'));
  return before_at.find('/') != before_at.npos || before_at.ends_with(".so") ||
         before_at.find(".so.") != before_at.npos;
}

// Takes resaved=1 out of the settings, which the backend need not know.
bool TakeResaved(std::string& settings) {
  const std::string item = std::string(kResavedSetting) + "=1";
  for (size_t start = 0; start < settings.size();) {
    const size_t end = std::min(settings.find(',', start), settings.size());
    if (settings.substr(start, end - start) == item) {
      // With the comma behind it, or the one before it.
      const size_t from = end == settings.size() && start > 0 ? start - 1 : start;
      settings.erase(from, std::min(end + 1, settings.size()) - from);
      return true;
    }
    start = end + 1;
  }
  return false;
}

}  // namespace

std::string_view Name(Outcome outcome) {
  switch (outcome) {
    case Outcome::kOutputs:
      return "outputs";
    case Outcome::kRejected:
      return "rejected";
    case Outcome::kUnsupported:
      return "unsupported";
    case Outcome::kCrashed:
      return "crashed";
    case Outcome::kTimedOut:
      return "timed out";
    case Outcome::kOutOfMemory:
      return "out of memory";
  }
  return "unknown";
}

std::string JoinNames(std::span<const std::string_view> names, std::string_view separator) {
  std::string joined;
  for (std::string_view name : names) {
    if (!joined.empty()) joined += separator;
    joined += name;
  }
  return joined;
}

Result<BackendSpec> ParseSpec(std::string_view spec, std::string_view path_backend) {
  BackendSpec parsed;
  const size_t colon = SettingsColon(spec);
  const std::string_view head = spec.substr(0, colon);
  if (colon != spec.npos) parsed.settings = spec.substr(colon + 1);
  if (colon != spec.npos && parsed.settings.empty()) {
    return Fail(ErrorCode::kInvalidInput, "backend '{}': nothing follows the ':'", spec);
  }
  if (IsLibraryPath(head)) {
    parsed.name = path_backend;
    // A bare file name is a path too, and dlopen must not search for it.
    parsed.target = head.find('/') == head.npos ? "./" + std::string(head) : std::string(head);
    return parsed;
  }
  const size_t at = head.find('@');
  parsed.name = head.substr(0, at);
  if (at != head.npos) parsed.target = head.substr(at + 1);
  if (parsed.name.empty()) {
    return Fail(ErrorCode::kInvalidInput,
                "backend '{}': no name; write NAME[@VERSION][:key=value,...]", spec);
  }
  if (at != head.npos && parsed.target.empty()) {
    return Fail(ErrorCode::kInvalidInput, "backend '{}': no version or path after the '@'", spec);
  }
  return parsed;
}

Result<std::vector<Setting>> ParseSettings(std::string_view settings) {
  std::vector<Setting> parsed;
  while (!settings.empty()) {
    const size_t comma = settings.find(',');
    const std::string_view item = settings.substr(0, comma);
    settings = comma == settings.npos ? std::string_view() : settings.substr(comma + 1);
    const size_t equals = item.find('=');
    if (equals == item.npos || equals == 0) {
      return Fail(ErrorCode::kInvalidInput, "setting '{}' is not of the form key=value", item);
    }
    const std::string_view key = item.substr(0, equals);
    if (std::ranges::any_of(parsed, [&](const Setting& other) { return other.key == key; })) {
      return Fail(ErrorCode::kInvalidInput, "setting '{}' is given twice", key);
    }
    parsed.push_back({std::string(key), std::string(item.substr(equals + 1))});
  }
  return parsed;
}

Result<std::vector<std::unique_ptr<Configuration>>> OpenConfigurationsFrom(
    std::span<const BackendEntry> registry, std::string_view spec) {
  MOIRE_ASSIGN(BackendSpec parsed, ParseSpec(spec, kPathBackend));
  const bool resaved = TakeResaved(parsed.settings);
  const auto entry = std::ranges::find(registry, parsed.name, &BackendEntry::name);
  if (entry == registry.end()) {
    std::vector<std::string_view> names;
    for (const BackendEntry& row : registry) names.push_back(row.name);
    return Fail(ErrorCode::kNotFound, "there is no backend '{}'; the backends are: {}", parsed.name,
                JoinNames(names));
  }
  auto opened = entry->open(parsed.target, parsed.settings);
  if (!opened)
    return std::unexpected(std::move(opened).error().With(fmt::format("backend '{}'", spec)));
  if (resaved) {
    for (auto& configuration : *opened) configuration = MakeResaved(std::move(configuration));
  }
  return opened;
}

Result<std::string> ListBackendSchemas(std::string_view spec) {
  MOIRE_ASSIGN(const BackendSpec parsed, ParseSpec(spec, kPathBackend));
  for (const BackendEntry& entry : BackendRegistry()) {
    if (entry.name == parsed.name && entry.schemas != nullptr) return entry.schemas(parsed.target);
  }
  return Fail(ErrorCode::kInvalidInput, "backend '{}' lists no operators of its own", parsed.name);
}

Result<std::vector<std::unique_ptr<Configuration>>> OpenConfigurations(std::string_view spec) {
  return OpenConfigurationsFrom(BackendRegistry(), spec);
}

}  // namespace moire
