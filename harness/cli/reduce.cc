// moire reduce
#include <chrono>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>

#include "harness/case/onnx_adapter.h"
#include "harness/case/onnx_convert.h"
#include "harness/cli/command.h"
#include "synth/check_command.h"
#include "synth/investigate.h"
#include "synth/judge.h"
#include "synth/large.h"
#include "synth/passes/passes.h"

namespace moire {
namespace {

struct Flags {
  std::string path;
  std::vector<std::string> backends;
  std::string out = "reduced";
  std::string json;
  LoadOptions load;
  ReduceOptions reduce{.max_checks = 1'000'000, .max_seconds = 60, .only = {}, .skip = {}};
  CommandCheckOptions check;
  int code = -1;  // of --check-code; -1: not given
  bool list = false;
};

nlohmann::json ToJson(const ReduceResult& r, double seconds, const std::string& bundle) {
  return {{"nodes_before", r.nodes_before},
          {"nodes_after", r.nodes_after},
          {"bytes_before", r.bytes_before},
          {"bytes_after", r.bytes_after},
          {"checks", r.checks},
          {"seconds", seconds},
          {"minimal", r.minimal},
          {"bundle", bundle}};
}

std::string ToText(const ReduceResult& r, double seconds, const std::string& bundle) {
  return fmt::format("  nodes {} -> {}, bytes {} -> {}, {} checks in {:.1f} s{}{}\n",
                     r.nodes_before, r.nodes_after, r.bytes_before, r.bytes_after, r.checks,
                     seconds, r.minimal ? ", 1-minimal" : ", not proven 1-minimal",
                     bundle.empty() ? "" : "\n  bundle " + bundle);
}

std::string ListPasses() {
  std::string text;
  for (const ReductionPass* pass : ReductionPassRegistry()) {
    text += fmt::format("{:14} {}\n", pass->name(), pass->help());
  }
  // By name only.
  text += fmt::format("{:14} {}\n", ChunksPass().name(), ChunksPass().help());
  return text;
}

Status ReduceByCheck(const Flags& flags, const LoadedCase& loaded, CommandContext& context) {
  const std::string stem = std::filesystem::path(loaded.name).stem().string();
  const std::string bundle =
      (std::filesystem::path(flags.out) / (stem.empty() ? "reduced" : stem)).string();
  CommandCheckOptions check = flags.check;
  if (flags.code >= 0) check.code = flags.code;
  MOIRE_ASSIGN(const CommandReduction done,
               ReduceByCommand(loaded.test_case, bundle, check, flags.reduce));
  std::string how = check.regex.empty() ? fmt::format("exit status {}", done.status)
                                        : fmt::format("output matches '{}'", check.regex);
  if (done.original.flaky()) {
    how += fmt::format(", flaky: {} of {} runs; a candidate fails with {} failures in {} runs",
                       done.original.failures, done.original.runs, done.repeats.needed,
                       done.repeats.runs);
  }
  if (done.timed_out > 0) how += fmt::format("; {} candidates did not end", done.timed_out);
  Say(flags.json, fmt::format("{}: the check fails ({})\n{}", loaded.name, how,
                              ToText(done.result, done.seconds, done.bundle)));
  context.exit_code = kExitFindings;
  nlohmann::json json = ToJson(done.result, done.seconds, done.bundle);
  json["failure_rate"] = done.original.rate();
  WriteJson(context, flags.json, json.dump(1));
  return {};
}

// Of what the reference cannot do as a whole, a part that fails by itself: as a death of the whole
// does, or where the whole cannot be judged.
Result<LargeFinding> PartThatFails(const Flags& flags, const Case& test_case, const Verdict* worst,
                                   const ChildOptions& child) {
  LargeOptions options{.max_seconds = flags.reduce.max_seconds, .wanted = {}};
  if (worst != nullptr) options.wanted = worst->kind;
  return FindFailingPart(test_case, OpenSpecs(flags.backends), child, options);
}

// Judges, investigates the worst bug. False where nothing fails.
Result<bool> ReduceByOracles(const Flags& flags, const LoadedCase& loaded,
                             CommandContext& context) {
  const auto start = std::chrono::steady_clock::now();
  InvestigateOptions options;
  options.reduce = flags.reduce;
  MOIRE_ASSIGN(const Judgement judged,
               Judge(loaded.name, loaded.test_case, OpenSpecs(flags.backends), options.child));
  const Verdict* worst = WorstBug(judged.verdicts);
  MOIRE_ASSIGN(const LargeFinding large,
               PartThatFails(flags, loaded.test_case, worst, options.child));
  if (worst == nullptr && !large.part) {
    Say(flags.json,
        fmt::format("{}: {}\n", loaded.name,
                    large.large ? fmt::format("too large for the reference as a whole; none of {} "
                                              "parts of it fails",
                                              large.parts)
                                : "nothing fails, nothing to reduce"));
    return false;
  }
  const Case& start_case = large.part ? *large.part : loaded.test_case;
  MOIRE_ASSIGN(Investigation found, Investigate(start_case, large.part ? large.verdict : *worst,
                                                flags.backends, flags.out, options));
  if (large.part) {
    const Result<Model> whole = ParseModel(loaded.test_case.model);
    found.reduction.nodes_before = whole ? CountNodes(whole->graph) : 0;
    found.reduction.bytes_before = SerializeCase(loaded.test_case).size();
    Say(flags.json, fmt::format("{}: too large for the reference as a whole; its {} fails by "
                                "itself (part {})\n",
                                loaded.name, large.node, large.parts));
  }
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
  Say(flags.json, fmt::format("{}: {}: {}\n{}", loaded.name, Name(found.standing),
                              found.reason.empty() ? found.finding.verdict.reason : found.reason,
                              ToText(found.reduction, elapsed.count(), found.bundle)));
  context.exit_code = kExitFindings;
  nlohmann::json json = ToJson(found.reduction, elapsed.count(), found.bundle);
  json["standing"] = Name(found.standing);
  WriteJson(context, flags.json, json.dump(1));
  return true;
}

// What is written in an operator set that runtimes and the reference do not know any more, in one
// that they do.
constexpr int kConverted = 13;
std::optional<LoadedCase> InNewerOpset(const LoadedCase& loaded) {
  const Result<Model> model = ParseModel(loaded.test_case.model);
  if (!model || model->Opset("") >= kConverted) return std::nullopt;
  Result<std::string> converted = ConvertOpset(loaded.test_case.model, kConverted);
  if (!converted) return std::nullopt;
  LoadedCase newer = loaded;
  newer.name += fmt::format(" in operator set {}", kConverted);
  newer.test_case.model = std::move(*converted);
  return newer;
}

Status ReduceOne(const Flags& flags, CommandContext& context) {
  if (flags.path.empty()) return Fail(ErrorCode::kInvalidInput, "reduce: which case or model?");
  MOIRE_TRY(SelectPasses(flags.reduce));
  MOIRE_ASSIGN(const auto cases, LoadCases(flags.path, flags.load));
  if (cases.empty()) return Fail(ErrorCode::kInvalidInput, "{}: holds no model", flags.path);
  if (!flags.check.command.empty()) return ReduceByCheck(flags, cases.front(), context);
  for (const LoadedCase& loaded : cases) {
    MOIRE_ASSIGN(const bool failed, ReduceByOracles(flags, loaded, context));
    if (failed) return {};
    if (const std::optional<LoadedCase> newer = InNewerOpset(loaded)) {
      MOIRE_ASSIGN(const bool fails, ReduceByOracles(flags, *newer, context));
      if (fails) return {};
    }
  }
  return {};
}

}  // namespace

void AddReduce(CLI::App& app, CommandContext& context) {
  CLI::App* command =
      app.add_subcommand("reduce", "Make a failing case small and write its bundle");
  auto flags = std::make_shared<Flags>();
  command->add_option("path", flags->path, "Model, case or bundle")->expected(1);
  command->add_option("--backend", flags->backends, "SPEC, repeated; default ort, every level");
  CLI::Option* check = command->add_option(
      "--check", flags->check.command,
      "Any program as judge: fails where it exits with the original's status, not 0; gets "
      "the candidate's directory in place of {} or at the end");
  check->check(CLI::Validator(
      [](const std::string& text) { return text.empty() ? "the command is empty" : ""; }, ""));
  command
      ->add_option("--check-regex", flags->check.regex,
                   "The check fails where its output matches (POSIX extended)")
      ->needs(check);
  command
      ->add_option("--check-code", flags->code,
                   "The exit status of --check that means that the case fails; 0 is possible")
      ->check(CLI::Range(0, 255))
      ->needs(check);
  command->add_option("--check-seconds", flags->check.seconds, "Time for one check of the original")
      ->capture_default_str();
  command->add_option("-o,--out", flags->out, "Directory for the bundle")->capture_default_str();
  command->add_option("--seconds", flags->reduce.max_seconds, "Time limit")->capture_default_str();
  command->add_option("--checks", flags->reduce.max_checks, "Limit on checks")
      ->capture_default_str();
  command->add_option("--only", flags->reduce.only, "Passes to run, by name; see --list-passes")
      ->delimiter(',')
      ->allow_extra_args(false);
  command->add_option("--skip", flags->reduce.skip, "Passes to leave out")
      ->delimiter(',')
      ->allow_extra_args(false);
  command->add_flag("--list-passes", flags->list, "Say which passes there are, in order");
  command->add_option("--seed", flags->load.seed, "Seed of inputs that are not given");
  AddJson(*command, flags->json);
  command->callback([flags, &context] {
    if (flags->list) return Say({}, ListPasses());
    if (flags->backends.empty()) flags->backends = {"ort"};
    if (const Status status = ReduceOne(*flags, context); !status)
      Complain(context, status.error());
  });
}

}  // namespace moire
