// Subcommands that Moire runs itself: triage of one candidate in a process of its own, and the
// reference of all flags for docs/cli.md.
#include <cstdio>
#include <memory>

#include "harness/campaign/triage.h"
#include "harness/campaign/worker_config.h"
#include "harness/case/case.h"
#include "harness/cli/command.h"

namespace moire {
namespace {

struct Flags {
  std::string out;
  std::string name;
  double seconds = 60;
  std::vector<std::string> specs;
};

Status RunTriage(const Flags& flags) {
  const std::string inbox = InboxDirectory(flags.out);
  MOIRE_ASSIGN(const Candidate candidate, ReadCandidate(inbox, flags.name));
  MOIRE_ASSIGN(const TriageResult result,
               Triage(candidate, flags.specs, flags.out, flags.seconds));
  return WriteFile(inbox + "/" + flags.name + ".result", ToJson(result));
}

void Describe(const CLI::App& command, const std::string& path, int depth) {
  if (depth > 0) fmt::print("{} `{}`\n\n{}.\n\n", depth == 1 ? "##" : "###", path, command.get_description());
  bool any = false;
  for (const CLI::Option* option : command.get_options()) {
    if (option->get_name() == "--help" || option->get_description().empty()) continue;
    if (!any) fmt::print("| option | meaning |\n|---|---|\n");
    any = true;
    fmt::print("| `{}` | {} |\n", option->get_name(false, true), option->get_description());
  }
  if (any) fmt::print("\n");
  for (const CLI::App* sub : command.get_subcommands([](const CLI::App*) { return true; })) {
    if (!sub->get_group().empty()) Describe(*sub, path + " " + sub->get_name(), depth + 1);
  }
}

}  // namespace

void AddInternal(CLI::App& app, CommandContext& context) {
  CLI::App* triage = app.add_subcommand("internal-triage", "Triage one candidate")->group("");
  auto flags = std::make_shared<Flags>();
  triage->add_option("out", flags->out)->required();
  triage->add_option("name", flags->name)->required();
  triage->add_option("seconds", flags->seconds)->required();
  triage->add_option("specs", flags->specs)->required();
  triage->callback([flags, &context] {
    if (const Status status = RunTriage(*flags); !status) Complain(context, status.error());
  });
  CLI::App* help = app.add_subcommand("help-markdown", "Print the flags reference")->group("");
  help->callback([&app] { Describe(app, "moire", 0); });
}

}  // namespace moire
