// moire_bank: what reduction and explanation are worth, in full counts. Prints the tables of
// docs/reducing.md.
//   moire_bank --explain --fresh 500
//   moire_bank --graphs --json FILE
#include <CLI/CLI.hpp>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "tests/bank/conditions.h"
#include "tests/bank/graphs.h"

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

nlohmann::json ToJson(const Reduction& r) {
  return {{"nodes", r.nodes},
          {"bytes", r.bytes},
          {"checks", r.checks},
          {"seconds", r.seconds},
          {"minimal", r.minimal}};
}

nlohmann::json PrintGraphs(double seconds, const std::string& only, uint64_t seed) {
  nlohmann::json rows = nlohmann::json::array();
  std::printf("%-18s %5s %4s | %5s %7s %6s %3s %3s | %6s %7s | %5s %6s | %s\n", "graph", "nodes",
              "best", "nodes", "checks", "s", "min", "ver", "chunks", "checks", "cut", "checks",
              "checks to the chunks' nodes");
  for (const FailingGraph& graph : Bank(seed)) {
    if (!only.empty() && graph.name.find(only) == std::string::npos) continue;
    const GraphReport r = MeasureGraph(graph, seconds);
    const int to = r.ours.ChecksTo(r.chunks.nodes);
    std::printf("%-18s %5ld %4ld | %5ld %7d %6.2f %3s %3s | %6ld %7d | %5ld %6d | %d%s%s\n",
                r.name.c_str(), r.nodes, r.smallest, r.ours.nodes, r.ours.checks, r.ours.seconds,
                r.ours.minimal ? "yes" : "no", r.verified ? "yes" : "NO", r.chunks.nodes,
                r.chunks.checks, r.cut.nodes, r.cut.checks, to,
                r.still_fails.empty() ? "" : (" " + r.still_fails).c_str(),
                r.error.empty() ? "" : (" " + r.error).c_str());
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
  }
  return rows;
}

}  // namespace
}  // namespace moire::bank

int main(int argc, char** argv) {
  CLI::App app("Measures reduction and explanation");
  bool explain = false, graphs = false;
  double seconds = 60;
  uint64_t seed = 1;
  int fresh = 500;
  std::string only, json_path;
  app.add_flag("--explain", explain, "planted faults with known conditions");
  app.add_flag("--graphs", graphs, "the bank of failing graphs, beside the baselines");
  app.add_option("--seconds", seconds, "for each reduction");
  app.add_option("--seed", seed, "of the bank");
  app.add_option("--fresh", fresh, "neighbours that each predicate is tried on");
  app.add_option("--only", only, "only those whose name holds this");
  app.add_option("--json", json_path, "file for the figures");
  CLI11_PARSE(app, argc, argv);
  nlohmann::json all;
  if (explain) all["explain"] = moire::bank::PrintExplain(fresh, only);
  if (graphs) all["graphs"] = moire::bank::PrintGraphs(seconds, only, seed);
  if (json_path.empty()) return 0;
  return moire::WriteFile(json_path, all.dump(1) + "\n") ? 0 : 3;
}
