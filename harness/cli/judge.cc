// moire run, moire replay
#include "synth/judge.h"

#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "harness/cli/command.h"

namespace moire {
namespace {

struct Flags {
  std::vector<std::string> paths;
  std::vector<std::string> backends;
  std::string json;
  JudgeOptions options;
};

void Say(const std::vector<Judgement>& judgements, const std::string& json,
         CommandContext& context) {
  fmt::print("{}", JudgementsToText(judgements));
  for (const Judgement& judgement : judgements) {
    if (judgement.bug) context.exit_code = kExitFindings;
  }
  WriteJson(context, json, JudgementsToJson(judgements).dump(1));
}

}  // namespace

void AddRun(CLI::App& app, CommandContext& context) {
  CLI::App* command =
      app.add_subcommand("run", "Judge a model, case or bundle at every configuration of the backends");
  auto flags = std::make_shared<Flags>();
  command->add_option("path", flags->paths, "Model (.onnx), case, bundle or backend-test directory")
      ->required();
  command->add_option("--backend", flags->backends, "SPEC, repeated; default ort: the reference and all levels");
  command->add_option("--seed", flags->options.load.seed, "Seed of inputs that are not given");
  command->add_option("--json", flags->json, "Write the verdicts to this file; - for standard output");
  command->callback([flags, &context] {
    if (flags->backends.empty()) flags->backends = {"ort"};
    std::vector<Judgement> all;
    for (const std::string& path : flags->paths) {
      auto judged = JudgeModel(path, flags->backends, flags->options);
      if (!judged) return Complain(context, judged.error());
      all.insert(all.end(), judged->begin(), judged->end());
    }
    Say(all, flags->json, context);
  });
}

}  // namespace moire
