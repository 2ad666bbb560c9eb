#include "tests/bank/same_bugs.h"

#include <chrono>
#include <optional>

#include "harness/case/onnx_adapter.h"
#include "harness/case/random.h"
#include "synth/explain/neighbours.h"
#include "synth/explain/same_bug.h"
#include "tests/bank/conditions.h"

namespace moire::bank {
namespace {

constexpr double kSeconds = 20;
constexpr int kMostDraws = 60;  // neighbours looked at for one more sighting

std::optional<Finding> Fails(const Case& test_case, const OpenAll& open) {
  const Result<ChildExecution> run = ExecuteInChild(test_case, open, ChildOptions());
  if (!run) return std::nullopt;
  for (const Verdict& verdict : run->execution.verdicts) {
    if (!IsBug(verdict.kind)) continue;
    Finding finding;
    finding.test_case = test_case;
    finding.verdict = verdict;
    return finding;
  }
  return std::nullopt;
}

// The condition's own case, then others near it that fail.
std::vector<Finding> Sightings(const Condition& condition, int count) {
  std::vector<Finding> found;
  const OpenAll open = OpenPlanted(condition.plant);
  const Case test_case = ToCase(condition);
  if (auto first = Fails(test_case, open)) found.push_back(std::move(*first));
  const Result<Model> model = ParseModel(test_case.model);
  if (found.empty() || !model) return found;
  const Neighbourhood near({{*model, test_case.inputs, test_case.options}, {}}, {});
  Random random(11);
  for (int draw = 0; draw < kMostDraws && static_cast<int>(found.size()) < count; ++draw) {
    Probe probe = near.Draw(random).probe;
    probe.sketch.options = test_case.options;
    if (auto more = Fails(ToCase(probe.sketch), open)) found.push_back(std::move(*more));
  }
  return found;
}

}  // namespace

SameBugsReport MeasureSameBugs(int each, const std::string& only) {
  SameBugsReport report;
  const auto start = std::chrono::steady_clock::now();
  std::vector<const Condition*> conditions;
  std::vector<std::vector<Finding>> sightings;
  for (const Condition& condition : Conditions()) {
    if (condition.plant.name.find(only) == std::string::npos) continue;
    conditions.push_back(&condition);
    sightings.push_back(Sightings(condition, each));
  }
  for (size_t c = 0; c < conditions.size(); ++c) {
    const OpenAll open = OpenPlanted(conditions[c]->plant);
    for (size_t i = 1; i < sightings[c].size(); ++i) {
      const auto told =
          CompareFindings(sightings[c][0], sightings[c][i], open, ChildOptions(), kSeconds);
      ++report.of_one;
      report.told_same += told && told->same ? 1 : 0;
    }
    for (size_t d = c + 1; d < conditions.size(); ++d) {
      // A runtime with both faults. Which of them a case shows is asked of runtimes with one.
      Plant both = conditions[c]->plant;
      both.needs = {[a = conditions[c]->plant.needs[0], b = conditions[d]->plant.needs[0]](
                        const Site& site) { return a(site) || b(site); }};
      const OpenAll open_both = OpenPlanted(both);
      for (const Finding& first : sightings[c]) {
        if (Fails(first.test_case, OpenPlanted(conditions[d]->plant))) continue;
        for (const Finding& second : sightings[d]) {
          if (Fails(second.test_case, open)) continue;
          const auto told = CompareFindings(first, second, open_both, ChildOptions(), kSeconds);
          if (told && told->reason == "other nodes") break;
          ++report.of_two;
          if (!told || !told->same) continue;
          report.mistaken += conditions[c]->plant.name + " and " + conditions[d]->plant.name +
                             ": " + told->reason + "\n";
        }
      }
    }
  }
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
  report.seconds = elapsed.count();
  return report;
}

}  // namespace moire::bank
