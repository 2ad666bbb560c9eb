#include "synth/explain/same_bug.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <functional>
#include <set>

#include "harness/case/onnx_adapter.h"
#include "synth/explain/judge_probes.h"
#include "synth/explain/neighbours.h"

namespace moire {
namespace {

// A part does not matter where at least so many of its other settings fail as well, and at least
// this share of those that can be judged. Where less fails, a second bug beside the first may be
// what fails: `moire_bank --same` counts such mistakes.
constexpr int kOthersFail = 2;
constexpr double kShare = 0.6;
// Most changes of dims are of those that no condition is about.
constexpr double kShareOfDims = 1;

struct Difference {
  std::string part;       // as in Neighbour
  std::string shown;      // "Conv.strides"
  size_t node = 0;        // of an attribute
  std::string attribute;  // empty for dims and values
};

const Tensor* FindSource(const Sketch& sketch, std::string_view name) {
  for (const NamedTensor& input : sketch.inputs) {
    if (input.name == name) return &input.tensor;
  }
  const NamedTensor* constant = sketch.model.graph.FindInitializer(name);
  return constant == nullptr ? nullptr : &constant->tensor;
}

std::set<std::string> SourcesOf(const Sketch& sketch) {
  std::set<std::string> names;
  for (const NamedTensor& input : sketch.inputs) names.insert(input.name);
  for (const NamedTensor& constant : sketch.model.graph.initializers) names.insert(constant.name);
  return names;
}

bool SameAttribute(const Node& a, const Node& b, std::string_view name) {
  const Attribute* ours = a.Find(name);
  const Attribute* theirs = b.Find(name);
  return ours == nullptr || theirs == nullptr ? ours == theirs : ours->value == theirs->value;
}

std::set<std::string> DifferingAttributes(const Node& a, const Node& b) {
  std::set<std::string> names;
  for (const Node* node : {&a, &b}) {
    for (const Attribute& attribute : node->attributes) {
      if (!SameAttribute(a, b, attribute.name)) names.insert(attribute.name);
    }
  }
  return names;
}

// Nothing where the two differ in what no neighbour says anything of: element types, run options.
std::optional<std::vector<Difference>> Differences(const Sketch& a, const Sketch& b) {
  std::vector<Difference> out;
  const auto& nodes = a.model.graph.nodes;
  for (size_t n = 0; n < nodes.size(); ++n) {
    for (const std::string& name : DifferingAttributes(nodes[n], b.model.graph.nodes[n])) {
      out.push_back({AttributePart(n, name), nodes[n].op + "." + name, n, name});
    }
  }
  const std::set<std::string> sources = SourcesOf(a);
  if (sources != SourcesOf(b)) return std::nullopt;
  if (a.options != b.options) return std::nullopt;
  bool dims = false;
  for (const std::string& name : sources) {
    const Tensor& ours = *FindSource(a, name);
    const Tensor& theirs = *FindSource(b, name);
    if (ours.type != theirs.type) return std::nullopt;
    if (ours == theirs) continue;
    if (ours.shape != theirs.shape) dims = true;
    // Values matter even where the dims differ, unless there are none.
    if (ours.size() > 0 && theirs.size() > 0) out.push_back({ValuesPart(name), "values", 0, {}});
  }
  if (dims) out.push_back({std::string(kDimsPart), "dims", 0, {}});
  return out;
}

// What is taken from the second case at once.
using Step = std::function<void(Sketch&)>;
std::vector<Step> Steps(const Sketch& a, const Sketch& b) {
  std::vector<Step> steps;
  for (size_t n = 0; n < a.model.graph.nodes.size(); ++n) {
    const Node& theirs = b.model.graph.nodes[n];
    for (const std::string& name : DifferingAttributes(a.model.graph.nodes[n], theirs)) {
      steps.push_back([n, &theirs, name](Sketch& s) {
        Node& node = s.model.graph.nodes[n];
        node.Remove(name);
        if (const Attribute* taken = theirs.Find(name)) node.attributes.push_back(*taken);
      });
    }
  }
  if (a.model.opsets != b.model.opsets) {
    steps.push_back([&b](Sketch& s) { s.model.opsets = b.model.opsets; });
  }
  steps.push_back([&b](Sketch& s) {
    for (NamedTensor& input : s.inputs) input.tensor = *FindSource(b, input.name);
    for (NamedTensor& constant : s.model.graph.initializers) {
      constant.tensor = *FindSource(b, constant.name);
    }
  });
  return steps;
}

constexpr size_t kMostSteps = 7;

// Case k has the steps taken whose bits k has.
std::vector<Probe> Between(const Sketch& a, const std::vector<Step>& steps) {
  std::vector<Probe> out;
  for (size_t taken = 0; taken < size_t{1} << steps.size(); ++taken) {
    Sketch sketch = a;
    for (size_t s = 0; s < steps.size(); ++s) {
      if ((taken >> s & 1) != 0) steps[s](sketch);
    }
    Repair(sketch);  // one that cannot be made whole is not judged
    out.push_back({std::move(sketch), {}});
  }
  return out;
}

// The configuration that failed, of those that are opened.
OpenAll Only(const OpenAll& open, const std::string& configuration) {
  return [&open, &configuration]() -> Result<Configurations> {
    MOIRE_ASSIGN(Configurations all, open());
    std::erase_if(all, [&](const auto& one) { return one->name() != configuration; });
    return all;
  };
}

// By part: neighbours that pass, neighbours that fail.
using Counts = std::map<std::string, std::array<int, 2>>;
Result<Counts> Look(const Sketch& base, const Sketch& other,
                    const std::vector<Difference>& differences, const Verdict& wanted,
                    const OpenAll& open, const ChildOptions& options, double seconds) {
  std::vector<Probe> probes;
  std::vector<std::string> parts;
  for (Neighbour& neighbour : Neighbourhood({base, {}}, {}).Singles()) {
    const auto found = std::ranges::find(differences, neighbour.part, &Difference::part);
    if (found == differences.end()) continue;
    // What has the other case's setting says nothing new.
    const auto& nodes = neighbour.probe.sketch.model.graph.nodes;
    if (!found->attribute.empty() &&
        SameAttribute(nodes[found->node], other.model.graph.nodes[found->node], found->attribute)) {
      continue;
    }
    probes.push_back(std::move(neighbour.probe));
    parts.push_back(std::move(neighbour.part));
  }
  MOIRE_ASSIGN(const std::vector<Label> labels,
               JudgeProbes(probes, wanted, open, options, seconds));
  Counts counts;
  for (size_t i = 0; i < probes.size(); ++i) {
    if (labels[i] != Label::kUnjudged) ++counts[parts[i]][labels[i] == Label::kFails ? 1 : 0];
  }
  return counts;
}

bool DoesNotMatter(const Difference& difference, const Counts& counts) {
  const auto found = counts.find(difference.part);
  if (found == counts.end()) return false;
  const auto [pass, fail] = found->second;
  const double share = difference.part == kDimsPart ? kShareOfDims : kShare;
  return fail >= kOthersFail && fail >= share * (pass + fail);
}

}  // namespace

Result<SameBug> CompareFindings(const Finding& first, const Finding& second, const OpenAll& open,
                                const ChildOptions& options, double seconds) {
  const auto against_reference = [](const Verdict& verdict) {
    return verdict.against.empty() || verdict.against == "reference";
  };
  if (first.verdict.kind != second.verdict.kind || !against_reference(first.verdict) ||
      !against_reference(second.verdict) ||
      first.verdict.configuration != second.verdict.configuration) {
    return SameBug{false, "another kind of failure, or of another configuration"};
  }
  if (first.verdict.kind != VerdictKind::kMismatch &&
      first.verdict.error_class != second.verdict.error_class) {
    return SameBug{false, "another error"};
  }
  if (first.blamed_optimizer != second.blamed_optimizer) return SameBug{false, "another optimiser"};
  MOIRE_ASSIGN(Model a, ParseModel(first.test_case.model));
  MOIRE_ASSIGN(Model b, ParseModel(second.test_case.model));
  const auto aligned = Align({std::move(a), first.test_case.inputs, first.test_case.options},
                             {std::move(b), second.test_case.inputs, second.test_case.options});
  if (!aligned) return SameBug{false, "other nodes"};
  const auto differences = Differences(aligned->first, aligned->second);
  if (!differences) return SameBug{false, "other element types or run options"};
  const auto& [ours, theirs] = *aligned;
  const OpenAll only = Only(open, first.verdict.configuration);
  const std::vector<Step> steps = Steps(ours, theirs);
  if (steps.size() > kMostSteps) return SameBug{false, "too many differences"};
  const std::vector<Probe> between = Between(ours, steps);
  MOIRE_ASSIGN(const std::vector<Label> labels,
               JudgeProbes(between, first.verdict, only, options, seconds / 3));
  if (labels.front() != Label::kFails || labels.back() != Label::kFails) {
    return SameBug{false, "one passes with the names of the other"};
  }
  if (std::ranges::find(labels, Label::kPasses) != labels.end()) {
    return SameBug{false, "a case between the two passes"};
  }
  MOIRE_ASSIGN(const Counts near_first,
               Look(ours, theirs, *differences, first.verdict, only, options, seconds / 3));
  MOIRE_ASSIGN(const Counts near_second,
               Look(theirs, ours, *differences, second.verdict, only, options, seconds / 3));
  std::set<std::string> shown;
  for (const Difference& difference : *differences) {
    if (!DoesNotMatter(difference, near_first) || !DoesNotMatter(difference, near_second)) {
      return SameBug{false, fmt::format("{} may matter", difference.shown)};
    }
    shown.insert(difference.shown);
  }
  if (shown.empty()) return SameBug{true, "the same but for opset, names and what is a constant"};
  return SameBug{true, fmt::format("{} {} not matter", fmt::join(shown, ", "),
                                   shown.size() == 1 ? "does" : "do")};
}

}  // namespace moire
