// moire_bank: what reduction and explanation are worth, in full counts. Prints the tables of
// docs/reducing.md.
//   moire_bank --explain --fresh 500
//   moire_bank --same
//   moire_bank --graphs --json FILE
//   moire_bank --rates
//   moire_bank --save DIR; moire_bank --check NAME MODEL: the graphs and their tests for other
//   tools
//   moire_bank --graphs --orders     the fixed and the learned order, beside the baselines
#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "harness/case/temporary_directory.h"
#include "harness/execute/execute.h"
#include "synth/judge.h"
#include "synth/load.h"
#include "tests/bank/conditions.h"
#include "tests/bank/graphs.h"
#include "tests/bank/rates.h"
#include "tests/bank/same_bugs.h"

namespace moire::bank {
namespace {

nlohmann::json PrintExplain(int fresh, const std::string& only) {
  nlohmann::json rows = nlohmann::json::array();
  std::printf("%-18s %5s %7s %6s  %s\n", "fault", "right", "of", "s", "predicate");
  for (const Condition& condition : Conditions()) {
    if (!only.empty() && condition.plant.name.find(only) == std::string::npos) continue;
    const ExplainReport r = MeasureExplain(condition, fresh);
    std::printf("%-18s %5d %7d %6.1f  %s\n", r.name.c_str(), r.right, r.fresh, r.seconds,
                r.error.empty() ? r.predicate.c_str() : r.error.c_str());
    std::fflush(stdout);
    rows.push_back({{"name", r.name},
                    {"truth", r.truth},
                    {"predicate", r.predicate},
                    {"error", r.error},
                    {"fresh", r.fresh},
                    {"right", r.right},
                    {"failing", r.failing},
                    {"seconds", r.seconds}});
  }
  return rows;
}

nlohmann::json PrintSame(const std::string& only) {
  const SameBugsReport r = MeasureSameBugs(6, only);
  std::printf("sightings of one fault: %d of %d pairs told to be one bug\n", r.told_same, r.of_one);
  std::printf("of two faults in one operator, %d pairs: %s\n", r.of_two,
              r.mistaken.empty() ? "none" : r.mistaken.c_str());
  return {{"of_one", r.of_one},
          {"told_same", r.told_same},
          {"of_two", r.of_two},
          {"mistaken", r.mistaken},
          {"seconds", r.seconds}};
}

nlohmann::json ToJson(const Reduction& r) {
  return {{"nodes", r.nodes},
          {"bytes", r.bytes},
          {"checks", r.checks},
          {"seconds", r.seconds},
          {"minimal", r.minimal}};
}

void PrintOrders(const GraphReport& r) {
  std::printf("%-18s", "  nodes checks s:");
  for (const auto& [name, done] : {std::pair("fixed", &r.fixed), std::pair("learned", &r.learned),
                                   std::pair("experienced", &r.experienced)}) {
    std::printf("  %s %ld %d %.2f%s", name, done->nodes, done->checks, done->seconds,
                done->minimal ? "" : " (not minimal)");
  }
  std::printf("\n");
}

nlohmann::json PrintGraphs(const MeasureOptions& measure, const std::string& only, uint64_t seed) {
  nlohmann::json rows = nlohmann::json::array();
  std::printf("%-18s %5s %4s | %5s %7s %6s %3s %3s | %6s %7s | %5s %6s | %s\n", "graph", "nodes",
              "best", "nodes", "checks", "s", "min", "ver", "chunks", "checks", "cut", "checks",
              "checks to the chunks' nodes");
  for (const FailingGraph& graph : Bank(seed)) {
    if (!only.empty() && graph.name.find(only) == std::string::npos) continue;
    const GraphReport r = MeasureGraph(graph, measure);
    const int to = r.ours.ChecksTo(r.chunks.nodes);
    std::printf("%-18s %5ld %4ld | %5ld %7d %6.2f %3s %3s | %6ld %7d | %5ld %6d | %d%s%s\n",
                r.name.c_str(), r.nodes, r.smallest, r.ours.nodes, r.ours.checks, r.ours.seconds,
                r.ours.minimal ? "yes" : "no", r.verified ? "yes" : "NO", r.chunks.nodes,
                r.chunks.checks, r.cut.nodes, r.cut.checks, to,
                r.still_fails.empty() ? "" : (" " + r.still_fails).c_str(),
                r.error.empty() ? "" : (" " + r.error).c_str());
    if (measure.orders) PrintOrders(r);
    std::fflush(stdout);
    rows.push_back({{"name", r.name},
                    {"kind", r.kind},
                    {"nodes", r.nodes},
                    {"bytes", r.bytes},
                    {"smallest", r.smallest},
                    {"ours", ToJson(r.ours)},
                    {"chunks", ToJson(r.chunks)},
                    {"cut", ToJson(r.cut)},
                    {"verified", r.verified},
                    {"checks_to_chunks", to},
                    {"error", r.error},
                    {"still_fails", r.still_fails}});
    if (!measure.orders) continue;
    rows.back()["fixed"] = ToJson(r.fixed);
    rows.back()["learned"] = ToJson(r.learned);
    rows.back()["experienced"] = ToJson(r.experienced);
  }
  return rows;
}

nlohmann::json PrintRates(int cases) {
  nlohmann::json rows = nlohmann::json::array();
  std::printf("%-12s %7s %6s %9s %9s %6s %6s\n", "failure", "checks", "nodes", "checks/s", "bare/s",
              "ratio", "wall");
  for (const bool crash : {false, true}) {
    const char* kind = crash ? "crash" : "difference";
    const Result<RateReport> r = MeasureRate({.release = {}, .cases = cases, .crash = crash});
    if (!r) {
      std::fprintf(stderr, "moire_bank: %s: %s\n", kind, r.error().message.c_str());
      continue;
    }
    std::printf("%-12s %7ld %6.2f %9.0f %9.0f %6.2f %6.2f\n", kind, r->checks, r->mean_nodes,
                r->rate(), r->bare_rate(), r->ratio(), r->wall_ratio());
    std::fflush(stdout);
    rows.push_back({{"failure", kind},
                    {"checks", r->checks},
                    {"compared", r->compared},
                    {"mean_nodes", r->mean_nodes},
                    {"checks_per_second", r->rate()},
                    {"bare_per_second", r->bare_rate()},
                    {"ratio", r->ratio()},
                    {"wall_ratio", r->wall_ratio()}});
  }
  return rows;
}

// Graphs whose failure needs no values of their own, as NAME.onnx with - for /.
Status SaveGraphs(const std::string& directory, const std::string& only, uint64_t seed) {
  for (const FailingGraph& graph : Bank(seed)) {
    if (graph.plant.effect != Effect::kWrong || graph.plant.percent < 100 ||
        graph.kind == "value" || graph.name.find(only) == std::string::npos) {
      continue;
    }
    std::string name = graph.name;
    std::ranges::replace(name, '/', '-');
    MOIRE_TRY(WriteFile(fmt::format("{}/{}.onnx", directory, name), graph.test_case.model));
  }
  return {};
}

// Whether a model, or a directory with one, fails as the graph of that name does; a line of the log
// tells when and with how many nodes.
Result<bool> Fails(const std::string& name, const std::string& path, const std::string& log,
                   uint64_t seed) {
  for (const FailingGraph& graph : Bank(seed)) {
    std::string own = graph.name;
    std::ranges::replace(own, '/', '-');
    if (own != name) continue;
    MOIRE_ASSIGN(const std::vector<LoadedCase> cases, LoadCases(path));
    if (cases.empty()) return Fail(ErrorCode::kInvalidInput, "{}: holds no model", path);
    const Case& test_case = cases.front().test_case;
    const Execution run = Execute(test_case, OpenPlantedAt(graph.plant, 3));
    const bool fails = WorstBug(run.verdicts) != nullptr;
    if (std::FILE* file = log.empty() ? nullptr : std::fopen(log.c_str(), "a")) {
      const std::chrono::duration<double> now = std::chrono::system_clock::now().time_since_epoch();
      std::fprintf(file, "%.3f %d %ld\n", now.count(), fails ? 1 : 0,
                   run.model ? CountNodes(run.model->graph) : int64_t{-1});
      std::fclose(file);
    }
    return fails;
  }
  return Fail(ErrorCode::kInvalidInput, "there is no graph '{}'", name);
}

}  // namespace
}  // namespace moire::bank

int main(int argc, char** argv) {
  CLI::App app("Measures reduction and explanation");
  bool explain = false, graphs = false, rates = false, same = false;
  int cases = 20;
  moire::bank::MeasureOptions measure;
  uint64_t seed = 1;
  int fresh = 500;
  std::string only, json_path;
  app.add_flag("--explain", explain, "planted faults with known conditions");
  app.add_flag("--same", same, "whether sightings of planted faults are told to be one bug");
  app.add_flag("--graphs", graphs, "the bank of failing graphs, beside the baselines");
  app.add_flag("--rates", rates, "checks a second, beside bare loops");
  app.add_option("--cases", cases, "reductions for --rates");
  app.add_option("--seconds", measure.seconds, "for each reduction");
  app.add_option("--jobs", measure.jobs, "processes that judge candidates at once");
  app.add_flag("--orders", measure.orders, "compare the orders of edits");
  app.add_option("--experience", measure.experience,
                 "the learned order's file; default: a new one");
  app.add_option("--seed", seed, "of the bank");
  app.add_option("--fresh", fresh, "neighbours that each predicate is tried on");
  app.add_option("--only", only, "only those whose name holds this");
  app.add_option("--json", json_path, "file for the figures");
  std::string save, check, log, model;
  app.add_option("--save", save, "directory for the graphs, as models");
  app.add_option("--check", check, "exit code 1 where MODEL fails as this graph does, 0 otherwise");
  app.add_option("--log", log, "of --check: a line for each run: time, fails, nodes");
  app.add_option("model", model, "of --check");
  CLI11_PARSE(app, argc, argv);
  if (!check.empty()) {
    const auto fails = moire::bank::Fails(check, model, log, seed);
    if (!fails) std::fprintf(stderr, "moire_bank: %s\n", fails.error().message.c_str());
    return fails && *fails ? 1 : 0;
  }
  if (!save.empty() && !moire::bank::SaveGraphs(save, only, seed)) return 3;
  const moire::TemporaryDirectory scratch;
  if (measure.experience.empty()) measure.experience = scratch.path() + "/experience.txt";
  nlohmann::json all;
  if (same) all["same"] = {moire::bank::PrintSame(only)};
  if (explain) all["explain"] = moire::bank::PrintExplain(fresh, only);
  if (graphs) all["graphs"] = moire::bank::PrintGraphs(measure, only, seed);
  if (rates) all["rates"] = moire::bank::PrintRates(cases);
  if (json_path.empty()) return 0;
  return moire::WriteFile(json_path, all.dump(1) + "\n") ? 0 : 3;
}
