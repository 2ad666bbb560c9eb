#include "synth/check_command.h"

#include <regex.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>

#include "harness/case/onnx_adapter.h"
#include "harness/case/temporary_directory.h"
#include "synth/corpus.h"
#include "synth/journal.h"
#include "synth/load.h"

namespace moire {
namespace {

namespace fs = std::filesystem;

// A candidate may take this many times what the original took, and at least a second.
constexpr double kPatience = 5;
constexpr double kLeastSeconds = 1;
constexpr int kNotAsked = 2;  // judgements of the original: of its bytes, and of our own
// What a shell says of a command that it cannot run (POSIX, "Exit Status and Errors").
constexpr int kNotExecutable = 126;
constexpr int kNotFoundStatus = 127;

class Pattern {
 public:
  static Result<Pattern> Compile(const std::string& text) {
    Pattern pattern;
    if (text.empty()) return pattern;
    auto compiled = std::make_unique<regex_t>();
    const int error = regcomp(compiled.get(), text.c_str(), REG_EXTENDED | REG_NOSUB | REG_NEWLINE);
    if (error != 0) {
      char reason[128];
      regerror(error, compiled.get(), reason, sizeof(reason));
      return Fail(ErrorCode::kInvalidInput, "--check-regex '{}': {}", text, reason);
    }
    pattern.compiled_ = {compiled.release(), [](regex_t* regex) {
                           regfree(regex);
                           delete regex;
                         }};
    return pattern;
  }
  bool empty() const { return compiled_ == nullptr; }
  bool Matches(std::string text) const {
    // A program may print anything; the C library's matcher ends at a NUL.
    std::ranges::replace(text, '\0', ' ');
    return regexec(compiled_.get(), text.c_str(), 0, nullptr, 0) == 0;
  }

 private:
  std::shared_ptr<regex_t> compiled_;
};

std::string Quoted(const std::string& path) {
  std::string quoted = "'";
  for (const char c : path) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

std::string WithPath(const std::string& command, const std::string& path) {
  const std::string quoted = Quoted(path);
  if (command.find("{}") == std::string::npos) return command + " " + quoted;
  std::string whole;
  for (size_t at = 0; at < command.size(); ++at) {
    if (command.compare(at, 2, "{}") == 0) {
      whole += quoted;
      ++at;
    } else {
      whole += command[at];
    }
  }
  return whole;
}

// The end of what a program printed, fit for a terminal.
std::string LastLine(const std::string& output) {
  constexpr size_t kMost = 160;
  size_t end = output.size();
  while (end > 0 && (output[end - 1] == '\n' || output[end - 1] == '\r')) --end;
  const size_t from = output.rfind('\n', end == 0 ? 0 : end - 1);
  std::string line = output.substr(from == std::string::npos ? 0 : from + 1);
  line.resize(std::min({line.size(), kMost, end}));
  std::erase(line, '\n');
  for (char& c : line) {
    if (c < 0x20 || c > 0x7e) c = '?';
  }
  return line;
}

Result<Case> TrivialCase() {
  Model model;
  model.ir_version = 8;
  model.opsets = {{"", 13}};
  model.graph.name = "g";
  model.graph.inputs = {{"x", TensorType(DataType::kFloat, Shape{1})}};
  model.graph.outputs = {{"y", TensorType(DataType::kFloat, Shape{1})}};
  Node node;
  node.op = "Identity";
  node.inputs = {"x"};
  node.outputs = {"y"};
  model.graph.nodes = {node};
  return Case{SerializeModel(model), {{"x", MakeTensor(DataType::kFloat, {1})}}, {}};
}

class CommandReducer {
 public:
  CommandReducer(const CommandCheckOptions& check, const ReduceOptions& reduce, Pattern pattern)
      : check_(check), reduce_(reduce), pattern_(std::move(pattern)) {}

  Result<CommandReduction> Run(const Case& original, const std::string& bundle) {
    const auto start = std::chrono::steady_clock::now();
    if (scratch_.path().empty()) {
      return Fail(ErrorCode::kEnvironment, "cannot make a temporary directory");
    }
    limit_ = check_.seconds;
    // One failure is enough to begin with: most checks are steady. Whether this one is, is looked
    // at when there is a result, and the search begins anew where it is not.
    MOIRE_TRY(Confirm(original, 1));
    limit_ = std::max(kLeastSeconds, kPatience * slowest_);
    Result<ReduceResult> result = Search(original);
    // What comes from here on is not interrupted: the best so far gets its bundle.
    writing_ = Stopped();
    MOIRE_TRY(CheckControl());
    if (!broken_ && !writing_ && !reduction_.original.flaky()) {
      MOIRE_TRY(Confirm(original, RateOptions().first));
      if (reduction_.original.flaky()) result = Search(original);
    }
    writing_ = true;
    if (broken_) return std::unexpected(*broken_);
    if (!result) {
      return Fail(ErrorCode::kInvalidInput,
                  "the check failed on the original and then did not: too flaky to hold");
    }
    reduction_.result = std::move(*result);
    MOIRE_TRY(Write(bundle));
    reduction_.result.checks += checks_;
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
    reduction_.seconds = elapsed.count();
    return std::move(reduction_);
  }

 private:
  bool Stopped() const {
    return (cancelled_ && cancelled_()) || (reduce_.stopped && reduce_.stopped());
  }

  // The original has just been seen to fail: the search need not ask again, nor of its own
  // serialisation of it. Where that does not fail, no candidate does, and the original is the
  // result.
  Result<ReduceResult> Search(const Case& original) {
    const Interesting once = [this](const Case& c) { return Fails(c); };
    const Interesting often = Repeated(once, reduction_.repeats);
    Case own = original;
    if (const Result<Model> model = ParseModel(original.model)) own.model = SerializeModel(*model);
    const bool steady = !reduction_.original.flaky();
    ReduceOptions reduce = reduce_;
    if (reduce.journal != nullptr) {
      reduce.journal->set_question(fmt::format("{}|{}|{}|{} of {}", check_.command, check_.regex,
                                               wanted_.value_or(0), reduction_.repeats.needed,
                                               reduction_.repeats.runs));
    }
    reduce.on_fork = [this](const std::function<bool()>& cancelled) {
      cancelled_ = cancelled;
      case_directory_ = fmt::format("{}/case{}", scratch_.path(), getpid());
    };
    reduce.stopped = [this] { return broken_.has_value() || Stopped(); };
    const int before = checks_;
    Result<ReduceResult> result = Reduce(
        original,
        [&](const Case& c) { return (steady && (c == original || c == own)) || often(c); }, reduce);
    checks_ = before;  // counted by the search, whichever process they ran in
    if (result && steady) result->checks -= kNotAsked;
    return result;
  }

  Result<CommandRun> Execute(const std::string& directory) {
    ++checks_;
    return RunCommand(WithPath(check_.command, directory), directory, limit_,
                      [this] { return !writing_ && Stopped(); });
  }

  Result<CommandRun> Execute(const Case& test_case) {
    std::error_code ignored;
    fs::remove_all(case_directory_, ignored);
    MOIRE_TRY(WriteBackendTest(case_directory_, test_case));
    return Execute(case_directory_);
  }

  bool IsFailure(const CommandRun& run) const {
    if (run.timed_out) return false;
    if (!pattern_.empty()) return pattern_.Matches(run.output);
    return wanted_ ? run.status == *wanted_ : run.status != 0;
  }

  // Of a candidate. What goes wrong with the machine ends the reduction, see broken_.
  bool Fails(const Case& test_case) {
    if (broken_) return false;
    const Result<CommandRun> run = Execute(test_case);
    if (!run) {
      broken_ = run.error();
      return false;
    }
    reduction_.timed_out += run->timed_out ? 1 : 0;
    return IsFailure(*run);
  }

  // Runs the original until it is steady over `runs` runs or its rate is known.
  Status Confirm(const Case& original, int runs) {
    if (!wanted_) wanted_ = check_.code;
    CommandRun last;
    Status status;
    reduction_.original = EstimateRate(
        [&] {
          if (!status) return false;
          Result<CommandRun> run = Execute(original);
          if (!run) {
            status = std::unexpected(run.error());
            return false;
          }
          last = std::move(*run);
          slowest_ = std::max(slowest_, last.seconds);
          const bool fails = IsFailure(last);
          // The first failure says which status is held.
          if (fails && !wanted_) wanted_ = last.status;
          status = CheckRunnable(last);
          return fails;
        },
        {.first = runs});
    MOIRE_TRY(status);
    reduction_.repeats = RepeatsFor(reduction_.original);
    reduction_.status = wanted_.value_or(0);
    if (reduction_.original.fails()) return {};
    const std::string what = pattern_.empty()
                                 ? (check_.code ? fmt::format("did not exit with {}", *check_.code)
                                                : std::string("did not fail"))
                                 : fmt::format("printed nothing that matches '{}'", check_.regex);
    return Fail(
        ErrorCode::kInvalidInput,
        "the check {} on the original in {} runs (last exit status {}): there is nothing to "
        "reduce",
        what, reduction_.original.runs, last.status);
  }

  Status CheckRunnable(const CommandRun& run) const {
    if (!writing_ && Stopped())
      return Fail(ErrorCode::kInvalidInput, "interrupted before anything was reduced");
    if (run.timed_out) {
      return Fail(ErrorCode::kInvalidInput,
                  "the check did not end within {:g} s on the original; see --check-seconds",
                  limit_);
    }
    if (run.status == kNotFoundStatus || run.status == kNotExecutable) {
      return Fail(ErrorCode::kNotFound, "the check cannot be run (exit status {}): {}", run.status,
                  run.output.empty() ? check_.command : LastLine(run.output));
    }
    return {};
  }

  // A check that fails whatever the model is would "reduce" anything to nothing.
  Status CheckControl() {
    MOIRE_ASSIGN(const Case trivial, TrivialCase());
    MOIRE_ASSIGN(const CommandRun run, Execute(trivial));
    if (!IsFailure(run)) return {};
    return Fail(ErrorCode::kInvalidInput,
                "the check always fails: it fails on a model of one Identity as well (exit status "
                "{}{}{})",
                run.status, run.output.empty() ? "" : ", ", LastLine(run.output));
  }

  Status Write(const std::string& bundle) {
    std::error_code ignored;
    const std::string fresh = bundle + ".new";
    fs::remove_all(fresh, ignored);
    const Case& reduced = reduction_.result.reduced;
    MOIRE_TRY(WriteBackendTest(fresh, reduced));
    MOIRE_TRY(WriteFile(fresh + "/case.pb", SerializeCase(reduced)));
    if (const Result<std::string> text = PrintModel(reduced.model)) {
      MOIRE_TRY(WriteFile(fresh + "/graph.txt", *text + "\n"));
    }
    const nlohmann::json about = {{"command", check_.command},
                                  {"regex", check_.regex},
                                  {"status", reduction_.status},
                                  {"failures", reduction_.original.failures},
                                  {"runs", reduction_.original.runs}};
    MOIRE_TRY(
        WriteFile(fresh + "/check.json",
                  about.dump(1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n"));
    MOIRE_TRY(WriteFile(
        fresh + "/check.sh",
        fmt::format("#!/bin/sh\n# The check on this reduced case; fails with exit "
                    "status {}.\ncd \"$(dirname \"$0\")\" && export MOIRE_BUNDLE=\"$PWD\"\n{}\n",
                    reduction_.status, Portable())));
    // Read back as anyone else would, and judged once more.
    MOIRE_ASSIGN(const std::vector<LoadedCase> read, LoadCases(fresh));
    if (read.size() != 1 || !(read.front().test_case == reduced)) {
      return Fail(ErrorCode::kInternal, "{}: the bundle reads back as another case", fresh);
    }
    const bool again =
        FailsOften([&] { return Fails(read.front().test_case); }, reduction_.repeats);
    if (broken_) return std::unexpected(*broken_);
    if (!again) {
      return Fail(ErrorCode::kInvalidInput,
                  "the reduced case did not fail again from its bundle: the check is flaky");
    }
    fs::remove_all(bundle, ignored);
    fs::rename(fresh, bundle, ignored);
    if (ignored) return Fail(ErrorCode::kEnvironment, "cannot write {}", bundle);
    reduction_.bundle = bundle;
    return {};
  }

  // The command for check.sh: the bundle's own place.
  std::string Portable() const {
    std::string whole = WithPath(check_.command, "\x01");
    const std::string marker = Quoted("\x01");
    for (size_t at = whole.find(marker); at != std::string::npos; at = whole.find(marker)) {
      whole.replace(at, marker.size(), "\"$PWD\"");
    }
    return whole;
  }

  const CommandCheckOptions& check_;
  const ReduceOptions& reduce_;
  Pattern pattern_;
  TemporaryDirectory scratch_;
  std::string case_directory_ = scratch_.path() + "/case";
  std::function<bool()> cancelled_;  // in a process that judges ahead of the search
  CommandReduction reduction_;
  std::optional<int> wanted_;
  std::optional<Error> broken_;
  double limit_ = 0;
  double slowest_ = 0;
  int checks_ = 0;
  bool writing_ = false;  // the end, which is not interrupted
};

}  // namespace

Result<CommandReduction> ReduceByCommand(const Case& original, const std::string& bundle,
                                         const CommandCheckOptions& check,
                                         const ReduceOptions& reduce) {
  MOIRE_ASSIGN(Pattern pattern, Pattern::Compile(check.regex));
  return CommandReducer(check, reduce, std::move(pattern)).Run(original, bundle);
}

}  // namespace moire
