#include "harness/campaign/triage.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "harness/campaign/parts.h"
#include "harness/campaign/worker_config.h"
#include "harness/case/onnx_adapter.h"
#include "oracles/configuration_name.h"
#include "oracles/reference/reference.h"
#include "synth/bundle.h"
#include "synth/explain/same_bug.h"
#include "synth/investigate.h"
#include "synth/symptom_check.h"

namespace moire {
namespace {

// What led to one cause this often is that cause.
constexpr int kSameCause = 2;
// What leads to several causes is triaged at most so often.
constexpr int kMaxTriaged = 12;
constexpr int kMaxUnconfirmed = 3;

constexpr std::string_view kStatusNames[] = {"confirmed", "unconfirmed", "ours"};

// "Div, Mul": the operators of a graph in order, each once.
std::string OperatorsOf(const Model& model) {
  std::vector<std::string> names;
  for (const Node& node : model.graph.nodes) {
    if (std::find(names.begin(), names.end(), node.op) == names.end()) names.push_back(node.op);
  }
  return fmt::format("{}", fmt::join(names, ", "));
}

// What a rule needs to know of a case's values. The reference has evaluated it before: this ends.
Facts FactsOf(const Model& model, const std::vector<NamedTensor>& inputs) {
  Facts facts = FactsOfInputs(model, inputs);
  ReferenceOptions options;
  options.on_node = [&](const Node& node, std::span<const RangeTensor> values) {
    for (size_t i = 0; i < std::min(values.size(), node.outputs.size()); ++i) {
      facts[node.outputs[i]] = {values[i].type, FlagsOf(values[i])};
    }
  };
  Evaluate(model, inputs, options);
  return facts;
}

// One bug must end as one graph, however small the case was that showed it: constants become
// inputs, which takes more bytes.
constexpr size_t kCanonicalBytes = size_t{64} << 10;

// What the reduced case and the case as it was sighted have in common; nothing for what does not
// die.
std::optional<AvoidRule> RuleOf(const Finding& finding, const Model& reduced, const Case& sighted) {
  if (!IsDeath(finding.verdict.kind)) return std::nullopt;
  // A rule knows graphs alone, and most cases with this one's are not run from files.
  if (finding.test_case.options.external_data_bytes > 0) return std::nullopt;
  auto rule = RuleFromCase(finding.cause, ConfigurationClass(finding.verdict.configuration),
                           reduced, FactsOf(reduced, finding.test_case.inputs));
  if (!rule) return rule;
  for (const std::string& name : finding.configurations) {
    const std::string kind_of = ConfigurationClass(name);
    if (std::find(rule->configurations.begin(), rule->configurations.end(), kind_of) ==
        rule->configurations.end()) {
      rule->configurations.push_back(kind_of);
    }
  }
  if (const Result<Model> model = ParseModel(sighted.model)) {
    WidenTo(*rule, *model, FactsOf(*model, sighted.inputs));
  }
  return rule;
}

// A case on which Moire or the ONNX library died or hung is kept as it is: a bundle cannot be
// written by the code that fails on it.
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

// A sighting of a cause that was confirmed before.
TriageResult Known(const std::string& cause) {
  TriageResult result;
  result.status = TriageStatus::kConfirmed;
  result.reason = "known before it was reduced";
  result.known_part = true;
  result.finding.cause = cause;
  return result;
}

}  // namespace

std::string ToJson(const TriageResult& result) {
  const StoredFinding& f = result.finding;
  nlohmann::json json = {{"status", kStatusNames[static_cast<size_t>(result.status)]},
                         {"reason", result.reason},
                         {"known_part", result.known_part},
                         {"same_as", result.same_as},
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
    out.known_part = json.at("known_part");
    out.same_as = json.at("same_as");
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

bool CauseCounts::Settled() const {
  if (triaged >= kMaxTriaged) return !causes.empty();
  return causes.size() == 1 && causes.begin()->second >= kSameCause;
}

bool CauseCounts::Hopeless() const { return causes.empty() && unconfirmed >= kMaxUnconfirmed; }

const std::string& CauseCounts::Likely() const {
  return std::ranges::max_element(causes, {}, [](const auto& entry) { return entry.second; })
      ->first;
}

Result<Triager> Triager::Open(std::vector<std::string> specs, std::string out, double seconds) {
  Triager triager;
  triager.specs_ = std::move(specs);
  triager.out_ = std::move(out);
  triager.seconds_ = seconds;
  MOIRE_ASSIGN(Configurations opened, OpenSpecs(triager.specs_)());
  // Each child takes its own copy, which is the fork's.
  auto warm = std::make_shared<Configurations>(std::move(opened));
  triager.open_ = [warm]() -> Result<Configurations> { return std::move(*warm); };
  return triager;
}

// Where the case is none of the runtime's, `ours` says why.
Result<TriageResult> Triager::Investigated(const Case& test_case, const Verdict& verdict,
                                           std::string* ours) {
  InvestigateOptions options;
  options.reduce.max_seconds = seconds_ / 2;
  options.reduce.max_bytes = kCanonicalBytes;
  MOIRE_ASSIGN(const Investigation found,
               Investigate(test_case, verdict, open_, specs_, out_ + "/findings", options));
  TriageResult result;
  result.reason = found.reason;
  if (found.standing == Standing::kOurs) *ours = found.reason;
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
  result.finding.bundle = std::filesystem::path(found.bundle).lexically_relative(out_).string();
  result.rule = RuleOf(finding, model, test_case);
  if (compared_.insert(finding.cause).second) result.same_as = SameAs(finding);
  return result;
}

std::string Triager::SameAs(const Finding& finding) const {
  const auto start = std::chrono::steady_clock::now();
  for (const std::string& directory : ListBundles({out_ + "/findings"})) {
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
    const double left = seconds_ / 4 - elapsed.count();
    if (left <= 0) break;
    const Result<Finding> other = ReadBundle(directory);
    if (!other || other->cause == finding.cause) continue;
    const Result<SameBug> compared = CompareFindings(*other, finding, open_, ChildOptions(), left);
    if (compared && compared->same) return other->cause;
  }
  return {};
}

std::optional<std::string> Triager::KnownDeath(const Candidate& candidate, const Case& test_case) {
  const auto seen = deaths_.find(candidate.group);
  if (seen == deaths_.end()) return std::nullopt;
  const auto text = ReadFile(RulesFile(out_));
  const auto rules =
      text ? RulesFromJson(*text) : Result<std::vector<AvoidRule>>(std::vector<AvoidRule>());
  const Result<Model> model = ParseModel(test_case.model);
  if (!rules || rules->empty() || !model) return std::nullopt;
  const Facts facts = FactsOf(*model, test_case.inputs);
  for (const AvoidRule& rule : *rules) {
    if (seen->second.causes.contains(rule.cause) && Matches(rule, *model, facts)) return rule.cause;
  }
  return std::nullopt;
}

Result<TriageResult> Triager::Triage(const Candidate& candidate) {
  if (candidate.ours) return KeepOurs(candidate, out_, candidate.verdict.reason);
  MOIRE_ASSIGN(const Case test_case, ParseCase(candidate.case_bytes));
  std::string ours;
  // Of a death the runtime's frames say what it is, and each sighting that no rule matches may
  // widen one. What a rule matches was a probe.
  if (IsDeath(candidate.verdict.kind)) {
    if (const auto cause = KnownDeath(candidate, test_case)) return Known(*cause);
  } else {
    std::vector<FailingPart> parts =
        FailingParts(test_case, candidate.verdict, open_, ChildOptions());
    std::erase_if(parts, [&](const FailingPart& part) { return parts_[part.key].Hopeless(); });
    const auto unknown = std::ranges::find_if(
        parts, [&](const FailingPart& part) { return !parts_[part.key].Settled(); });
    if (!parts.empty() && unknown == parts.end()) {
      return Known(parts_[parts.front().key].Likely());
    }
    if (unknown != parts.end()) {
      MOIRE_ASSIGN(TriageResult result, Investigated(unknown->test_case, unknown->verdict, &ours));
      CauseCounts& counts = parts_[unknown->key];
      ++counts.triaged;
      if (result.status == TriageStatus::kConfirmed) {
        ++counts.causes[result.finding.cause];
        return result;
      }
      ++counts.unconfirmed;
      ours.clear();  // the whole case decides
    }
  }
  MOIRE_ASSIGN(TriageResult result, Investigated(test_case, candidate.verdict, &ours));
  if (result.rule) ++deaths_[candidate.group].causes[result.finding.cause];
  return ours.empty() ? std::move(result) : KeepOurs(candidate, out_, ours);
}

}  // namespace moire
