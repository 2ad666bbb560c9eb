#include "harness/campaign/parts.h"

#include <algorithm>
#include <chrono>
#include <set>
#include <utility>

#include "harness/case/onnx_adapter.h"
#include "harness/execute/wire.h"
#include "synth/edit.h"
#include "synth/finding.h"
#include "synth/symptom_check.h"

namespace moire {
namespace {

// How far before a node its makers are taken along; the least that fails is what counts.
constexpr size_t kDepths[] = {1, 2, 3, 5};
// A case that needs more is left to reduction.
constexpr int kMaxChecks = 150;
constexpr double kMaxSeconds = 8;

using Mask = std::vector<bool>;

class Finder {
 public:
  Finder(const Case& test_case, SymptomCheck& check, const std::function<void(FailingPart)>& found)
      : test_case_(test_case), check_(check), found_(found) {}

  void Run() {
    Result<Model> model = ParseModel(test_case_.model);
    if (!model || model->graph.nodes.size() < 2) return;
    whole_ = {std::move(*model), test_case_.inputs, test_case_.options};
    // A part that needs no external data is to have the key of one that has none.
    if (std::exchange(whole_.options.external_data_bytes, 0) > 0 &&
        (++checks_, !check_.Shows(ToCase(whole_)))) {
      whole_.options = test_case_.options;
    }
    values_ = ComputeValues(whole_);
    const std::vector<Node>& nodes = whole_.model.graph.nodes;
    const Mask concerned = Concerned();
    for (const size_t depth : kDepths) {
      bool any = false;
      for (size_t i = 0; i < nodes.size() && !Spent(); ++i) {
        if (!concerned[i]) continue;
        Mask mask = Before({nodes[i].outputs.begin(), nodes[i].outputs.end()}, depth);
        if (std::ranges::count(mask, true) == std::ssize(mask) || !tried_.insert(mask).second) {
          continue;
        }
        if (auto part = Check(mask, i)) {
          any = true;
          found_(depth == 1 ? std::move(*part) : Least(std::move(*part), mask, i));
        }
      }
      if (any) return;
    }
  }

 private:
  bool Spent() const {
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start_;
    return checks_ >= kMaxChecks || elapsed.count() > kMaxSeconds;
  }

  // Nodes within `depth` steps before the names.
  Mask Before(std::set<std::string> wanted, size_t depth) const {
    const std::vector<Node>& nodes = whole_.model.graph.nodes;
    Mask mask(nodes.size(), false);
    for (size_t step = 0; step < depth; ++step) {
      std::set<std::string> next;
      for (size_t i = 0; i < nodes.size(); ++i) {
        const auto makes = [&](const std::string& name) { return wanted.contains(name); };
        if (mask[i] || std::ranges::none_of(nodes[i].outputs, makes)) continue;
        mask[i] = true;
        next.merge(Reads(nodes[i]));
      }
      if (next.empty()) break;
      wanted.merge(next);
    }
    return mask;
  }

  // Nodes that can be behind the verdict: those before the output it is about.
  Mask Concerned() const {
    const Graph& graph = whole_.model.graph;
    const int output = check_.wanted().output;
    if (output < 0 || output >= std::ssize(graph.outputs)) return Mask(graph.nodes.size(), true);
    return Before({graph.outputs[static_cast<size_t>(output)].name}, graph.nodes.size());
  }

  // The nodes of the mask with what node `last` makes as the graph's outputs.
  std::optional<FailingPart> Check(const Mask& mask, size_t last) {
    Sketch part = whole_;
    part.model.graph.outputs.clear();
    for (const std::string& name : whole_.model.graph.nodes[last].outputs) {
      const auto value = values_.find(name);
      if (value == values_.end() || value->second.type == DataType::kUndefined) continue;
      part.model.graph.outputs.push_back({name, {value->second.type, std::nullopt, {}}});
    }
    Mask doomed = mask;
    doomed.flip();
    if (part.model.graph.outputs.empty() || !RemoveNodes(part, doomed, values_) || !Repair(part)) {
      return std::nullopt;
    }
    ++checks_;
    Case test_case = ToCase(part);
    std::optional<Verdict> verdict = check_.Find(test_case);
    if (!verdict) return std::nullopt;
    std::string key = CauseKey(*verdict, part.model, part.inputs, part.options, "");
    return FailingPart{std::move(test_case), std::move(*verdict), std::move(key)};
  }

  // Without the nodes that it fails without.
  FailingPart Least(FailingPart part, Mask mask, size_t last) {
    for (size_t i = 0; i < mask.size() && !Spent(); ++i) {
      if (!mask[i] || i == last) continue;
      mask[i] = false;
      if (auto less = Check(mask, last)) {
        part = std::move(*less);
      } else {
        mask[i] = true;
      }
    }
    return part;
  }

  const Case& test_case_;
  SymptomCheck& check_;
  const std::function<void(FailingPart)>& found_;
  Sketch whole_;
  KnownValues values_;
  std::set<Mask> tried_;
  int checks_ = 0;
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace

std::vector<FailingPart> FailingParts(const Case& test_case, const Verdict& wanted,
                                      const OpenAll& open, const ChildOptions& options) {
  const ChildResult end = RunInChild(
      [&](SharedState& state, const std::function<void(std::string_view)>& send) {
        SilenceOutput();
        InstallFatalSignalHandlers(state, options.runtime_modules);
        Result<Configurations> opened = open();
        if (!opened) return 1;
        SharedStageObserver observer(state);
        SymptomCheck check(std::move(*opened), wanted, options, &observer);
        Finder(test_case, check, [&](FailingPart part) {
          WireWriter record;
          record.Put(std::string_view(part.key));
          record.Put(part.verdict);
          record.Put(std::string_view(SerializeCase(part.test_case)));
          send(record.bytes());
        }).Run();
        return 0;
      },
      options.limits);
  std::vector<FailingPart> parts;
  WireReader reader(end.output);
  while (reader.ok() && !reader.done()) {
    FailingPart part;
    part.key = reader.GetString();
    part.verdict = reader.GetVerdict();
    Result<Case> read = ParseCase(reader.GetView());
    if (!reader.ok() || !read) break;
    part.test_case = std::move(*read);
    parts.push_back(std::move(part));
  }
  return parts;
}

}  // namespace moire
