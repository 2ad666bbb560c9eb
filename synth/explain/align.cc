// Two graphs node by node: the second is written with the nodes and names of the first.
#include <algorithm>

#include "synth/explain/same_bug.h"

namespace moire {
namespace {

constexpr size_t kMostNodes = 32;
constexpr int kMostSteps = 4096;  // commuted operands are tried in both orders

bool IsCommutative(const Node& node) {
  static constexpr std::string_view kOperators[] = {
      "Add",   "Mul",        "Min",       "Max", "And",  "Or",        "Xor",
      "Equal", "BitwiseAnd", "BitwiseOr", "Sum", "Mean", "BitwiseXor"};
  return node.domain.empty() && node.inputs.size() == 2 &&
         std::ranges::find(kOperators, node.op) != std::end(kOperators);
}

bool HasBody(const Node& node) {
  return std::ranges::any_of(node.attributes, [](const Attribute& attribute) {
    return std::holds_alternative<GraphPtr>(attribute.value);
  });
}

// Where a value comes from: node and output; absent for a source.
using Producers = std::map<std::string, std::pair<size_t, size_t>>;
Producers ProducersOf(const Graph& graph) {
  Producers made;
  for (size_t n = 0; n < graph.nodes.size(); ++n) {
    for (size_t o = 0; o < graph.nodes[n].outputs.size(); ++o)
      made[graph.nodes[n].outputs[o]] = {n, o};
  }
  return made;
}

// Which node of the second graph plays the part of each node of the first.
class Matching {
 public:
  Matching(const Graph& first, const Graph& second)
      : first_(first),
        second_(second),
        made_first_(ProducersOf(first)),
        made_second_(ProducersOf(second)),
        parts_(first.nodes.size()) {}

  bool Find() {
    const size_t nodes = first_.nodes.size();
    if (nodes == 0 || nodes > kMostNodes || second_.nodes.size() != nodes ||
        first_.outputs.size() != second_.outputs.size()) {
      return false;
    }
    for (size_t i = 0; i < first_.outputs.size(); ++i) {
      if (!MatchValues(first_.outputs[i].name, second_.outputs[i].name)) return false;
    }
    return std::ranges::all_of(parts_, [](const Part& part) { return part.node.has_value(); });
  }

  // The node of the second graph, its operands in the order of the first graph's node.
  Node NodeOfSecond(size_t n) const {
    Node node = second_.nodes[*parts_[n].node];
    if (parts_[n].swapped) std::swap(node.inputs[0], node.inputs[1]);
    return node;
  }
  bool IsMade(const std::string& value) const { return made_first_.contains(value); }

 private:
  struct Part {
    std::optional<size_t> node;
    bool swapped = false;
  };

  bool MatchValues(const std::string& first, const std::string& second) {
    if (first.empty() || second.empty()) return first.empty() == second.empty();
    const auto a = made_first_.find(first);
    const auto b = made_second_.find(second);
    if (a == made_first_.end() || b == made_second_.end()) {
      return (a == made_first_.end()) == (b == made_second_.end());
    }
    return a->second.second == b->second.second && MatchNodes(a->second.first, b->second.first);
  }

  bool MatchNodes(size_t first, size_t second) {
    if (++steps_ > kMostSteps) return false;
    if (parts_[first].node) return parts_[first].node == second;
    if (std::ranges::any_of(parts_, [&](const Part& part) { return part.node == second; }))
      return false;
    const Node& a = first_.nodes[first];
    const Node& b = second_.nodes[second];
    if (a.op != b.op || a.domain != b.domain || a.overload != b.overload ||
        a.inputs.size() != b.inputs.size() || a.outputs.size() != b.outputs.size() || HasBody(a) ||
        HasBody(b)) {
      return false;
    }
    const std::vector<Part> before = parts_;
    for (const bool swapped : {false, true}) {
      if (swapped && !IsCommutative(a)) break;
      parts_[first] = {second, swapped};
      bool good = true;
      for (size_t i = 0; good && i < a.inputs.size(); ++i) {
        good = MatchValues(a.inputs[i], b.inputs[swapped ? 1 - i : i]);
      }
      if (good) return true;
      parts_ = before;
    }
    return false;
  }

  const Graph& first_;
  const Graph& second_;
  const Producers made_first_, made_second_;
  std::vector<Part> parts_;  // by node of the first
  int steps_ = 0;
};

// For every read of a source the first read that takes the same source in both cases.
std::vector<size_t> SharedByBoth(const std::vector<std::string>& ours,
                                 const std::vector<std::string>& theirs) {
  std::vector<size_t> firsts;
  for (size_t s = 0; s < ours.size(); ++s) {
    size_t first = 0;
    while (ours[first] != ours[s] || theirs[first] != theirs[s]) ++first;
    firsts.push_back(first);
  }
  return firsts;
}

// The sketch with these nodes, whose reads of sources get the names "s0", "s1", ... of `firsts`.
std::optional<Sketch> Rebuilt(const Sketch& from, std::vector<Node> nodes, const Graph& frame,
                              const std::vector<std::pair<size_t, size_t>>& slots,
                              const std::vector<size_t>& firsts) {
  Sketch out = from;
  Graph& graph = out.model.graph;
  graph.inputs.clear();
  graph.initializers.clear();
  graph.value_info.clear();
  out.inputs.clear();
  for (size_t s = 0; s < slots.size(); ++s) {
    std::string& read = nodes[slots[s].first].inputs[slots[s].second];
    const std::string old = read;
    read = "s" + std::to_string(firsts[s]);
    if (firsts[s] != s) continue;
    const auto input = std::ranges::find(from.inputs, old, &NamedTensor::name);
    const NamedTensor* constant = from.model.graph.FindInitializer(old);
    if (input == from.inputs.end() && constant == nullptr) return std::nullopt;
    if (input != from.inputs.end() && input->IsMap()) return std::nullopt;
    AddSource(out, read, input != from.inputs.end() ? input->tensor : constant->tensor,
              input == from.inputs.end());
  }
  const size_t count = nodes.size();
  for (size_t n = 0; n < count; ++n) {
    nodes[n].outputs = frame.nodes[n].outputs;
    nodes[n].name.clear();
  }
  graph.nodes = std::move(nodes);
  for (size_t i = 0; i < graph.outputs.size(); ++i) graph.outputs[i].name = frame.outputs[i].name;
  if (!Repair(out) || out.model.graph.nodes.size() != count) return std::nullopt;
  return out;
}

}  // namespace

std::optional<std::pair<Sketch, Sketch>> Align(const Sketch& first, const Sketch& second) {
  const Graph& frame = first.model.graph;
  Matching matching(frame, second.model.graph);
  if (!matching.Find()) return std::nullopt;
  std::vector<Node> ours = frame.nodes;
  std::vector<Node> theirs;
  std::vector<std::pair<size_t, size_t>> slots;  // node and operand of every read of a source
  std::vector<std::string> our_reads, their_reads;
  for (size_t n = 0; n < ours.size(); ++n) {
    theirs.push_back(matching.NodeOfSecond(n));
    for (size_t i = 0; i < ours[n].inputs.size(); ++i) {
      const std::string& read = ours[n].inputs[i];
      if (read.empty()) continue;
      if (matching.IsMade(read)) {
        theirs[n].inputs[i] = read;
        continue;
      }
      slots.emplace_back(n, i);
      our_reads.push_back(read);
      their_reads.push_back(theirs[n].inputs[i]);
    }
  }
  const std::vector<size_t> firsts = SharedByBoth(our_reads, their_reads);
  // A tensor that is no source of the sketch, a sequence for example, cannot be compared.
  auto a = Rebuilt(first, std::move(ours), frame, slots, firsts);
  auto b = Rebuilt(second, std::move(theirs), frame, slots, firsts);
  if (!a || !b) return std::nullopt;
  return std::pair(std::move(*a), std::move(*b));
}

}  // namespace moire
