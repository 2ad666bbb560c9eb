// moire run, moire replay
#include "synth/judge.h"

#include <algorithm>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "harness/case/onnx_adapter.h"
#include "harness/cli/command.h"

namespace moire {
namespace {

struct Flags {
  std::vector<std::string> paths;
  std::vector<std::string> backends;
  std::string json;
  JudgeOptions options;
};

void Tell(const std::vector<Judgement>& judgements, const std::string& json,
          CommandContext& context) {
  Say(json, JudgementsToText(judgements));
  for (const Judgement& judgement : judgements) {
    if (judgement.bug) context.exit_code = kExitFindings;
  }
  for (const Judgement& judgement : judgements) {
    if (judgement.ours.empty() || context.exit_code == kExitFindings) continue;
    Complain(context, Error{ErrorCode::kInternal, judgement.name + ": no judgement, Moire or the ONNX library failed on it: " +
                                judgement.ours});
    break;
  }
  WriteJson(context, json, JudgementsToJson(judgements).dump(1));
}

// A model that nothing could run because it is none: an unknown operator, say. The ONNX checker tells it
// from a model of an operator that the runtimes do not implement.
Status CheckWasModel(const std::string& path, const std::vector<Judgement>& judged,
                     const LoadOptions& options) {
  MOIRE_ASSIGN(const std::vector<LoadedCase> cases, LoadCases(path, options));
  for (size_t i = 0; i < std::min(cases.size(), judged.size()); ++i) {
    const bool ran = std::ranges::any_of(judged[i].verdicts, [](const Verdict& verdict) {
      return verdict.kind != VerdictKind::kUnsupported;
    });
    if (ran) continue;
    if (Status status = CheckModel(cases[i].test_case.model, /*full_shape_inference=*/false);
        !status) {
      return std::unexpected(std::move(status).error().With(judged[i].name));
    }
  }
  return {};
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
  AddJson(*command, flags->json);
  command->callback([flags, &context] {
    if (flags->backends.empty()) flags->backends = {"ort"};
    std::vector<Judgement> all;
    Status were_models;
    for (const std::string& path : flags->paths) {
      auto judged = JudgeModel(path, flags->backends, flags->options);
      if (!judged) return Complain(context, judged.error());
      all.insert(all.end(), judged->begin(), judged->end());
      const Status was_model = CheckWasModel(path, *judged, flags->options.load);
      if (were_models && !was_model) were_models = was_model;
    }
    Tell(all, flags->json, context);
    if (!were_models) Complain(context, were_models.error());
  });
}

}  // namespace moire
