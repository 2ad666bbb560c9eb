#include "synth/shape_constraints.h"

#include <algorithm>

#include "harness/shapes/rules.h"

namespace moire {
namespace {

using smt::Term;

constexpr int64_t kLargest = 1 << 16;
constexpr int64_t kLargestComputed = int64_t{1} << 40;  // of what sizes add up or multiply to

// Inputs that name sizes, not values: [operator, input].
constexpr std::pair<std::string_view, size_t> kSizeInputs[] = {
    {"Reshape", 1}, {"Expand", 1}, {"ConstantOfShape", 0}};

const Tensor* Find(const Sketch& sketch, const std::string& name) {
  for (const NamedTensor& input : sketch.inputs) {
    if (input.name == name) return &input.tensor;
  }
  const NamedTensor* constant = sketch.model.graph.FindInitializer(name);
  return constant == nullptr ? nullptr : &constant->tensor;
}

}  // namespace

ShapeConstraints::ShapeConstraints(const Sketch& sketch, const Sketch& before,
                                   const KnownValues& values)
    : sketch_(sketch), before_(before), values_(values) {}

bool ShapeConstraints::Build() {
  AddSources();
  for (const Node& node : sketch_.model.graph.nodes) {
    if (!Modelled(node) && !Freeze(node)) return false;
  }
  return !variables_.empty();
}

void ShapeConstraints::AddSources() {
  for (const Sketch* each : {static_cast<const Sketch*>(&sketch_), &before_}) {
    Sketch copy = *each;
    for (const Tensor* tensor : Tensors(copy)) {
      for (const int64_t dim : tensor->shape) largest_ = std::max(largest_, dim);
    }
  }
  largest_ = std::min(largest_, kLargest);
  std::vector<std::string> names;
  for (const NamedTensor& input : sketch_.inputs) {
    if (!input.IsMap()) names.push_back(input.name);
  }
  for (const NamedTensor& constant : sketch_.model.graph.initializers) {
    names.push_back(constant.name);
  }
  const std::vector<Tensor*> tensors = Tensors(sketch_);
  for (size_t t = 0; t < tensors.size(); ++t) {
    const Tensor& now = *tensors[t];
    const Tensor* old = Find(before_, names[t]);
    const bool same_rank = old != nullptr && old->shape.size() == now.shape.size();
    shapes::TermList& dims = dims_[names[t]];
    dims.clear();
    const bool fixed = IsShapeLike(now) || Traits(now.type).kind == TypeClass::kComplex;
    for (size_t a = 0; a < now.shape.size(); ++a) {
      const int64_t size = now.shape[a];
      if (fixed || size == 0 || size > largest_) {
        dims.emplace_back(size);
        continue;
      }
      const Term term = problem_.Variable(1, largest_);
      const int64_t was = same_rank ? old->shape[a] : size;
      variables_.push_back({{SizeSite::Kind::kDim, t, a, {}}, size, was, was != size, term});
      dims.push_back(term);
    }
    if (IsShapeLike(now)) AddElements(t, names[t], now, old);
  }
}

void ShapeConstraints::AddElements(size_t tensor, const std::string& name, const Tensor& now,
                                   const Tensor* old) {
  const bool free = NamesSizes(name);
  const bool comparable = old != nullptr && old->size() == now.size() && IsShapeLike(*old);
  for (int64_t i = 0; i < now.size(); ++i) {
    const int64_t value = GetInt(now, i);
    // 0 and -1 leave the size to others.
    if (!free || value <= 0 || value > kLargest) {
      elements_[name].emplace_back(value);
      continue;
    }
    const Term term = problem_.Variable(1, std::max(value, kLargest));
    const int64_t was = comparable ? GetInt(*old, i) : value;
    const SizeSite site{SizeSite::Kind::kElement, tensor, static_cast<size_t>(i), {}};
    variables_.push_back({site, value, was, was != value, term});
    elements_[name].push_back(term);
  }
}

// Whether everyone who reads it reads sizes.
bool ShapeConstraints::NamesSizes(const std::string& name) const {
  bool read = false;
  for (const Node& node : sketch_.model.graph.nodes) {
    if (!Reads(node).contains(name)) continue;
    read = true;
    const bool only = std::ranges::any_of(kSizeInputs, [&](const auto& each) {
      return node.domain.empty() && node.op == each.first && each.second < node.inputs.size() &&
             node.inputs[each.second] == name && std::ranges::count(node.inputs, name) == 1;
    });
    if (!only) return false;
  }
  return read;
}

// By the operator's rule, which must say every output.
bool ShapeConstraints::Modelled(const Node& node) {
  const shapes::OperatorRule* rule = node.domain.empty() ? shapes::FindRule(node.op) : nullptr;
  if (rule == nullptr) return false;
  // What a rule has required before it gives up does not count.
  smt::Problem required;
  shapes::NodeTerms terms{node, sketch_.model.Opset(""), required};
  const auto find = [](const auto& lists, const std::string& name) {
    const auto found = lists.find(name);
    return found == lists.end() ? std::nullopt : std::optional(found->second);
  };
  for (const std::string& input : node.inputs) {
    terms.in.push_back(find(dims_, input));
    terms.elements.push_back(find(elements_, input));
  }
  if (!rule->rule(terms) || terms.out.size() < node.outputs.size()) return false;
  for (const smt::Constraint& constraint : required.required()) problem_.Require(constraint);
  if (required.Contradicts()) problem_.Require(Term(0) == 1);
  for (size_t k = 0; k < node.outputs.size(); ++k) {
    // Terms are trees: a name for each keeps them from growing with the graph.
    for (Term& dim : terms.out[k]) {
      if (dim.Atom()) continue;
      const Term name = problem_.Variable(0, kLargestComputed);
      problem_.Require(name == dim);
      dim = name;
    }
    if (!node.outputs[k].empty()) dims_.insert_or_assign(node.outputs[k], terms.out[k]);
  }
  return true;
}

// What is not modelled reads what it read before, and makes what it made.
bool ShapeConstraints::Freeze(const Node& node) {
  const auto& old_nodes = before_.model.graph.nodes;
  const auto old = std::ranges::find_if(old_nodes, [&](const Node& each) {
    return each.op == node.op && !each.outputs.empty() && each.outputs == node.outputs;
  });
  if (old == old_nodes.end()) return false;
  const auto hold = [&](const std::string& name, const std::string& old_name) {
    const auto dims = dims_.find(name);
    const auto value = values_.find(old_name);
    if (dims == dims_.end() || value == values_.end() || !value->second.known) return false;
    const Shape& shape = value->second.tensor.shape;
    if (shape.size() != dims->second.size()) return false;
    for (size_t i = 0; i < shape.size(); ++i) problem_.Require(dims->second[i] == shape[i]);
    return true;
  };
  for (size_t k = 0; k < node.inputs.size(); ++k) {
    if (node.inputs[k].empty()) continue;
    if (k >= old->inputs.size() || !hold(node.inputs[k], old->inputs[k])) return false;
  }
  for (const std::string& name : Reads(node)) {
    const bool outer = std::ranges::find(node.inputs, name) == node.inputs.end();
    if (outer && !hold(name, name)) return false;
  }
  for (size_t k = 0; k < node.outputs.size(); ++k) {
    if (node.outputs[k].empty()) continue;
    const auto value = values_.find(node.outputs[k]);
    if (value == values_.end() || !value->second.known) return false;
    const Shape& shape = value->second.tensor.shape;
    dims_.insert_or_assign(node.outputs[k], shapes::TermList(shape.begin(), shape.end()));
  }
  return true;
}

}  // namespace moire
