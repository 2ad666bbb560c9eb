#include "harness/campaign/triage.h"

#include <algorithm>
#include <filesystem>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "harness/case/onnx_adapter.h"
#include "oracles/configuration_name.h"
#include "oracles/reference/reference.h"
#include "synth/investigate.h"

namespace moire {
namespace {

constexpr std::string_view kStatusNames[] = {"confirmed", "unconfirmed", "ours"};

// "Div, Mul": the operators of a graph in order, each once.
std::string OperatorsOf(const Model& model) {
  std::vector<std::string> names;
  for (const Node& node : model.graph.nodes) {
    if (std::find(names.begin(), names.end(), node.op) == names.end()) names.push_back(node.op);
  }
  return fmt::format("{}", fmt::join(names, ", "));
}

// What a rule needs to know of the reduced case. The reference has evaluated it before: this ends.
std::optional<AvoidRule> RuleOf(const Finding& finding, const Model& model) {
  const VerdictKind kind = finding.verdict.kind;
  if (kind != VerdictKind::kCrash && kind != VerdictKind::kHang && kind != VerdictKind::kMemory) {
    return std::nullopt;
  }
  Facts facts = FactsOfInputs(model, finding.test_case.inputs);
  ReferenceOptions options;
  options.on_node = [&](const Node& node, std::span<const RangeTensor> values) {
    for (size_t i = 0; i < std::min(values.size(), node.outputs.size()); ++i) {
      facts[node.outputs[i]] = {values[i].type, FlagsOf(values[i])};
    }
  };
  Evaluate(model, finding.test_case.inputs, options);
  auto rule = RuleFromCase(finding.cause, ConfigurationClass(finding.verdict.configuration), model,
                           facts);
  if (!rule) return rule;
  for (const std::string& name : finding.configurations) {
    const std::string kind_of = ConfigurationClass(name);
    if (std::find(rule->configurations.begin(), rule->configurations.end(), kind_of) ==
        rule->configurations.end()) {
      rule->configurations.push_back(kind_of);
    }
  }
  return rule;
}

// A case on which Moire or the ONNX library died or hung is kept as it is: a bundle cannot be written
// by the code that fails on it.
Result<TriageResult> KeepOurs(const Candidate& candidate, const std::string& out,
                              std::string reason) {
  TriageResult result;
  result.status = TriageStatus::kOurs;
  result.reason = std::move(reason);
  StoredFinding& finding = result.finding;
  finding.symptom = candidate.symptom;
  finding.cause = candidate.ours ? candidate.symptom : "ours/" + candidate.symptom;
  finding.verdict = std::string(Name(VerdictKind::kOracleError));
  finding.reason = result.reason;
  finding.state = FindingState::kOurs;
  finding.bundle = "findings/ours-" + CaseKey(finding.cause);
  std::error_code error;
  std::filesystem::create_directories(out + "/" + finding.bundle, error);
  MOIRE_TRY(WriteFile(out + "/" + finding.bundle + "/case.pb", candidate.case_bytes));
  return result;
}

}  // namespace

std::string ToJson(const TriageResult& result) {
  const StoredFinding& f = result.finding;
  nlohmann::json json = {{"status", kStatusNames[static_cast<size_t>(result.status)]},
                         {"reason", result.reason},
                         {"finding",
                          {{"cause", f.cause},
                           {"symptom", f.symptom},
                           {"verdict", f.verdict},
                           {"reason", f.reason},
                           {"operators", f.operators},
                           {"nodes", f.nodes},
                           {"configurations", f.configurations},
                           {"bundle", f.bundle},
                           {"state", Name(f.state)}}}};
  if (result.rule) json["rule"] = RulesToJson({*result.rule});
  return json.dump(1, ' ', false, nlohmann::json::error_handler_t::replace);
}

Result<TriageResult> TriageResultFromJson(std::string_view text) {
  TriageResult out;
  try {
    const auto json = nlohmann::json::parse(text);
    const auto status = std::find(std::begin(kStatusNames), std::end(kStatusNames),
                                  json.at("status").get<std::string>());
    if (status == std::end(kStatusNames)) {
      return Fail(ErrorCode::kInvalidInput, "triage: unknown status");
    }
    out.status = static_cast<TriageStatus>(status - std::begin(kStatusNames));
    out.reason = json.at("reason");
    const auto& f = json.at("finding");
    out.finding.cause = f.at("cause");
    out.finding.symptom = f.at("symptom");
    out.finding.verdict = f.at("verdict");
    out.finding.reason = f.at("reason");
    out.finding.operators = f.at("operators");
    out.finding.nodes = f.at("nodes");
    out.finding.configurations = f.at("configurations");
    out.finding.bundle = f.at("bundle");
    out.finding.state =
        ParseFindingState(f.at("state").get<std::string>()).value_or(FindingState::kNew);
    if (json.contains("rule")) {
      MOIRE_ASSIGN(auto rules, RulesFromJson(json["rule"].get<std::string>()));
      if (!rules.empty()) out.rule = std::move(rules.front());
    }
  } catch (const nlohmann::json::exception& error) {
    return Fail(ErrorCode::kInvalidInput, "triage: {}", error.what());
  }
  return out;
}

Result<TriageResult> Triage(const Candidate& candidate, const std::vector<std::string>& specs,
                            const std::string& out, double seconds) {
  if (candidate.ours) return KeepOurs(candidate, out, candidate.verdict.reason);
  MOIRE_ASSIGN(const Case test_case, ParseCase(candidate.case_bytes));
  InvestigateOptions options;
  options.reduce.max_seconds = seconds / 2;
  MOIRE_ASSIGN(const Investigation found,
               Investigate(test_case, candidate.verdict, specs, out + "/findings", options));
  if (found.standing == Standing::kOurs) return KeepOurs(candidate, out, found.reason);
  TriageResult result;
  result.reason = found.reason;
  if (found.standing != Standing::kConfirmed) return result;
  result.status = TriageStatus::kConfirmed;
  const Finding& finding = found.finding;
  MOIRE_ASSIGN(const Model model, ParseModel(finding.test_case.model));
  result.finding.cause = finding.cause;
  result.finding.symptom = finding.symptom;
  result.finding.verdict = std::string(Name(finding.verdict.kind));
  result.finding.reason = finding.verdict.reason;
  result.finding.operators = OperatorsOf(model);
  if (!finding.blamed_optimizer.empty()) {
    result.finding.operators += " by " + finding.blamed_optimizer;
  }
  result.finding.nodes = CountNodes(model.graph);
  result.finding.configurations = fmt::format("{}", fmt::join(finding.configurations, ", "));
  result.finding.bundle =
      std::filesystem::path(found.bundle).lexically_relative(out).string();
  result.rule = RuleOf(finding, model);
  return result;
}

}  // namespace moire
