#include "synth/judge.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "synth/finding.h"

namespace moire {
namespace {

// Crashes and hangs before wrong answers; within a kind the most severe.
int Rank(VerdictKind kind) {
  switch (kind) {
    case VerdictKind::kCrash:
      return 4;
    case VerdictKind::kHang:
      return 3;
    case VerdictKind::kMemory:
      return 2;
    default:
      return 1;
  }
}

// JSON text must be UTF-8; a runtime's message need not be.
std::string Printable(std::string_view text) {
  std::string result;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    result += byte < 0x20 || byte >= 0x7f ? '?' : c;
  }
  return result;
}

}  // namespace

const Verdict* WorstBug(const std::vector<Verdict>& verdicts) {
  const Verdict* worst = nullptr;
  for (const Verdict& verdict : verdicts) {
    if (!IsBug(verdict.kind)) continue;
    if (worst == nullptr || Rank(verdict.kind) > Rank(worst->kind) ||
        (Rank(verdict.kind) == Rank(worst->kind) && verdict.severity > worst->severity)) {
      worst = &verdict;
    }
  }
  return worst;
}

Result<Judgement> Judge(const std::string& name, const Case& test_case, const OpenAll& open,
                        const ChildOptions& options) {
  MOIRE_ASSIGN(ChildExecution run, ExecuteInChild(test_case, open, options));
  Judgement judgement;
  judgement.name = name;
  judgement.configurations = std::move(run.configurations);
  judgement.verdicts = std::move(run.execution.verdicts);
  judgement.ours = std::move(run.ours);
  for (const std::string& configuration : judgement.configurations) {
    const bool judged = std::ranges::any_of(
        judgement.verdicts, [&](const Verdict& v) { return v.configuration == configuration; });
    if (judged) continue;
    judgement.verdicts.push_back(
        {.kind = VerdictKind::kOracleError,
         .oracle = "none",
         .configuration = configuration,
         .against = {},
         .reason = run.execution.parse_error.empty()
                       ? "no oracle could judge it"
                       : "the model does not parse: " + run.execution.parse_error,
         .error_class = {},
         .expected = {},
         .actual = {}});
  }
  if (const Verdict* worst = WorstBug(judgement.verdicts)) {
    judgement.bug = true;
    judgement.symptom = SymptomKey(*worst);
  }
  return judgement;
}

Result<std::vector<Judgement>> JudgeModel(const std::string& path,
                                          const std::vector<std::string>& specs,
                                          const JudgeOptions& options) {
  MOIRE_ASSIGN(const std::vector<LoadedCase> cases, LoadCases(path, options.load));
  if (cases.empty()) return Fail(ErrorCode::kInvalidInput, "{}: holds no model", path);
  std::vector<Judgement> judgements;
  const OpenAll open = OpenSpecs(specs);
  ChildOptions child = options.child;
  child.check_growth = options.check_growth;
  for (const LoadedCase& loaded : cases) {
    MOIRE_ASSIGN(Judgement judgement, Judge(loaded.name, loaded.test_case, open, child));
    judgements.push_back(std::move(judgement));
  }
  return judgements;
}

nlohmann::json VerdictToJson(const Verdict& verdict) {
  return {{"configuration", verdict.configuration},
          {"oracle", verdict.oracle},
          {"verdict", Name(verdict.kind)},
          {"severity", verdict.severity},
          {"reason", Printable(verdict.reason)},
          {"against", verdict.against},
          {"error_class", Printable(verdict.error_class)},
          {"output", verdict.output},
          {"element", verdict.element},
          {"run", verdict.run},
          {"expected", Printable(verdict.expected)},
          {"actual", Printable(verdict.actual)}};
}

Verdict VerdictFromJson(const nlohmann::json& json) {
  const auto text = [&](const char* key) { return json.value(key, std::string()); };
  return {.kind = ParseVerdictKind(text("verdict")),
          .oracle = text("oracle"),
          .configuration = text("configuration"),
          .against = text("against"),
          .severity = json.value("severity", 0.0),
          .reason = text("reason"),
          .error_class = text("error_class"),
          .output = json.value("output", -1),
          .element = json.value("element", int64_t{-1}),
          .run = json.value("run", 0),
          .expected = text("expected"),
          .actual = text("actual")};
}

nlohmann::json JudgementsToJson(const std::vector<Judgement>& judgements) {
  nlohmann::json cases = nlohmann::json::array();
  nlohmann::json verdicts = nlohmann::json::array();
  bool any = false;
  for (const Judgement& judgement : judgements) {
    any = any || judgement.bug;
    cases.push_back({{"case", judgement.name},
                     {"bug", judgement.bug},
                     {"symptom", Printable(judgement.symptom)},
                     {"ours", Printable(judgement.ours)}});
    for (const Verdict& verdict : judgement.verdicts) {
      nlohmann::json row = VerdictToJson(verdict);
      row["case"] = judgement.name;
      verdicts.push_back(std::move(row));
    }
  }
  return {{"cases", cases}, {"verdicts", verdicts}, {"bug", any}};
}

std::string JudgementsToText(const std::vector<Judgement>& judgements) {
  std::string text;
  for (const Judgement& judgement : judgements) {
    if (judgements.size() > 1) text += judgement.name + "\n";
    for (const Verdict& verdict : judgement.verdicts) {
      text += fmt::format("{:4} {:28} {:17} {}\n", IsBug(verdict.kind) ? "BUG" : "",
                          verdict.configuration, Name(verdict.kind), Printable(verdict.reason));
    }
  }
  return text;
}

}  // namespace moire
