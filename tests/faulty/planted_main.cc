// moire_planted: the acceptance measurements with the fault-injecting runtime, in full counts.
//   moire_planted --twin 100000
//   moire_planted --faults all --seeds 10 --cases 20000 --findings 20
//   moire_planted --power 20000
//   moire_planted --bits 240 --lengths 64,1024
//   moire_planted --sizes 1000
//   moire_planted --stress 100000 --backend ort@1.32.0:level=none
//   moire_planted --rules OUT/rules.json --spec faulty:fault=crash --rule-cases 5000
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <iterator>
#include <nlohmann/json.hpp>

#include "harness/case/case.h"
#include "tests/faulty/fault_sizes.h"
#include "tests/faulty/planted.h"
#include "tests/faulty/precision.h"
#include "tests/faulty/rule_width.h"
#include "tests/faulty/stress.h"

int main(int argc, char** argv) {
  using namespace moire::faulty;
  CLI::App app("Measures what Moire's judgement is worth");
  TwinOptions twin{.cases = 0, .save = {}};
  FaultOptions fault;
  PowerOptions power{.cases = 0};
  std::vector<std::string> faults;
  std::string json_path;
  uint64_t seed = 1;
  app.add_option("--twin", twin.cases, "cases for the clean twin");
  app.add_option("--first", twin.first, "index of the first case of --twin, --stress");
  app.add_option("--save", twin.save, "directory for the cases that raise an alarm");
  app.add_option("--min-nodes", twin.min_nodes, "nodes of the twin's cases");
  app.add_option("--max-nodes", twin.max_nodes, "nodes of the twin's cases");
  app.add_option("--seed", seed, "of the twin's and the power measurement's cases");
  app.add_option("--faults", faults, "names of planted faults, or all")->delimiter(',');
  int jobs = 1;
  app.add_option("--jobs", jobs, "faults at a time")->check(CLI::PositiveNumber);
  app.add_option("--seeds", fault.seeds, "seeds for each fault");
  app.add_option("--cases", fault.cases, "cases for each seed");
  app.add_option("--findings", fault.findings, "findings investigated for each fault");
  app.add_option("--reduce-seconds", fault.reduce_seconds, "for each reduction");
  app.add_option_function<std::string>(
      "--search",
      [&fault](const std::string& name) {
        const moire::Result<moire::SearchOrder> order = moire::ParseSearchOrder(name);
        if (!order) throw CLI::ValidationError("--search", order.error().message);
        fault.search = *order;
      },
      "fixed or learned, of each reduction");
  app.add_option("--bundles", fault.bundles, "directory for bundles");
  app.add_option("--power", power.cases, "cases with a fault of twice the bound");
  app.add_option("--nodes", power.nodes, "nodes of the cases for --power");
  app.add_flag("--whole-standard", power.whole_standard, "every operator and type, for --power");
  PrecisionOptions precision;
  app.add_option("--bits", precision.backends, "simulated backends for moire bits");
  app.add_option("--lengths", precision.lengths, "numbers of terms for --bits")->delimiter(',');
  int64_t sizes = 0;
  app.add_option("--sizes", sizes, "trials for each fault of known size");
  StressOptions stress{.backend = {}, .save = {}};
  app.add_option("--stress", stress.cases, "judged cases that are hard to compute");
  app.add_option("--backend", stress.backend, "SPEC for --stress; default the clean twin");
  std::string rules, spec;
  int64_t rule_cases = 5000;
  app.add_option("--rules", rules, "avoid rules of a campaign, to be held against their fault");
  app.add_option("--spec", spec, "the runtime that the campaign ran");
  app.add_option("--rule-cases", rule_cases, "cases for --spec");
  app.add_option("--json", json_path, "file for the figures");
  CLI11_PARSE(app, argc, argv);
  twin.seed = power.seed = precision.seed = stress.seed = seed;
  stress.first = twin.first;
  stress.save = twin.save;

  nlohmann::json all;
  const auto say = [&](const char* key, nlohmann::json figures) {
    std::printf("%s\n", figures.dump().c_str());
    std::fflush(stdout);
    all[key].push_back(std::move(figures));
  };
  bool good = true;
  if (twin.cases > 0) {
    const TwinReport report = RunTwin(twin);
    good = good && report.alarms.empty();
    say("twin", ToJson(report));
  }
  if (power.cases > 0) {
    const PowerReport report = RunPower(power);
    good = good && report.reported == report.faults;
    say("power", ToJson(report));
  }
  if (precision.backends > 0) {
    const PrecisionReport report = RunPrecision(precision);
    good = good && report.right == report.backends;
    say("bits", ToJson(report));
  }
  if (sizes > 0) {
    const std::vector<FaultSize> report = RunFaultSizes(sizes, seed);
    for (const FaultSize& size : report) good = good && size.alarms == 0;
    say("sizes", ToJson(report));
  }
  if (stress.cases > 0) {
    const auto report = RunStress(stress);
    if (!report) {
      std::fprintf(stderr, "moire_planted: %s\n", report.error().message.c_str());
      return 2;
    }
    good = good && report->alarms.empty() && report->judged >= stress.cases;
    say("stress", ToJson(*report));
  }
  if (!spec.empty()) {
    const auto width = MeasureRuleWidth(rules, spec, rule_cases, seed);
    if (!width) {
      std::fprintf(stderr, "moire_planted: %s\n", width.error().message.c_str());
      return 2;
    }
    say("rule_width", ToJson(*width));
  }
  const auto wanted = [&](const FaultEntry& entry) {
    return !faults.empty() &&
           (faults[0] == "all" || std::ranges::find(faults, entry.name) != faults.end());
  };
  std::vector<FaultEntry> chosen;
  std::ranges::copy_if(PlantedFaults(), std::back_inserter(chosen), wanted);
  const bool all_ran = RunFaults(chosen, fault, jobs, [&](nlohmann::json figures) {
    good = good && figures["found_in"].get<int>() * 10 >= figures["seeds"].get<int>() * 9;
    say("faults", std::move(figures));
  });
  if (!all_ran) {
    std::fprintf(stderr, "moire_planted: a measurement ended without its figures\n");
    return 3;
  }
  if (!json_path.empty()) {
    const moire::Status written = moire::WriteFile(json_path, all.dump(1));
    if (!written) {
      std::fprintf(stderr, "moire_planted: %s\n", written.error().message.c_str());
      return 3;
    }
  }
  return good ? 0 : 1;
}
