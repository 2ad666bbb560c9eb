#include "fuzzers/generate/distribution.h"

#include <algorithm>

#include "fuzzers/generate/graph_builder.h"

namespace moire {

void Distribution::Add(const GeneratedCase& generated) {
  Random random(0);
  const GeneratorSettings settings;
  const Learned learned;
  GraphBuilder builder(random, settings, learned, generated.model.Opset(""));
  if (!builder.Load(generated)) return;
  ++cases_;
  int64_t elements = 0;
  int32_t depth = 0;
  for (const Value& value : builder.values()) {
    elements += std::max<int64_t>(0, value.count);
    depth = std::max(depth, value.depth);
    if (value.type != DataType::kUndefined) types_.insert(value.type);
  }
  elements_.push_back(elements);
  deep_ += 2 * static_cast<size_t>(depth) >= builder.nodes() ? 1 : 0;
  for (size_t i = 0; i < builder.nodes(); ++i) {
    const std::string& op = builder.node(i).op;
    ++nodes_;
    ++operators_[op];
    std::set<DataType>& data = data_types_[op];
    const auto& inputs = builder.node_inputs(i);
    // The data path is the first input; for Where and makers of tensors the output.
    const ValueId path =
        inputs.empty() || inputs[0] == kNoValue || op == "Where" || op == "ConstantOfShape"
            ? builder.node_outputs(i)[0]
            : inputs[0];
    data.insert(builder.value(path).type);
    for (const ValueId id : inputs) {
      if (id == kNoValue) continue;
      ++inputs_;
      ++by_operator_[op].first;
      const Value& value = builder.value(id);
      if (value.kind != ValueKind::kNode) continue;
      ++inputs_from_nodes_;
      ++by_operator_[op].second;
      const std::string& producer = builder.node(static_cast<size_t>(value.producer)).op;
      triples_.emplace(producer, op, value.type);
      neighbours_[producer].insert(op);
      neighbours_[op].insert(producer);
    }
  }
}

std::map<std::string, size_t> Distribution::Neighbours() const {
  std::map<std::string, size_t> out;
  for (const auto& [op, count] : operators_) {
    const auto found = neighbours_.find(op);
    out[op] = found == neighbours_.end() ? 0 : found->second.size();
  }
  return out;
}

Distribution::Figures Distribution::Compute() const {
  Figures out;
  out.cases = cases_;
  if (cases_ == 0 || nodes_ == 0) return out;
  const auto share = [](size_t part, size_t whole) {
    return static_cast<double>(part) / static_cast<double>(std::max<size_t>(1, whole));
  };
  out.mean_nodes = share(nodes_, cases_);
  out.operators = operators_.size();
  out.element_types = types_.size();
  for (const auto& [op, types] : data_types_) out.operator_types += types.size();
  out.from_nodes = share(inputs_from_nodes_, inputs_);
  out.fewest_neighbours = SIZE_MAX;
  for (const auto& [op, count] : operators_) {
    if (share(count, nodes_) > out.largest_share) {
      out.largest_share = share(count, nodes_);
      out.largest_operator = op;
    }
    if (op == "Identity" || op == "Cast" || op == "Constant")
      out.plain_share += share(count, nodes_);
  }
  for (const auto& [op, count] : Neighbours()) {
    if (count < out.fewest_neighbours) {
      out.fewest_neighbours = count;
      out.loneliest_operator = op;
    }
  }
  out.triples = triples_.size();
  out.deep_share = share(deep_, cases_);
  std::vector<int64_t> sorted = elements_;
  std::ranges::nth_element(sorted, sorted.begin() + static_cast<int64_t>(sorted.size() / 2));
  out.median_elements = sorted[sorted.size() / 2];
  return out;
}

}  // namespace moire
