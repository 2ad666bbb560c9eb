// moire reduce
#include <chrono>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>

#include "harness/case/onnx_adapter.h"
#include "harness/case/onnx_convert.h"
#include "harness/cli/command.h"
#include "harness/cli/interrupt.h"
#include "harness/cli/reduce_progress.h"
#include "synth/check_command.h"
#include "synth/investigate.h"
#include "synth/judge.h"
#include "synth/large.h"
#include "synth/passes/passes.h"
#include "synth/unfinished.h"

namespace moire {
namespace {

constexpr int kManyChecks = 1'000'000;
constexpr double kSeconds = 60;
// Runs until what does not fail is believed, and seconds after which no other one begins.
constexpr int kRuns = 10;
constexpr double kPatience = 5;

struct Flags {
  Flags() {
    request.out = "reduced";
    request.max_checks = kManyChecks;
    reduce.max_seconds = kSeconds;
  }
  ReduceRequest request;
  std::string resume;  // the directory of --resume
  std::string json;
  ReduceOptions reduce;
  bool list = false;
};

// What one reduction by this command holds on to.
struct Run {
  const Flags& flags;
  CommandContext& context;
  Unfinished unfinished;
  ReduceProgressLine line;
  const ReduceRequest& request() const { return unfinished.request(); }
};

Result<ReduceOptions> OptionsOf(Run& run) {
  ReduceOptions options = run.flags.reduce;
  MOIRE_ASSIGN(options.search, ParseSearchOrder(run.request().search));
  options.seed = run.request().seed;
  options.experience = run.unfinished.experience();
  options.only = run.request().only;
  options.skip = run.request().skip;
  options.max_checks = run.request().max_checks;
  options.journal = &run.unfinished.journal();
  options.stopped = Interrupted;
  options.on_check = [&run](const ReduceProgress& progress) { run.line.Show(progress); };
  options.on_best = [&run](const Case& best) { run.unfinished.KeepBest(best); };
  return options;
}

nlohmann::json ToJson(const ReduceResult& r, double seconds, const std::string& bundle) {
  return {{"nodes_before", r.nodes_before},
          {"nodes_after", r.nodes_after},
          {"bytes_before", r.bytes_before},
          {"bytes_after", r.bytes_after},
          {"checks", r.checks},
          {"known", r.known},
          {"repaired", r.repaired},
          {"repaired_kept", r.repaired_kept},
          {"seconds", seconds},
          {"minimal", r.minimal},
          {"finished", r.finished},
          {"bundle", bundle}};
}

std::string ToText(const ReduceResult& r, double seconds, const std::string& bundle) {
  return fmt::format("  nodes {} -> {}, bytes {} -> {}, {} checks in {:.1f} s{}{}\n",
                     r.nodes_before, r.nodes_after, r.bytes_before, r.bytes_after, r.checks,
                     seconds, r.minimal ? ", 1-minimal" : ", not proven 1-minimal",
                     bundle.empty() ? "" : "\n  bundle " + bundle);
}

// What is not finished stays to be resumed.
Status Leave(Run& run, const ReduceResult& result, const std::string& bundle) {
  run.line.Clear();
  if (result.finished) {
    run.unfinished.End();
    return {};
  }
  Say(run.flags.json,
      fmt::format("  {}; `moire reduce --resume {}` goes on\n",
                  Interrupted() ? "interrupted" : "stopped at its limit", run.request().out));
  return run.unfinished.Interrupted(bundle);
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

Status ReduceByCheck(Run& run, const LoadedCase& loaded) {
  const ReduceRequest& request = run.request();
  const std::string stem = std::filesystem::path(loaded.name).stem().string();
  const std::string bundle =
      (std::filesystem::path(request.out) / (stem.empty() ? "reduced" : stem)).string();
  CommandCheckOptions check{.command = request.check,
                            .regex = request.check_regex,
                            .code = {},
                            .seconds = request.check_seconds};
  if (request.check_code >= 0) check.code = request.check_code;
  MOIRE_ASSIGN(const ReduceOptions options, OptionsOf(run));
  MOIRE_ASSIGN(const CommandReduction done,
               ReduceByCommand(loaded.test_case, bundle, check, options));
  std::string how = check.regex.empty() ? fmt::format("exit status {}", done.status)
                                        : fmt::format("output matches '{}'", check.regex);
  if (done.original.flaky()) {
    how += fmt::format(", flaky: {} of {} runs; a candidate fails with {} failures in {} runs",
                       done.original.failures, done.original.runs, done.repeats.needed,
                       done.repeats.runs);
  }
  if (done.timed_out > 0) how += fmt::format("; {} candidates did not end", done.timed_out);
  Say(run.flags.json, fmt::format("{}: the check fails ({})\n{}", loaded.name, how,
                                  ToText(done.result, done.seconds, done.bundle)));
  MOIRE_TRY(Leave(run, done.result, done.bundle));
  run.context.exit_code = kExitFindings;
  nlohmann::json json = ToJson(done.result, done.seconds, done.bundle);
  json["failure_rate"] = done.original.rate();
  WriteJson(run.context, run.flags.json, json.dump(1));
  return {};
}

// Of what the reference cannot do as a whole, a part that fails by itself: as a death of the whole
// does, or where the whole cannot be judged.
Result<LargeFinding> PartThatFails(const Run& run, const ReduceRequest& request,
                                   const Case& test_case, const Verdict* worst) {
  LargeOptions options{.max_seconds = run.flags.reduce.max_seconds, .wanted = {}};
  if (worst != nullptr) options.wanted = worst->kind;
  return FindFailingPart(test_case, OpenSpecs(request.backends), {}, options);
}

// `worst` is what the case does, or the part of it that `large` holds.
Status ReduceByOracles(Run& run, const LoadedCase& loaded, const Verdict* worst,
                       const LargeFinding& large) {
  const auto start = std::chrono::steady_clock::now();
  InvestigateOptions options;
  MOIRE_ASSIGN(options.reduce, OptionsOf(run));
  options.flaky = true;
  const Case& start_case = large.part ? *large.part : loaded.test_case;
  MOIRE_ASSIGN(Investigation found,
               Investigate(start_case, large.part ? large.verdict : *worst, run.request().backends,
                           run.request().out, options));
  if (large.part) {
    const Result<Model> whole = ParseModel(loaded.test_case.model);
    found.reduction.nodes_before = whole ? CountNodes(whole->graph) : 0;
    found.reduction.bytes_before = SerializeCase(loaded.test_case).size();
    Say(run.flags.json, fmt::format("{}: too large for the reference as a whole; its {} fails by "
                                    "itself (part {})\n",
                                    loaded.name, large.node, large.parts));
  }
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
  Say(run.flags.json,
      fmt::format("{}: {}: {}\n{}", loaded.name, Name(found.standing),
                  found.reason.empty() ? found.finding.verdict.reason : found.reason,
                  ToText(found.reduction, elapsed.count(), found.bundle)));
  MOIRE_TRY(Leave(run, found.reduction, found.bundle));
  run.context.exit_code = kExitFindings;
  nlohmann::json json = ToJson(found.reduction, elapsed.count(), found.bundle);
  json["standing"] = Name(found.standing);
  json["failure_rate"] = found.original.rate();
  WriteJson(run.context, run.flags.json, json.dump(1));
  return {};
}

// The case that this is about begins to be reduced, or goes on.
Status Start(Run& run, const LoadedCase& loaded) {
  const std::string key = CaseKey(SerializeCase(loaded.test_case));
  if (!run.flags.resume.empty()) {
    if (key == run.request().key) return {};
    return Fail(ErrorCode::kInvalidInput, "{}: has changed since its reduction began", loaded.name);
  }
  ReduceRequest request = run.flags.request;
  std::error_code failed;
  request.path = std::filesystem::absolute(request.path, failed).string();
  request.name = loaded.name;
  request.key = key;
  return run.unfinished.Begin(request);
}

// Reduces the case if it fails. Why not, where it does not; nothing where it was reduced. Parts of
// a large case are looked at in the first round only.
Result<std::string> ReduceCase(Run& run, const ReduceRequest& request, const LoadedCase& loaded,
                               int round) {
  if (!request.check.empty()) {
    MOIRE_TRY(Start(run, loaded));
    const Status status = ReduceByCheck(run, loaded);
    // What cannot be a check leaves nothing behind.
    if (!status && ExitCodeOf(status.error()) == kExitUsage) run.unfinished.Drop();
    MOIRE_TRY(status);
    return std::string();
  }
  MOIRE_ASSIGN(const Judgement judged,
               Judge(loaded.name, loaded.test_case, OpenSpecs(request.backends), {}));
  const Verdict* worst = WorstBug(judged.verdicts);
  LargeFinding large;
  if (round == 0) {
    MOIRE_ASSIGN(large, PartThatFails(run, request, loaded.test_case, worst));
  }
  if (worst == nullptr && !large.part) {
    if (!large.large) return fmt::format("nothing fails in {} runs, nothing to reduce", round + 1);
    return fmt::format("too large for the reference as a whole; none of {} parts of it fails",
                       large.parts);
  }
  MOIRE_TRY(Start(run, loaded));
  MOIRE_TRY(ReduceByOracles(run, loaded, worst, large));
  return std::string();
}

// What is written in an operator set that runtimes and the reference do not know any more, in one
// that they do.
constexpr int kConverted = 13;
std::optional<LoadedCase> InNewerOpset(const LoadedCase& loaded) {
  const Result<Model> model = ParseModel(loaded.test_case.model);
  if (!model || model->Opset("") >= kConverted) return std::nullopt;
  // The converter infers shapes, of which a malformed model may kill the ONNX library.
  const ChildResult converted = RunInChild(
      [&](SharedState& state, const std::function<void(std::string_view)>& send) {
        InstallFatalSignalHandlers(state, {});
        const Result<std::string> newer = ConvertOpset(loaded.test_case.model, kConverted);
        if (newer) send(*newer);
        return newer ? 0 : 1;
      },
      {});
  if (converted.end != ChildEnd::kExited || converted.exit_code != 0) return std::nullopt;
  LoadedCase newer = loaded;
  newer.name += fmt::format(" in operator set {}", kConverted);
  newer.test_case.model = converted.output;
  return newer;
}

Status ReduceOne(const Flags& flags, CommandContext& context) {
  Run run{flags, context, {}, {}};
  ReduceRequest request = flags.request;
  if (!flags.resume.empty()) {
    MOIRE_TRY(run.unfinished.Resume(flags.resume));
    request = run.request();
  } else if (request.path.empty()) {
    return Fail(ErrorCode::kInvalidInput, "reduce: which case or model?");
  }
  MOIRE_TRY(ParseSearchOrder(request.search));
  ReduceOptions chosen;
  chosen.only = request.only;
  chosen.skip = request.skip;
  MOIRE_TRY(SelectPasses(chosen));
  LoadOptions load;
  load.seed = request.seed;
  MOIRE_ASSIGN(auto cases, LoadCases(request.path, load));
  // By the name that was written down: the path as it was given may have been a relative one.
  const std::string name = std::filesystem::path(request.name).filename().string();
  if (!flags.resume.empty() && cases.size() > 1) {
    std::erase_if(cases, [&](const LoadedCase& c) {
      return !name.starts_with(std::filesystem::path(c.name).filename().string());
    });
  }
  if (cases.empty()) return Fail(ErrorCode::kInvalidInput, "{}: holds no model", request.path);
  MOIRE_TRY(CatchInterrupts());
  // Each as it is, then in a newer operator set; what fails in some runs only may take some.
  std::vector<LoadedCase> forms;
  for (LoadedCase& loaded : cases) {
    std::optional<LoadedCase> newer =
        request.check.empty() ? InNewerOpset(loaded) : std::optional<LoadedCase>();
    forms.push_back(std::move(loaded));
    if (newer) forms.push_back(std::move(*newer));
  }
  const auto start = std::chrono::steady_clock::now();
  std::vector<std::string> why(forms.size());
  for (int round = 0; round < kRuns && !Interrupted(); ++round) {
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
    if (round > 0 && elapsed.count() > kPatience) break;
    for (size_t i = 0; i < forms.size(); ++i) {
      MOIRE_ASSIGN(why[i], ReduceCase(run, request, forms[i], round));
      if (why[i].empty()) return {};
    }
  }
  for (size_t i = 0; i < forms.size(); ++i) {
    Say(flags.json, fmt::format("{}: {}\n", forms[i].name, why[i]));
  }
  return {};
}

}  // namespace

void AddReduce(CLI::App& app, CommandContext& context) {
  CLI::App* command =
      app.add_subcommand("reduce", "Make a failing case small and write its bundle");
  auto flags = std::make_shared<Flags>();
  command->add_option("path", flags->request.path, "Model, case or bundle")->expected(1);
  command->add_option("--backend", flags->request.backends,
                      "SPEC, repeated; default ort, every level");
  CLI::Option* check = command->add_option(
      "--check", flags->request.check,
      "Any program as judge: fails where it exits with the original's status, not 0; gets "
      "the candidate's directory in place of {} or at the end");
  check->check(CLI::Validator(
      [](const std::string& text) { return text.empty() ? "the command is empty" : ""; }, ""));
  command
      ->add_option("--check-regex", flags->request.check_regex,
                   "The check fails where its output matches (POSIX extended)")
      ->needs(check);
  command
      ->add_option("--check-code", flags->request.check_code,
                   "The exit status of --check that means that the case fails; 0 is possible")
      ->check(CLI::Range(0, 255))
      ->needs(check);
  command
      ->add_option("--check-seconds", flags->request.check_seconds,
                   "Time for one check of the original")
      ->capture_default_str();
  command->add_option("-o,--out", flags->request.out, "Directory for the bundle")
      ->capture_default_str();
  command->add_option("--resume", flags->resume,
                      "Go on with the reduction that was interrupted, from its --out directory");
  command->add_option("--seconds", flags->reduce.max_seconds, "Time limit")->capture_default_str();
  command->add_option("--checks", flags->request.max_checks, "Limit on checks")
      ->capture_default_str();
  command->add_option("--only", flags->request.only, "Passes to run, by name; see --list-passes")
      ->delimiter(',')
      ->allow_extra_args(false);
  command->add_option("--skip", flags->request.skip, "Passes to leave out")
      ->delimiter(',')
      ->allow_extra_args(false);
  command->add_flag("--list-passes", flags->list, "Say which passes there are, in order");
  command
      ->add_option("--search", flags->request.search,
                   "Which edit comes next: fixed, learned, or the baselines chunks and cut")
      ->capture_default_str();
  command
      ->add_option("--jobs", flags->reduce.jobs,
                   "Candidates that are judged at once; the result is the same")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  command->add_option("--seed", flags->request.seed,
                      "Seed of inputs that are not given, and of the learned search");
  AddJson(*command, flags->json);
  command->callback([flags, &context] {
    if (flags->list) return Say({}, ListPasses());
    if (flags->request.backends.empty()) flags->request.backends = {"ort"};
    if (const Status status = ReduceOne(*flags, context); !status)
      Complain(context, status.error());
  });
}

}  // namespace moire
