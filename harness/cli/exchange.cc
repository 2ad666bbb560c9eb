// moire replay, moire reduce, moire corpus import|export
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "harness/cli/command.h"
#include "synth/corpus.h"
#include "synth/investigate.h"
#include "synth/replay.h"

namespace moire {
namespace {

struct Flags {
  std::vector<std::string> paths;
  std::vector<std::string> backends;
  std::string out;
  std::string json;
  double seconds = 60;
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

// Judges, takes the worst bug, investigates it.
Status ReduceOne(const Flags& flags, CommandContext& context) {
  MOIRE_ASSIGN(const auto cases, LoadCases(flags.paths.front(), flags.load));
  InvestigateOptions options;
  options.reduce.max_seconds = flags.seconds;
  for (const LoadedCase& loaded : cases) {
    MOIRE_ASSIGN(const Judgement judged,
                 Judge(loaded.name, loaded.test_case, OpenSpecs(flags.backends), options.child));
    const Verdict* worst = WorstBug(judged.verdicts);
    if (worst == nullptr) {
      Say(flags.json, fmt::format("{}: nothing fails, nothing to reduce\n", loaded.name));
      continue;
    }
    MOIRE_ASSIGN(const Investigation found,
                 Investigate(loaded.test_case, *worst, flags.backends, flags.out, options));
    const ReduceResult& r = found.reduction;
    Say(flags.json,
        fmt::format("{}: {}: {}\n  nodes {} -> {}, bytes {} -> {}, {} checks{}\n", loaded.name,
                    Name(found.standing), found.finding.verdict.reason, r.nodes_before,
                    r.nodes_after, r.bytes_before, r.bytes_after, r.checks,
                    found.bundle.empty() ? "" : "\n  bundle " + found.bundle));
    context.exit_code = kExitFindings;
    const nlohmann::json json = {{"nodes_before", r.nodes_before}, {"nodes_after", r.nodes_after},
                                 {"bytes_before", r.bytes_before}, {"bytes_after", r.bytes_after},
                                 {"checks", r.checks},             {"minimal", r.minimal},
                                 {"bundle", found.bundle}};
    WriteJson(context, flags.json, json.dump(1));
    return {};
  }
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

void AddReduce(CLI::App& app, CommandContext& context) {
  CLI::App* command = app.add_subcommand("reduce", "Make a failing case small and write its bundle");
  auto flags = std::make_shared<Flags>();
  flags->out = "reduced";
  command->add_option("path", flags->paths, "Model, case or bundle")->required()->expected(1);
  command->add_option("--backend", flags->backends, "SPEC, repeated; default ort, every level");
  command->add_option("-o,--out", flags->out, "Directory for the bundle")->capture_default_str();
  command->add_option("--seconds", flags->seconds, "Time limit")->capture_default_str();
  command->add_option("--seed", flags->load.seed, "Seed of inputs that are not given");
  AddJson(*command, flags->json);
  command->callback([flags, &context] {
    if (flags->backends.empty()) flags->backends = {"ort"};
    if (const Status status = ReduceOne(*flags, context); !status) Complain(context, status.error());
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
