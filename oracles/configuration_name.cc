#include "oracles/configuration_name.h"

namespace moire {
namespace {

// The settings follow the last ':' that has a '=' behind it: a path may hold colons of its own.
size_t SettingsStart(std::string_view name) {
  const size_t colon = name.rfind(':');
  if (colon == std::string_view::npos) return colon;
  return name.find('=', colon) == std::string_view::npos ? std::string_view::npos : colon;
}

}  // namespace

std::string_view BackendPart(std::string_view name) { return name.substr(0, SettingsStart(name)); }

std::string_view BackendName(std::string_view name) {
  const std::string_view part = BackendPart(name);
  const std::string_view file = part.substr(part.rfind('/') + 1);
  if (part.starts_with('/') && file.find("onnxruntime") != std::string_view::npos) return "ort";
  return part.substr(0, part.find('@'));
}

std::string_view Setting(std::string_view name, std::string_view key) {
  size_t at = SettingsStart(name);
  while (at != std::string_view::npos && at < name.size()) {
    const size_t end = name.find(',', at + 1);
    const std::string_view item =
        name.substr(at + 1, end == std::string_view::npos ? end : end - at - 1);
    const size_t equals = item.find('=');
    if (item.substr(0, equals) == key && equals != std::string_view::npos) {
      return item.substr(equals + 1);
    }
    at = end;
  }
  return {};
}

bool IsPlain(std::string_view name) {
  const std::string_view level = Setting(name, "level");
  const std::string_view threads = Setting(name, "threads");
  return (level.empty() || level == "none") && (threads.empty() || threads == "1");
}

std::string ConfigurationClass(std::string_view name) {
  std::string result(BackendName(name));
  char separator = ':';
  size_t at = SettingsStart(name);
  while (at != std::string_view::npos && at < name.size()) {
    const size_t end = name.find(',', at + 1);
    const std::string_view item =
        name.substr(at + 1, end == std::string_view::npos ? end : end - at - 1);
    if (!item.starts_with("log=") && !item.starts_with("disable=")) {
      result += separator;
      result += item;
      separator = ',';
    }
    at = end;
  }
  return result;
}

}  // namespace moire
