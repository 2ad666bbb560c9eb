#include "harness/campaign/summary.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "fuzzers/generate/mend_json.h"
#include "harness/campaign/case_counter.h"

namespace moire {
namespace {

double Share(uint64_t part, uint64_t whole, double otherwise) {
  return whole == 0 ? otherwise : static_cast<double>(part) / static_cast<double>(whole);
}

nlohmann::json MadeJson(std::string_view name, const Totals::Made& made) {
  return {{"name", name},
          {"generated", made.generated},
          {"valid", made.valid},
          {"executed", made.executed}};
}

// Those that were generated.
nlohmann::json OperatorsJson(const Totals& totals) {
  auto out = nlohmann::json::array();
  const auto& operators = CountedOperators();
  for (size_t i = 0; i < operators.size(); ++i) {
    const Totals::ByOperator& row = totals.operators[i];
    if (row.made.generated == 0) continue;
    nlohmann::json json = MadeJson(operators[i].second, row.made);
    json["domain"] = operators[i].first;
    json["undecidable_share"] = Share(row.undecidable, row.elements, 0);
    out.push_back(std::move(json));
  }
  return out;
}

nlohmann::json TypesJson(const Totals& totals) {
  auto out = nlohmann::json::array();
  for (size_t type = 0; type < kNumTypes; ++type) {
    const Totals::ByType& row = totals.types[type];
    if (row.made.generated == 0) continue;
    nlohmann::json json = MadeJson(Name(static_cast<DataType>(type)), row.made);
    json["undecidable_share"] =
        Share(row.elements - row.decidable - row.unspecified, row.elements, 0);
    out.push_back(std::move(json));
  }
  return out;
}

}  // namespace

void Totals::Made::Add(const MadeCounts& counts) {
  generated += counts.generated;
  valid += counts.valid;
  executed += counts.executed;
}

void Totals::Add(const WorkerStats& stats) {
  cases += stats.cases;
  well_formed += stats.well_formed;
  valid += stats.valid;
  avoided += stats.avoided;
  unimplemented += stats.unimplemented;
  over_budget += stats.over_budget;
  external_data += stats.external_data;
  mend.Add(stats.Mend());
  blocks_total = std::max<uint64_t>(blocks_total, stats.blocks_total);
  blocks_base = std::max<uint64_t>(blocks_base, stats.blocks_base);
  blocks_reached = std::max<uint64_t>(blocks_reached, stats.blocks_reached);
  blocks_valid = std::max<uint64_t>(blocks_valid, stats.blocks_valid);
  for (size_t type = 0; type < types.size(); ++type) {
    types[type].elements += stats.types[type].elements;
    types[type].decidable += stats.types[type].decidable;
    types[type].unspecified += stats.types[type].unspecified;
    for (size_t slot = 0; slot < kBoundSlots; ++slot) {
      types[type].bounds[slot] += stats.types[type].bounds[slot];
    }
    types[type].made.Add(stats.types[type].counts);
  }
  for (size_t i = 0; i < operators.size(); ++i) {
    operators[i].made.Add(stats.operators[i].counts);
    operators[i].elements += stats.operators[i].elements;
    operators[i].undecidable += stats.operators[i].undecidable;
  }
}

double Totals::ValidShare() const { return Share(valid, well_formed, 1); }
double Totals::AvoidedShare() const { return Share(avoided, cases, 0); }

double Totals::DecidableShare() const {
  uint64_t elements = 0;
  uint64_t decidable = 0;
  for (const ByType& row : types) {
    elements += row.elements;
    decidable += row.decidable;
  }
  return Share(decidable, elements, 1);
}

double Totals::UnspecifiedShare() const {
  uint64_t elements = 0;
  uint64_t unspecified = 0;
  for (const ByType& row : types) {
    elements += row.elements;
    unspecified += row.unspecified;
  }
  return Share(unspecified, elements, 0);
}

double Totals::UndecidableShare() const {
  return std::max(0.0, 1 - DecidableShare() - UnspecifiedShare());
}

double Totals::MedianBound(const ByType& row) {
  uint64_t all = 0;
  for (const uint64_t count : row.bounds) all += count;
  uint64_t below = 0;
  for (size_t slot = 0; slot < kBoundSlots; ++slot) {
    below += row.bounds[slot];
    if (2 * below >= all) return BoundOfSlot(slot);
  }
  return 0;
}

std::string FormatDuration(double seconds) {
  const auto whole = static_cast<int64_t>(std::max(0.0, seconds));
  if (whole >= 3600) return fmt::format("{}h{:02}m", whole / 3600, whole / 60 % 60);
  if (whole >= 60) return fmt::format("{}m{:02}s", whole / 60, whole % 60);
  return fmt::format("{}s", whole);
}

std::string SummaryText(const CampaignSummary& summary) {
  const Totals& totals = summary.totals;
  std::string text = fmt::format(
      "\n{} cases in {} ({:.0f}/s), {:.1f} % of the well-formed ones accepted and run, corpus {}, "
      "restarts {}\n",
      totals.cases, FormatDuration(summary.seconds),
      static_cast<double>(totals.cases) / std::max(summary.seconds, 1e-3),
      100 * totals.ValidShare(), summary.corpus, summary.restarts);
  if (totals.blocks_total > 0) {
    text += fmt::format("blocks: {} reached of {}, {} at the start; {} new by accepted cases\n",
                        totals.blocks_reached, totals.blocks_total, totals.blocks_base,
                        totals.blocks_valid);
  }
  text += fmt::format(
      "judged: {:.1f} % of output elements decidable, {:.1f} % unspecified by ONNX; "
      "{:.2f} % of cases steered around known crashes\n",
      100 * totals.DecidableShare(), 100 * totals.UnspecifiedShare(), 100 * totals.AvoidedShare());
  size_t distinct = 0;
  for (const StoredFinding& finding : summary.findings) distinct += finding.merged_into.empty();
  text += fmt::format("{} distinct finding{}", distinct, distinct == 1 ? "" : "s");
  if (summary.unconfirmed > 0) {
    text += fmt::format(", {} sighting{} that did not repeat ({}/unconfirmed)", summary.unconfirmed,
                        summary.unconfirmed == 1 ? "" : "s", summary.out);
  }
  if (summary.untriaged > 0) {
    text += fmt::format(", {} candidate{} left for the next run", summary.untriaged,
                        summary.untriaged == 1 ? "" : "s");
  }
  text += '\n';
  for (const StoredFinding& finding : summary.findings) {
    if (!finding.merged_into.empty()) continue;
    text += fmt::format("  {:<9} {:<17} {} ({} node{}) on {}, seen {}x: {}\n            {}/{}\n",
                        Name(finding.state), finding.verdict, finding.operators, finding.nodes,
                        finding.nodes == 1 ? "" : "s", finding.configurations, finding.times_seen,
                        finding.reason, summary.out, finding.bundle);
  }
  return text;
}

std::string SummaryJson(const CampaignSummary& summary) {
  const Totals& totals = summary.totals;
  auto decidable = nlohmann::json::object();
  auto bounds = nlohmann::json::object();
  for (size_t type = 0; type < kNumTypes; ++type) {
    const Totals::ByType& row = totals.types[type];
    if (row.elements == 0) continue;
    const std::string name(Name(static_cast<DataType>(type)));
    decidable[name] = Share(row.decidable, row.elements, 1);
    if (IsFloat(static_cast<DataType>(type))) bounds[name] = Totals::MedianBound(row);
  }
  auto findings = nlohmann::json::array();
  for (const StoredFinding& finding : summary.findings) {
    if (!finding.merged_into.empty()) continue;
    findings.push_back({{"symptom", finding.symptom},
                        {"cause", finding.cause},
                        {"verdict", finding.verdict},
                        {"operators", finding.operators},
                        {"nodes", finding.nodes},
                        {"times_seen", finding.times_seen},
                        {"bundle", summary.out + "/" + finding.bundle},
                        {"state", Name(finding.state)},
                        {"reason", finding.reason},
                        {"configurations", finding.configurations}});
  }
  const nlohmann::json json = {{"cases", totals.cases},
                               {"seconds", summary.seconds},
                               {"valid_share", totals.ValidShare()},
                               {"decidable_share", decidable},
                               {"decidable_share_all", totals.DecidableShare()},
                               {"unspecified_share", totals.UnspecifiedShare()},
                               {"undecidable_share", totals.UndecidableShare()},
                               {"operators", OperatorsJson(totals)},
                               {"types", TypesJson(totals)},
                               {"median_bound", bounds},
                               {"avoided_share", totals.AvoidedShare()},
                               {"unimplemented", totals.unimplemented},
                               {"over_budget", totals.over_budget},
                               {"external_data", totals.external_data},
                               {"mutants", MutantsJson(totals.mend)},
                               {"solver", SolverJson(totals.mend.solver)},
                               {"blocks_total", totals.blocks_total},
                               {"blocks_base", totals.blocks_base},
                               {"blocks_reached", totals.blocks_reached},
                               {"blocks_new_by_accepted", totals.blocks_valid},
                               {"corpus", summary.corpus},
                               {"restarts", summary.restarts},
                               {"unconfirmed", summary.unconfirmed},
                               {"untriaged", summary.untriaged},
                               {"findings", findings}};
  return json.dump(1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace moire
