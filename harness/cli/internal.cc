// Subcommands that Moire runs itself: triage of candidates in a process of its own, and the reference
// of all flags for docs/cli.md.
#include <cstdio>
#include <iostream>
#include <memory>

#include "harness/campaign/triage.h"
#include "harness/campaign/worker_config.h"
#include "harness/case/case.h"
#include "harness/cli/command.h"

namespace moire {
namespace {

struct Flags {
  std::string out;
  double seconds = 60;
  std::vector<std::string> specs;
};

// Names of candidates come in on standard input, a line each; when NAME.result lies beside the candidate,
// its name goes out.
Status ServeTriage(const Flags& flags) {
  const std::string inbox = InboxDirectory(flags.out);
  MOIRE_ASSIGN(Triager triager, Triager::Open(flags.specs, flags.out, flags.seconds));
  std::string name;
  while (std::getline(std::cin, name)) {
    const auto candidate = ReadCandidate(inbox, name);
    auto result = candidate ? triager.Triage(*candidate)
                            : Result<TriageResult>(std::unexpected(candidate.error()));
    if (!result) {
      fmt::print(stderr, "moire: {}: {}\n", name, result.error().message);
      result = TriageResult();
      result->reason = "triage failed, see triage.log";
    }
    MOIRE_TRY(WriteFile(inbox + "/" + name + ".result", ToJson(*result)));
    fmt::print("{}\n", name);
    std::fflush(stdout);
  }
  return {};
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
  CLI::App* triage = app.add_subcommand("internal-triage", "Triage candidates named on standard input")->group("");
  auto flags = std::make_shared<Flags>();
  triage->add_option("out", flags->out)->required();
  triage->add_option("seconds", flags->seconds)->required();
  triage->add_option("specs", flags->specs)->required();
  triage->callback([flags, &context] {
    if (const Status status = ServeTriage(*flags); !status) Complain(context, status.error());
  });
  CLI::App* help = app.add_subcommand("help-markdown", "Print the flags reference")->group("");
  help->callback([&app] { Describe(app, "moire", 0); });
}

}  // namespace moire
