// moire explain
#include "synth/explain/explain.h"

#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>

#include "harness/cli/command.h"
#include "synth/bundle.h"
#include "synth/explain/issue.h"
#include "synth/explain/same_bug.h"

namespace moire {
namespace {

struct Flags {
  std::string bundle;
  std::string json;
  std::string other;
  bool keep = false;
  ExplainOptions options;
};

Result<Finding> ReadFinding(const std::string& bundle) {
  if (!std::filesystem::exists(std::filesystem::path(bundle) / "finding.json")) {
    return Fail(ErrorCode::kNotFound,
                "{}: not a bundle (no finding.json); make one with moire reduce", bundle);
  }
  return ReadBundle(bundle);
}

// Whether both bundles show one bug.
Status Compare(const Flags& flags, CommandContext& context) {
  MOIRE_ASSIGN(const Finding finding, ReadFinding(flags.bundle));
  MOIRE_ASSIGN(const Finding other, ReadFinding(flags.other));
  MOIRE_ASSIGN(const SameBug found,
               CompareFindings(finding, other, OpenSpecs({finding.verdict.configuration}),
                               flags.options.child, flags.options.seconds));
  Say(flags.json, fmt::format("{}: {}\n", found.same ? "one bug" : "cannot be told to be one bug",
                              found.reason));
  WriteJson(context, flags.json,
            nlohmann::json{{"same", found.same}, {"reason", found.reason}}.dump(1));
  return {};
}

Status ExplainBundle(const Flags& flags, CommandContext& context) {
  MOIRE_ASSIGN(const Finding finding, ReadFinding(flags.bundle));
  Result<Explanation> explained = Explain(finding, flags.options);
  if (!explained) return std::unexpected(std::move(explained).error().With(flags.bundle));
  Say(flags.json, ExplanationToText(*explained));
  const std::string json = ExplanationToJson(*explained).dump(1);
  WriteJson(context, flags.json, json);
  if (flags.keep) return {};
  return AddExplanation(flags.bundle, finding, *explained);
}

}  // namespace

void AddExplain(CLI::App& app, CommandContext& context) {
  CLI::App* command = app.add_subcommand(
      "explain", "Say what a bundle's failure depends on, since which release, by which pass");
  auto flags = std::make_shared<Flags>();
  command->add_option("bundle", flags->bundle, "Bundle")->required();
  command->add_option("--seconds", flags->options.seconds, "Time for the neighbours")
      ->capture_default_str();
  command->add_option("--seed", flags->options.seed, "Seed of the neighbours")
      ->capture_default_str();
  command->add_option("--same-as", flags->other,
                      "Another bundle: say whether both show one bug, and nothing else");
  command->add_flag("--dry", flags->keep, "Leave the bundle's files as they are");
  AddJson(*command, flags->json);
  command->callback([flags, &context] {
    const Status status =
        flags->other.empty() ? ExplainBundle(*flags, context) : Compare(*flags, context);
    if (!status) Complain(context, status.error());
  });
}

}  // namespace moire
