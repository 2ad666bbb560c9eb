// moire_bank: what reduction and explanation are worth, in full counts. Prints the tables of
// docs/reducing.md.
//   moire_bank --explain --fresh 500
#include <CLI/CLI.hpp>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "tests/bank/conditions.h"

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
    rows.push_back({{"name", r.name}, {"truth", r.truth}, {"predicate", r.predicate}, {"error", r.error},
                    {"fresh", r.fresh}, {"right", r.right}, {"failing", r.failing}, {"seconds", r.seconds}});
  }
  return rows;
}

}  // namespace
}  // namespace moire::bank

int main(int argc, char** argv) {
  CLI::App app("Measures reduction and explanation");
  bool explain = false;
  int fresh = 500;
  std::string only, json_path;
  app.add_flag("--explain", explain, "planted faults with known conditions");
  app.add_option("--fresh", fresh, "neighbours that each predicate is tried on");
  app.add_option("--only", only, "only those whose name holds this");
  app.add_option("--json", json_path, "file for the figures");
  CLI11_PARSE(app, argc, argv);
  nlohmann::json all;
  if (explain) all["explain"] = moire::bank::PrintExplain(fresh, only);
  if (json_path.empty()) return 0;
  return moire::WriteFile(json_path, all.dump(1) + "\n") ? 0 : 3;
}
