#include "fuzzers/values/traced_graph.h"

#include <algorithm>
#include <cmath>

#include "oracles/reference/decidable.h"

namespace moire {
namespace {

Seen See(const RangeTensor& value) {
  Seen out;
  out.type = value.type;
  const Decided decided = CountDecided(value);
  out.elements = decided.elements;
  out.undecided = decided.elements - decided.decidable;
  out.not_finite = CountNotFinite(value);
  const auto take = [&](double x) {
    if (!std::isfinite(x)) return;
    out.hull = out.any ? Hull(out.hull, {x, x}) : Range{x, x};
    out.any = true;
  };
  for (const double x : value.value) take(x);
  for (const int64_t bits : value.ints) {
    take(value.type == DataType::kUint64 ? static_cast<double>(static_cast<uint64_t>(bits))
                                         : static_cast<double>(bits));
  }
  return out;
}

// Of a changed graph; what takes more is not worth it.
constexpr Budget kBudget{
    .max_steps = 5'000'000, .max_bytes = uint64_t{64} << 20, .max_elements = 1 << 20};

// Whether floats of an input decide shapes.
bool DecidesShape(const Node& node, size_t input) {
  return node.op == "Range" || ((node.op == "Resize" || node.op == "Upsample") && input > 0);
}

Tensor* ValueOf(Node& constant) {
  for (Attribute& attribute : constant.attributes) {
    if (attribute.name == "value") return std::get_if<Tensor>(&attribute.value);
  }
  return nullptr;
}

}  // namespace

TracedGraph::TracedGraph(GeneratedCase& made) : made_(made), graph_(made.model.graph) {
  const auto source = [&](std::string_view name, Tensor& tensor) {
    const int id = IdOf(name);
    leaves_[static_cast<size_t>(id)] = &tensor;
    seen_[static_cast<size_t>(id)] = See(FromTensor(tensor));
  };
  for (NamedTensor& initializer : graph_.initializers) source(initializer.name, initializer.tensor);
  for (NamedTensor& input : made.inputs) source(input.name, input.tensor);
  inputs_.resize(nodes());
  outputs_.resize(nodes());
  for (size_t i = 0; i < nodes(); ++i) {
    Node& node = graph_.nodes[i];
    for (const std::string& name : node.inputs) {
      const int id = name.empty() ? -1 : IdOf(name);
      if (id >= 0 && DecidesShape(node, inputs_[i].size()))
        leaves_[static_cast<size_t>(id)] = nullptr;
      inputs_[i].push_back(id);
    }
    for (const std::string& name : node.outputs) {
      const int id = name.empty() ? -1 : IdOf(name);
      outputs_[i].push_back(id);
      if (id < 0) continue;
      producers_[static_cast<size_t>(id)] = static_cast<int>(i);
      if (node.op == "Constant") leaves_[static_cast<size_t>(id)] = ValueOf(node);
    }
  }
}

int TracedGraph::IdOf(std::string_view name) {
  const auto [found, added] = ids_.try_emplace(name, static_cast<int>(ids_.size()));
  if (added) {
    producers_.push_back(-1);
    leaves_.push_back(nullptr);
    seen_.emplace_back();
  }
  return found->second;
}

Assessment TracedGraph::Evaluate() {
  for (size_t id = 0; id < seen_.size(); ++id) {
    if (leaves_[id] != nullptr) seen_[id] = See(FromTensor(*leaves_[id]));
  }
  size_t next = 0;  // nodes come in order; those that the reference passes over give nothing
  ReferenceOptions options;
  options.budget = kBudget;
  options.on_node = [&](const Node& node, std::span<const RangeTensor> values) {
    while (next < nodes() && &graph_.nodes[next] != &node) ++next;
    if (next == nodes()) return;
    for (size_t k = 0; k < std::min(values.size(), outputs_[next].size()); ++k) {
      const int id = outputs_[next][k];
      if (id >= 0) seen_[static_cast<size_t>(id)] = See(values[k]);
    }
  };
  Assessment out = Assess(moire::Evaluate(made_.model, made_.inputs, options));
  if (elements_.empty()) {
    for (const Seen& seen : seen_) elements_.push_back(seen.elements);
  }
  for (size_t id = 0; id < seen_.size(); ++id) {
    out.evaluated = out.evaluated && seen_[id].elements == elements_[id];
  }
  return out;
}

std::vector<size_t> TracedGraph::Culprits() const {
  const auto starts = [&](auto bad) {
    std::vector<size_t> out;
    const auto bad_id = [&](int id) { return id >= 0 && bad(seen(id)); };
    for (size_t i = 0; i < nodes(); ++i) {
      if (std::ranges::any_of(outputs_[i], bad_id) && std::ranges::none_of(inputs_[i], bad_id)) {
        out.push_back(i);
      }
    }
    return out;
  };
  std::vector<size_t> out = starts([](const Seen& seen) { return seen.Bad(); });
  return out.empty() ? starts([](const Seen& seen) { return seen.undecided > 0; }) : out;
}

std::vector<int> TracedGraph::LeavesOf(size_t node) const {
  std::vector<int> out;
  std::vector<bool> met(values(), false);
  std::vector<int> open = inputs_[node];
  while (!open.empty()) {
    const int id = open.back();
    open.pop_back();
    if (id < 0 || met[static_cast<size_t>(id)]) continue;
    met[static_cast<size_t>(id)] = true;
    if (leaf(id) != nullptr) {
      out.push_back(id);
    } else if (producer(id) >= 0) {
      const auto& from = inputs_[static_cast<size_t>(producer(id))];
      open.insert(open.end(), from.begin(), from.end());
    }
  }
  std::ranges::sort(out);
  return out;
}

}  // namespace moire
