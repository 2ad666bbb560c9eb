// moire replay, moire corpus import|export
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "harness/cli/command.h"
#include "synth/corpus.h"
#include "synth/replay.h"

namespace moire {
namespace {

struct Flags {
  std::vector<std::string> paths;
  std::vector<std::string> backends;
  std::string out;
  std::string json;
  LoadOptions load;
};

Status ReplayAll(const Flags& flags, CommandContext& context) {
  MOIRE_ASSIGN(const auto replays, ReplayBundles(flags.paths, flags.backends, {"ort"}));
  Say(flags.json, ReplaysToText(replays));
  for (const auto& replay : replays) {
    if (replay.state == ReplayState::kFails || replay.state == ReplayState::kChanged) {
      context.exit_code = kExitFindings;
    }
  }
  WriteJson(context, flags.json, ReplaysToJson(replays).dump(1));
  return {};
}

Status Report(const Result<CorpusReport>& report, const std::string& to) {
  if (!report) return std::unexpected(report.error());
  for (const std::string& line : report->refused) fmt::print(stderr, "moire: refused {}\n", line);
  fmt::print("{} written to {}, {} refused\n", report->written, to, report->refused.size());
  if (report->written == 0) return Fail(ErrorCode::kInvalidInput, "no case could be read");
  return {};
}

}  // namespace

void AddReplay(CLI::App& app, CommandContext& context) {
  CLI::App* command = app.add_subcommand("replay", "Run bundles again and say which still fail");
  auto flags = std::make_shared<Flags>();
  command->add_option("paths", flags->paths, "Bundles, or directories of bundles")->required();
  command->add_option("--backend", flags->backends, "SPEC, repeated; default: each bundle's own");
  AddJson(*command, flags->json);
  command->callback([flags, &context] {
    if (const Status status = ReplayAll(*flags, context); !status) Complain(context, status.error());
  });
}

void AddCorpus(CLI::App& app, CommandContext& context) {
  CLI::App* command = app.add_subcommand("corpus", "Turn ONNX files into cases and back");
  command->require_subcommand(1);
  auto flags = std::make_shared<Flags>();
  CLI::App* import = command->add_subcommand("import", "Models and backend-test directories to cases");
  import->add_option("paths", flags->paths, "Models (.onnx), directories")->required();
  import->add_option("--to", flags->out, "Directory of cases")->required();
  import->add_option("--seed", flags->load.seed, "Seed of inputs that are not given");
  import->callback([flags, &context] {
    if (const Status status = Report(ImportCorpus(flags->paths, flags->out, flags->load), flags->out);
        !status) {
      Complain(context, status.error());
    }
  });
  CLI::App* exported = command->add_subcommand("export", "Cases to backend-test directories");
  exported->add_option("paths", flags->paths, "Cases, directories of cases")->required();
  exported->add_option("--to", flags->out, "Directory to write to")->required();
  exported->callback([flags, &context] {
    if (const Status status = Report(ExportCorpus(flags->paths, flags->out), flags->out); !status) {
      Complain(context, status.error());
    }
  });
}

}  // namespace moire
