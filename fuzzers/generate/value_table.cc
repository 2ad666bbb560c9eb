#include "fuzzers/generate/value_table.h"

#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "fuzzers/mutate/mutate.h"
#include "fuzzers/values/value_search.h"

namespace moire {
namespace {

// Two counts of 4 000 differ by 2.2 % of their size (one standard deviation): a tenth is far
// outside for every one of 150 operators.
constexpr size_t kFewestNodes = 4000;

double CpuMicroseconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) / 1e3;
}

double Share(size_t part, size_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

bool HasFloatOutput(const GeneratedCase& made) {
  return std::ranges::any_of(made.model.graph.outputs,
                             [](const ValueInfo& output) { return IsFloat(output.type.type); });
}

}  // namespace

ValueRow MeasureValues(GeneratorSettings settings, int nodes, int cases, uint64_t seed,
                       bool search) {
  settings.min_nodes = settings.max_nodes = nodes;
  const Learned learned;
  Random random(seed);
  ValueSearch values;
  ValueRow row;
  row.nodes = nodes;
  row.search = search;
  GeneratedCase made;
  for (int i = 0; i < cases; ++i) {
    made =
        i % 8 == 0 ? Generate(random, settings, learned) : Mutate(made, random, settings, learned);
    if (made.malformed) continue;
    ++row.cases;
    for (const Node& node : made.model.graph.nodes) ++row.operators[node.op];
    double start = CpuMicroseconds();
    Assessment assessment = Assess(Evaluate(made.model, made.inputs));
    row.reference_us += CpuMicroseconds() - start;
    start = CpuMicroseconds();
    const bool tame = ValueSearch::Applies(made);
    if (search && tame && assessment.evaluated && !assessment.Good()) {
      Random own(Mix64(seed) ^ static_cast<uint64_t>(i));
      const bool changed = values.Improve(made, own).changed;
      row.search_us += CpuMicroseconds() - start;
      // Judged by an evaluation of its own, not by what the search says of itself.
      if (changed) assessment = Assess(Evaluate(made.model, made.inputs));
    } else if (search) {
      row.search_us += CpuMicroseconds() - start;
    }
    row.wild += tame ? 0 : 1;
    if (!tame || !assessment.evaluated || !HasFloatOutput(made)) continue;
    ++row.graphs;
    row.finite += assessment.not_finite == 0 ? 1 : 0;
    row.decidable += assessment.Decidable() ? 1 : 0;
    row.good += assessment.Good() ? 1 : 0;
  }
  row.reference_us /= static_cast<double>(std::max<size_t>(row.cases, 1));
  row.search_us /= static_cast<double>(std::max<size_t>(row.cases, 1));
  return row;
}

LargestFall CompareOperators(std::span<const ValueRow> rows) {
  std::map<std::string, size_t> counts[2];
  size_t nodes[2] = {0, 0};
  for (const ValueRow& row : rows) {
    for (const auto& [op, count] : row.operators) {
      counts[row.search ? 1 : 0][op] += count;
      nodes[row.search ? 1 : 0] += count;
    }
  }
  LargestFall out;
  for (const auto& [op, count] : counts[0]) {
    if (count < kFewestNodes) continue;
    ++out.operators;
    const double fall = 1 - Share(counts[1][op], nodes[1]) / Share(count, nodes[0]);
    if (out.name.empty() || fall > out.fall) {
      out.name = op;
      out.fall = fall;
    }
  }
  return out;
}

std::string ToText(std::span<const ValueRow> rows) {
  std::string out =
      "nodes search   cases   wild  graphs  finite  decidable    both  reference us  search us\n";
  for (const ValueRow& row : rows) {
    out += fmt::format(
        "{:>5} {:>6} {:>7} {:>6.4f} {:>7}  {:.4f}     {:.4f}  {:.4f}  {:>12.1f}  {:>9.1f}\n",
        row.nodes, row.search ? "on" : "off", row.cases, Share(row.wild, row.cases), row.graphs,
        Share(row.finite, row.graphs), Share(row.decidable, row.graphs),
        Share(row.good, row.graphs), row.reference_us, row.search_us);
  }
  const LargestFall fall = CompareOperators(rows);
  out += fmt::format("largest fall of an operator's share, of {} compared: {:.1f} % ({})\n",
                     fall.operators, 100 * fall.fall, fall.name);
  return out;
}

std::string ToJson(std::span<const ValueRow> rows) {
  nlohmann::json json;
  json["rows"] = nlohmann::json::array();
  for (const ValueRow& row : rows) {
    json["rows"].push_back({{"nodes", row.nodes},
                            {"search", row.search},
                            {"cases", row.cases},
                            {"wild_share", Share(row.wild, row.cases)},
                            {"graphs", row.graphs},
                            {"finite_share", Share(row.finite, row.graphs)},
                            {"decidable_share", Share(row.decidable, row.graphs)},
                            {"good_share", Share(row.good, row.graphs)},
                            {"reference_us", row.reference_us},
                            {"search_us", row.search_us},
                            {"operators", row.operators}});
  }
  const LargestFall fall = CompareOperators(rows);
  json["largest_fall"] = {
      {"operator", fall.name}, {"fall", fall.fall}, {"compared", fall.operators}};
  return json.dump(1);
}

}  // namespace moire
