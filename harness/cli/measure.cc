// moire cover, moire conformance
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "fuzzers/bench/cover.h"
#include "harness/backends/ort/ort_release.h"
#include "harness/cli/command.h"
#include "harness/execute/suite.h"
#include "synth/load.h"

namespace moire {
namespace {

struct Flags {
  std::string directory;
  std::vector<std::string> backends;
  std::string json;
  ConformanceOptions conformance;
};

Status RunCover(const Flags& flags, CommandContext& context) {
  MOIRE_ASSIGN(const auto paths, FindModels(flags.directory));
  CoverOptions options;
  if (!flags.backends.empty()) options.specs = flags.backends;
  const auto load = [](const std::string& path) -> Result<Case> {
    MOIRE_ASSIGN(auto cases, LoadCases(path));
    if (cases.empty()) return Fail(ErrorCode::kInvalidInput, "'{}' holds no case", path);
    return std::move(cases.front().test_case);
  };
  MOIRE_ASSIGN(const CoverReport report, Cover(paths, load, options));
  Say(flags.json,
      fmt::format("{}: {} models, {} accepted, {} died\n{} of {} blocks reached, {} at the start\n",
                  report.library, report.models, report.accepted, report.died.size(),
                  report.blocks_reached, report.blocks_total, report.blocks_base));
  WriteJson(context, flags.json, ToJson(report));
  return {};
}

Status RunConformanceCommand(const Flags& flags, CommandContext& context) {
  MOIRE_ASSIGN(const ConformanceReport report,
               flags.backends.empty()
                   ? RunConformance(flags.directory, flags.conformance)
                   : RunSuite(flags.directory, OpenSpecs(flags.backends), flags.conformance));
  auto failed = nlohmann::json::array();
  auto not_judged = nlohmann::json::array();
  for (const CaseReport& entry : report.cases) {
    if (entry.outcome == CaseOutcome::kUndetermined ||
        entry.outcome == CaseOutcome::kNotImplemented) {
      not_judged.push_back({{"name", entry.name}, {"reason", entry.reason}});
    }
    if (entry.outcome != CaseOutcome::kFailed) continue;
    Say(flags.json, fmt::format("FAILED {}: {}\n", entry.name, entry.reason));
    failed.push_back({{"name", entry.name}, {"reason", entry.reason}});
  }
  Say(flags.json,
      fmt::format("{} cases: {} passed, {} undetermined, {} not implemented, {} failed\n",
                  report.cases.size(), report.passed, report.undetermined, report.not_implemented,
                  report.failed));
  const nlohmann::json json = {{"cases", report.cases.size()},
                               {"passed", report.passed},
                               {"undetermined", report.undetermined},
                               {"not_implemented", report.not_implemented},
                               {"not_judged", not_judged},
                               {"failed", failed}};
  WriteJson(context, flags.json, json.dump(1));
  if (report.failed > 0) context.exit_code = kExitFindings;
  return {};
}

}  // namespace

void AddCover(CLI::App& app, CommandContext& context) {
  CLI::App* command =
      app.add_subcommand("cover", "Count the blocks of a released library that models reach");
  auto flags = std::make_shared<Flags>();
  command->add_option("directory", flags->directory, "Models, cases or backend-test directories")
      ->required();
  command
      ->add_option("--backend", flags->backends,
                   "SPEC, repeated; default ort at levels none and all")
      ->allow_extra_args(false);  // the directory may follow
  AddJson(*command, flags->json);
  command->callback([flags, &context] {
    if (const Status status = RunCover(*flags, context); !status) Complain(context, status.error());
  });
}

void AddConformance(CLI::App& app, CommandContext& context) {
  CLI::App* command = app.add_subcommand(
      "conformance",
      "Run the reference, or a backend, on cases with known results (backend-test layout)");
  auto flags = std::make_shared<Flags>();
  flags->directory = MoireHome() + "/node-cases";
  command->add_option(
      "directory", flags->directory,
      "Directory of case directories; default the official node cases in MOIRE_HOME");
  command->add_option("--backend", flags->backends, "SPEC, repeated; default the reference")
      ->allow_extra_args(false);
  command->add_option("--filter", flags->conformance.filter, "Only cases whose name contains this");
  AddJson(*command, flags->json);
  command->callback([flags, &context] {
    if (const Status status = RunConformanceCommand(*flags, context); !status) {
      Complain(context, status.error());
    }
  });
}

}  // namespace moire
