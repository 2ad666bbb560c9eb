#include "harness/campaign/case_counter.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <unordered_map>

#include "fuzzers/generate/schema.h"
#include "oracles/reference/decidable.h"

namespace moire {
namespace {

constexpr size_t kNotCounted = SIZE_MAX;

// By the name of the operator, for the default domain and for ai.onnx.ml.
struct Indices {
  std::array<std::unordered_map<std::string_view, size_t>, 2> domains;
  Indices() {
    const auto& operators = CountedOperators();
    for (size_t i = 0; i < operators.size(); ++i) {
      domains[operators[i].first.empty() ? 0 : 1].emplace(operators[i].second, i);
    }
  }
};

size_t IndexOf(const Node& node) {
  static const Indices indices;
  if (!node.domain.empty() && node.domain != "ai.onnx.ml") return kNotCounted;
  const auto& domain = indices.domains[node.domain.empty() ? 0 : 1];
  const auto found = domain.find(node.op);
  return found == domain.end() ? kNotCounted : found->second;
}

uint64_t TypeBit(DataType type) {
  const auto number = static_cast<size_t>(type);
  return number == 0 || number >= kNumTypes ? 0 : uint64_t{1} << number;
}

uint64_t TypesOf(const RangeTensor& value) {
  uint64_t types = TypeBit(value.type);
  for (const RangeTensor& part : value.parts) types |= TypesOf(part);
  return types;
}

}  // namespace

const std::vector<std::pair<std::string, std::string>>& CountedOperators() {
  static const auto operators = [] {
    auto all = AllOperators();
    all.resize(std::min(all.size(), kMaxOperators));
    return all;
  }();
  return operators;
}

void CaseCounter::Begin() {
  nodes_.clear();
  types_ = 0;
}

void CaseCounter::AddNode(const Node& node, std::span<const RangeTensor> outputs) {
  const size_t index = IndexOf(node);
  Decided decided;
  for (const RangeTensor& output : outputs) {
    types_ |= TypesOf(output);
    if (index != kNotCounted) decided += CountDecided(output);
  }
  if (index == kNotCounted) return;
  nodes_.push_back({index, static_cast<uint64_t>(decided.elements),
                    static_cast<uint64_t>(decided.Undecidable())});
}

void CaseCounter::CountNodes(const Graph& graph, bool valid, bool executed, WorkerStats& stats) {
  for (const Node& node : graph.nodes) {
    if (const size_t index = IndexOf(node); index != kNotCounted) {
      stats.operators[index].counts.Add(valid, executed);
    }
    for (const Attribute& attribute : node.attributes) {
      if (const auto* body = std::get_if<GraphPtr>(&attribute.value)) {
        CountNodes(**body, valid, executed, stats);
      }
    }
  }
}

void CaseCounter::Finish(const GeneratedCase& made, bool valid, bool executed, WorkerStats& stats) {
  const Graph& graph = made.model.graph;
  CountNodes(graph, valid, executed, stats);
  for (const Judged& node : nodes_) {
    stats.operators[node.index].elements += node.elements;
    stats.operators[node.index].undecidable += node.undecidable;
  }
  for (const NamedTensor& input : made.inputs) types_ |= TypeBit(input.tensor.type);
  for (const NamedTensor& initializer : graph.initializers) {
    types_ |= TypeBit(initializer.tensor.type);
  }
  for (const ValueInfo& output : graph.outputs) types_ |= TypeBit(output.type.type);
  for (size_t type = 0; type < kNumTypes; ++type) {
    if ((types_ >> type & 1) != 0) stats.types[type].counts.Add(valid, executed);
  }
}

}  // namespace moire
