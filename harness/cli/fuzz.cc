// moire fuzz
#include <algorithm>
#include <charconv>
#include <cstdio>
#include <memory>
#include <thread>

#include "fuzzers/generate/schema.h"
#include "harness/backends/backend.h"
#include "harness/campaign/journal.h"
#include "harness/campaign/supervisor.h"
#include "harness/cli/command.h"

namespace moire {
namespace {

// Configurations beside the levels.
constexpr const char* kThreadSettings = ":level=none+all,threads=4";

struct Flags {
  FuzzOptions options;
  std::string time;
  std::string nodes;
  std::string json;
  std::vector<std::string> domains;
};

// "90", "90s", "2m", "1h" in seconds.
Result<double> ParseDuration(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const std::string_view unit(end, static_cast<size_t>(text.data() + text.size() - end));
  const double scale = unit.empty() || unit == "s" ? 1 : unit == "m" ? 60 : unit == "h" ? 3600 : 0;
  if (error != std::errc() || scale == 0 || !(value > 0)) {
    return Fail(ErrorCode::kInvalidInput, "--time '{}': expected a duration such as 90s, 2m or 1h",
                text);
  }
  return value * scale;
}

// "10" or "1-30".
Status ParseNodes(const std::string& text, FuzzOptions& options) {
  int low = 0;
  int high = 0;
  char dash = 0;
  const int read = std::sscanf(text.c_str(), "%d%c%d", &low, &dash, &high);
  if (read == 1) high = low;
  if ((read != 1 && (read != 3 || dash != '-')) || low < 1 || high < low || high > 500) {
    return Fail(ErrorCode::kInvalidInput, "--nodes '{}': expected N or LOW-HIGH, 1 to 500", text);
  }
  options.min_nodes = low;
  options.max_nodes = high;
  return {};
}

Status Complete(Flags& flags) {
  FuzzOptions& options = flags.options;
  if (!flags.time.empty()) {
    MOIRE_ASSIGN(options.seconds, ParseDuration(flags.time));
  }
  if (!flags.nodes.empty()) MOIRE_TRY(ParseNodes(flags.nodes, options));
  if (options.feedback == "none" && options.jobs == 0) options.jobs = 1;
  if (options.jobs == 0) options.jobs = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  if (options.feedback == "none" && options.jobs > 1) {
    return Fail(ErrorCode::kInvalidInput, "--feedback none runs one worker; leave --jobs out");
  }
  if (options.backends.empty()) options.backends = {"ort"};
  for (const std::string& domain : flags.domains) {
    if (domain != kContributedDomain) {
      return Fail(ErrorCode::kInvalidInput, "--domains '{}': there is {}", domain,
                  kContributedDomain);
    }
    MOIRE_ASSIGN(options.schemas, ListBackendSchemas(options.backends.front()));
    // The reference knows none of these operators: a runtime is compared with itself on more threads.
    if (options.backends.front().find(':') == std::string::npos) {
      options.backends.push_back(options.backends.front() + kThreadSettings);
    }
  }
  if (!options.rerun.empty()) {
    if (options.feedback == "none") {
      return Fail(ErrorCode::kInvalidInput,
                  "--rerun repeats a journal; with --feedback none repeat by --seed instead");
    }
    MOIRE_ASSIGN([[maybe_unused]] const auto records, ReadJournal(options.rerun));
  }
  return {};
}

}  // namespace

void AddFuzz(CLI::App& app, CommandContext& context) {
  CLI::App* command = app.add_subcommand("fuzz", "Run a fuzz campaign and report what it finds");
  auto flags = std::make_shared<Flags>();
  FuzzOptions& options = flags->options;
  options.jobs = 0;
  options.backends.clear();
  command->add_option("--time", flags->time, "Stop after this time (90s, 2m, 1h); without it and --cases: until Ctrl-C");
  command->add_option("--cases", options.cases, "Stop after this many cases");
  command->add_option("--jobs", options.jobs, "Workers; default one a core")
      ->check(CLI::Range(1, 1024));
  command->add_option("--seed", options.seed, "Seed of all random choices");
  command->add_option("--out", options.out, "Directory of corpus, findings and store; continued when it exists")->capture_default_str();
  command->add_option("--corpus", options.corpora, "Directories of cases to start from")
      ->check(CLI::ExistingDirectory);
  command->add_option("--backend", options.backends, "What to test: SPEC, see docs/backends.md; default ort, every level");
  command->add_option("--known", options.known, "Known findings that do not count: a list of causes, or bundles");
  command->add_option("--nodes", flags->nodes, "Nodes of a generated graph: N or LOW-HIGH; default 1-30");
  command->add_flag("--whole-standard", options.whole_standard,
                    "Generate the operators and element types too whose findings have not all been read by hand");
  command->add_option("--domains", flags->domains,
                      "Generate contributed operators too that the first backend lists: com.microsoft");
  command->add_flag_callback("--no-value-search", [flags] { flags->options.value_search = false; },
                    "Leave inputs as they were drawn where they give NaN, infinities or undecidable results");
  command->add_option("--feedback", options.feedback, "breakpoints, sanitizer (an instrumented runtime) or none (repeatable by seed)")
      ->check(CLI::IsMember({"breakpoints", "sanitizer", "none"}))->capture_default_str();
  command->add_option("--rerun", options.rerun, "Repeat the cases of a journal (OUT/journal-N.bin)")->check(CLI::ExistingFile);
  AddJson(*command, flags->json);
  command->add_flag("--fail-on-finding", options.fail_on_finding, "Exit 1 when an unknown finding is left at the end");
  command->add_flag("--stop-on-finding", options.stop_on_finding, "End at the first unknown finding and exit 1");
  command->callback([flags, &context] {
    FuzzOptions& chosen = flags->options;
    if (const Status status = Complete(*flags); !status) return Complain(context, status.error());
    chosen.program = context.program;
    chosen.target = context.target;
    const auto summary = RunCampaign(chosen);
    if (!summary) return Complain(context, summary.error());
    Say(flags->json, SummaryText(*summary));
    context.exit_code = summary->exit_code;
    WriteJson(context, flags->json, SummaryJson(*summary));
  });
}

}  // namespace moire
