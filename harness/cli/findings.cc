// moire findings list|show|mark|merge|export
#include <cstdio>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>

#include "harness/campaign/store.h"
#include "harness/case/case.h"
#include "harness/cli/command.h"

namespace moire {
namespace {

struct Flags {
  std::string out = "moire-out";
  std::string cause;
  std::string state;
  std::string note;
  std::string expires;
  std::string into;
  std::string target;
  std::string json;
};

nlohmann::json ToJson(const StoredFinding& f) {
  return {{"cause", f.cause},         {"symptom", f.symptom},
          {"verdict", f.verdict},     {"state", Name(f.state)},
          {"reason", f.reason},       {"operators", f.operators},
          {"nodes", f.nodes},         {"configurations", f.configurations},
          {"bundle", f.bundle},       {"times_seen", f.times_seen},
          {"note", f.note},           {"expires", f.expires},
          {"merged_into", f.merged_into}, {"first_seen", f.first_seen},
          {"last_seen", f.last_seen}};
}

Status List(const Flags& flags, CommandContext& context) {
  MOIRE_ASSIGN(const Store store, Store::OpenExisting(flags.out));
  MOIRE_ASSIGN(const auto findings, store.Findings());
  auto json = nlohmann::json::array();
  std::string text;
  for (const StoredFinding& finding : findings) {
    json.push_back(ToJson(finding));
    if (!finding.merged_into.empty()) continue;
    text += fmt::format("{:<9} {:<17} {:>6}x  {}\n            {} ({} nodes) on {}: {}\n", Name(finding.state),
               finding.verdict, finding.times_seen, finding.cause, finding.operators, finding.nodes,
               finding.configurations, finding.reason);
  }
  if (findings.empty()) text = "no findings\n";
  Say(flags.json, text);
  WriteJson(context, flags.json, json.dump(1));
  return {};
}

Status Show(const Flags& flags, CommandContext& context) {
  MOIRE_ASSIGN(const Store store, Store::OpenExisting(flags.out));
  MOIRE_ASSIGN(const StoredFinding found, store.Find(flags.cause));
  const nlohmann::json json = ToJson(found);
  std::string text;
  for (const auto& [key, value] : json.items()) {
    if (value.is_string() && value.get<std::string>().empty()) continue;
    text += fmt::format("{:<15} {}\n", key, value.is_string() ? value.get<std::string>() : value.dump());
  }
  const std::string directory = flags.out + "/" + found.bundle;
  if (const auto graph = ReadFile(directory + "/graph.txt")) text += "\n" + *graph + "\n";
  text += fmt::format("\nreplay: moire replay {0}\nstand-alone: python3 {0}/repro.py\n", directory);
  Say(flags.json, text);
  WriteJson(context, flags.json, json.dump(1));
  return {};
}

Status Mark(const Flags& flags) {
  const auto state = ParseFindingState(flags.state);
  if (!state) {
    return Fail(ErrorCode::kInvalidInput,
                "'{}' is no state; they are new, confirmed, known, ours, open", flags.state);
  }
  MOIRE_ASSIGN(Store store, Store::OpenExisting(flags.out));
  return store.Mark(flags.cause, *state, flags.note, flags.expires);
}

Status Merge(const Flags& flags) {
  MOIRE_ASSIGN(Store store, Store::OpenExisting(flags.out));
  return store.Merge(flags.cause, flags.into);
}

// The bundle, and a list of causes that --known reads.
Status Export(const Flags& flags) {
  namespace fs = std::filesystem;
  MOIRE_ASSIGN(const Store store, Store::OpenExisting(flags.out));
  MOIRE_ASSIGN(const auto findings, store.Findings());
  std::error_code error;
  fs::create_directories(flags.target, error);
  std::string known;
  int exported = 0;
  for (const StoredFinding& finding : findings) {
    if (!finding.merged_into.empty()) continue;
    if (!flags.cause.empty() && !finding.cause.starts_with(flags.cause)) continue;
    fs::copy(flags.out + "/" + finding.bundle,
             fs::path(flags.target) / fs::path(finding.bundle).filename(),
             fs::copy_options::recursive | fs::copy_options::overwrite_existing, error);
    if (error) {
      return Fail(ErrorCode::kEnvironment, "cannot copy to '{}': {}", flags.target, error.message());
    }
    known += fmt::format("{} # {} {}\n", finding.cause, finding.verdict, finding.operators);
    ++exported;
  }
  MOIRE_TRY(WriteFile(flags.target + "/known.txt", known));
  fmt::print("{} bundles and known.txt in {}\n", exported, flags.target);
  return {};
}

}  // namespace

void AddFindings(CLI::App& app, CommandContext& context) {
  CLI::App* command = app.add_subcommand("findings", "Look at and sort the findings of a campaign");
  command->require_subcommand(1);
  command->fallthrough();  // --out stands before or after the subcommand's name
  auto flags = std::make_shared<Flags>();
  command->add_option("--out", flags->out, "The campaign's directory")->capture_default_str();
  const auto run = [&context](Status status) {
    if (!status) Complain(context, status.error());
  };
  CLI::App* list = command->add_subcommand("list", "One entry a distinct finding");
  AddJson(*list, flags->json);
  list->callback([flags, run, &context] { run(List(*flags, context)); });
  CLI::App* show = command->add_subcommand("show", "All about one finding");
  show->add_option("cause", flags->cause, "Cause, or the beginning of it")->required();
  AddJson(*show, flags->json);
  show->callback([flags, run, &context] { run(Show(*flags, context)); });
  CLI::App* mark = command->add_subcommand("mark", "Set the state of a finding");
  mark->add_option("cause", flags->cause, "Cause, or the beginning of it")->required();
  mark->add_option("state", flags->state, "new, confirmed, known, ours or open")->required();
  mark->add_option("--note", flags->note, "Why");
  mark->add_option("--until", flags->expires, "For known: the last day it holds, YYYY-MM-DD");
  mark->callback([flags, run] { run(Mark(*flags)); });
  CLI::App* merge = command->add_subcommand("merge", "Say that two findings are one");
  merge->add_option("cause", flags->cause, "The one that goes")->required();
  merge->add_option("into", flags->into, "The one that stays")->required();
  merge->callback([flags, run] { run(Merge(*flags)); });
  CLI::App* exported = command->add_subcommand("export", "Copy bundles and a list for --known");
  exported->add_option("directory", flags->target, "Where to")->required();
  exported->add_option("--cause", flags->cause, "Only causes that begin like this");
  exported->callback([flags, run] { run(Export(*flags)); });
}

}  // namespace moire
