// Pass "cut": the failure often shows at one early tensor already. Makes a single inner value the
// graph's only output, the earliest one that fails, and then keeps only the last few nodes before
// the outputs, whose inputs become graph inputs with the reference's values. Exposing a tensor can
// switch a fusion off, so this is a start and not the only road: see nodes.cc.
#include <algorithm>
#include <bit>
#include <set>

#include "synth/edit.h"
#include "synth/passes/passes.h"

namespace moire {
namespace {

// Halving takes log2(n) looks where one cause is behind a chain; many branches take more.
int MostLooks(size_t nodes) { return 8 + 3 * static_cast<int>(std::bit_width(nodes)); }

std::set<std::string> NamesBefore(const Graph& graph, size_t last) {
  std::set<std::string> wanted(graph.nodes[last].outputs.begin(), graph.nodes[last].outputs.end());
  for (size_t i = last + 1; i-- > 0;) {
    const auto& outputs = graph.nodes[i].outputs;
    if (std::ranges::any_of(outputs, [&](const auto& o) { return wanted.contains(o); })) {
      wanted.merge(Reads(graph.nodes[i]));
    }
  }
  return wanted;
}

// Finds the first by halving: where a tensor does not fail, neither does what it is made of.
void ExposeFirst(const Sketch& current, const Attempt& attempt) {
  const KnownValues values = ComputeValues(current);
  std::set<std::string> passing;
  for (int looks = MostLooks(current.model.graph.nodes.size()); looks > 0; --looks) {
    const std::vector<Node>& nodes = current.model.graph.nodes;
    std::vector<size_t> left;
    for (size_t i = 0; i + 1 < nodes.size(); ++i) {
      if (!nodes[i].outputs.empty() && !passing.contains(nodes[i].outputs[0])) left.push_back(i);
    }
    if (left.empty()) return;
    const size_t middle = left[left.size() / 2];
    std::set<std::string> before = NamesBefore(current.model.graph, middle);
    Sketch edited = current;
    edited.model.graph.outputs.clear();
    for (const std::string& output : nodes[middle].outputs) {
      const auto value = values.find(output);
      if (value == values.end() || value->second.type == DataType::kUndefined) continue;
      edited.model.graph.outputs.push_back({output, {value->second.type, std::nullopt, {}}});
    }
    if (edited.model.graph.outputs.empty()) {
      passing.insert(nodes[middle].outputs[0]);
    } else if (!attempt(std::move(edited))) {
      passing.merge(before);
    }
  }
}

// Keeps the nodes within `depth` steps before the outputs.
void KeepTail(const Sketch& current, const Attempt& attempt) {
  for (const size_t depth : {1, 2, 3, 5, 8}) {
    const Graph& graph = current.model.graph;
    std::set<std::string> wanted;
    for (const ValueInfo& output : graph.outputs) wanted.insert(output.name);
    std::vector<bool> doomed(graph.nodes.size(), true);
    for (size_t round = 0; round < depth; ++round) {
      std::set<std::string> next;
      for (size_t i = 0; i < graph.nodes.size(); ++i) {
        const Node& node = graph.nodes[i];
        if (std::ranges::none_of(node.outputs, [&](const auto& o) { return wanted.contains(o); })) {
          continue;
        }
        doomed[i] = false;
        next.merge(Reads(node));
      }
      wanted.merge(next);
    }
    if (std::ranges::count(doomed, true) == 0) return;
    Sketch edited = current;
    if (RemoveNodes(edited, doomed, ComputeValues(current)) && attempt(std::move(edited))) return;
  }
}

// Deletes as many of the first nodes as it can, by halving. Where half of them can go, and half of
// the rest, the last node or two are often enough.
void DeleteHead(const Sketch& current, const Attempt& attempt) {
  const KnownValues values = ComputeValues(current);
  const auto deletes = [&](size_t count) {
    std::vector<bool> doomed(current.model.graph.nodes.size(), false);
    std::fill_n(doomed.begin(), count, true);
    Sketch edited = current;
    return RemoveNodes(edited, doomed, values) && attempt(std::move(edited));
  };
  // Deleting none fails, deleting `all` of what is left is known not to.
  size_t all = current.model.graph.nodes.size();
  for (int kept_in_row = 0; all > 1;) {
    const size_t middle = all / 2;
    if (!deletes(middle)) {
      all = middle;
      kept_in_row = -1;  // from here on by halving alone
      continue;
    }
    all = std::min(all - middle, current.model.graph.nodes.size());
    if (kept_in_row < 0 || ++kept_in_row < 2) continue;
    kept_in_row = -1;
    for (size_t kept = 1; kept <= 2 && kept < all; ++kept) {
      if (deletes(current.model.graph.nodes.size() - kept)) return;
      all = std::min(all, current.model.graph.nodes.size() - kept);
    }
  }
}

void Cut(const Sketch& current, const Attempt& attempt) {
  ExposeFirst(current, attempt);
  DeleteHead(current, attempt);
  KeepTail(current, attempt);
}

}  // namespace

const ReductionPass& CutPass() {
  static const FunctionPass pass(
      "cut", "cuts the graph before and after the first tensor that fails", Cut);
  return pass;
}

}  // namespace moire
