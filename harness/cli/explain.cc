// moire explain
#include "synth/explain/explain.h"

#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>

#include "harness/cli/command.h"
#include "synth/bundle.h"
#include "synth/explain/issue.h"

namespace moire {
namespace {

struct Flags {
  std::string bundle;
  std::string json;
  bool keep = false;
  ExplainOptions options;
};

Status ExplainBundle(const Flags& flags, CommandContext& context) {
  const std::filesystem::path place(flags.bundle);
  if (!std::filesystem::exists(place / "finding.json")) {
    return Fail(ErrorCode::kNotFound,
                "{}: not a bundle (no finding.json); make one with moire reduce", flags.bundle);
  }
  MOIRE_ASSIGN(const Finding finding, ReadBundle(flags.bundle));
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
  command->add_flag("--dry", flags->keep, "Leave the bundle's files as they are");
  AddJson(*command, flags->json);
  command->callback([flags, &context] {
    if (const Status status = ExplainBundle(*flags, context); !status)
      Complain(context, status.error());
  });
}

}  // namespace moire
