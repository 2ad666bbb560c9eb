// moire bench
#include "fuzzers/bench/bench.h"

#include <cstdio>
#include <memory>

#include "harness/cli/command.h"

namespace moire {

void AddBench(CLI::App& app, CommandContext& context) {
  CLI::App* command = app.add_subcommand(
      "bench", "Measure the whole loop against a bare loop over the runtime's C API");
  struct Flags {
    BenchOptions options;
    std::string json;
  };
  auto flags = std::make_shared<Flags>();
  command->add_option("--cases", flags->options.cases, "Consecutive cases")->capture_default_str();
  command->add_option("--nodes", flags->options.nodes, "Nodes of a case")->capture_default_str();
  command->add_option("--seed", flags->options.seed, "Seed")->capture_default_str();
  command->add_option("--ort", flags->options.target, "Release or path of ONNX Runtime");
  command->add_flag_callback("--no-value-search", [flags] { flags->options.value_search = false; },
                    "Without the search for values that can be judged");
  AddJson(*command, flags->json);
  command->callback([flags, &context] {
    flags->options.progress = [](int64_t done, int64_t total) {
      if (done % 1000 == 0) fmt::print(stderr, "{} of {} cases\n", done, total);
    };
    const auto report = Bench(flags->options);
    if (!report) return Complain(context, report.error());
    fmt::print("{}\n", ToJson(*report));
    if (flags->json != "-") WriteJson(context, flags->json, ToJson(*report));
  });
}

}  // namespace moire
