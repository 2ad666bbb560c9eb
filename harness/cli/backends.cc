// moire backends list|install
#include "harness/backends/backend.h"

#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "harness/cli/command.h"

namespace moire {
namespace {

Status List(const std::string& json_path, CommandContext& context) {
  auto json = nlohmann::json::array();
  std::string text;
  for (const BackendEntry& entry : BackendRegistry()) {
    text += fmt::format("{}: {}\n", entry.name, entry.help);
    for (const BackendInfo& info : entry.list()) {
      text += fmt::format("  {}{}{}  {}{}\n", info.name, info.version.empty() ? "" : "@", info.version,
                          info.path, info.note.empty() ? "" : "  (" + info.note + ")");
      json.push_back({{"name", info.name},
                      {"version", info.version},
                      {"path", info.path},
                      {"installed", info.installed},
                      {"note", info.note}});
    }
  }
  Say(json_path, text);
  WriteJson(context, json_path, json.dump(1));
  return {};
}

Status Install(const std::string& spec) {
  const size_t at = spec.find('@');
  const std::string name = spec.substr(0, at);
  if (at == std::string::npos) {
    return Fail(ErrorCode::kInvalidInput, "'{}': expected NAME@VERSION, such as ort@1.27.0", spec);
  }
  for (const BackendEntry& entry : BackendRegistry()) {
    if (entry.name != name) continue;
    if (entry.install == nullptr) {
      return Fail(ErrorCode::kInvalidInput, "backend '{}' has nothing to install", name);
    }
    return entry.install(spec.substr(at + 1));
  }
  return Fail(ErrorCode::kInvalidInput, "no backend '{}'; `moire backends list` shows them", name);
}

}  // namespace

void AddBackends(CLI::App& app, CommandContext& context) {
  CLI::App* command = app.add_subcommand("backends", "What can be tested, and which releases are here");
  command->require_subcommand(1);
  auto argument = std::make_shared<std::string>();
  CLI::App* list = command->add_subcommand("list", "Backends and installed releases");
  AddJson(*list, *argument);
  list->callback([argument, &context] {
    if (const Status status = List(*argument, context); !status) Complain(context, status.error());
  });
  CLI::App* schemas = command->add_subcommand(
      "schemas", "Write the list of operators that a backend defines itself, and print its path");
  schemas->add_option("spec", *argument, "SPEC, such as ort@1.32.0")->required();
  schemas->callback([argument, &context] {
    const auto path = ListBackendSchemas(*argument);
    if (!path) return Complain(context, path.error());
    fmt::print("{}\n", *path);
  });
  CLI::App* install = command->add_subcommand("install", "Install a release");
  install->add_option("spec", *argument, "NAME@VERSION, such as ort@1.27.0")->required();
  install->callback([argument, &context] {
    if (const Status status = Install(*argument); !status) return Complain(context, status.error());
    fmt::print("installed {}\n", *argument);
  });
}

}  // namespace moire
