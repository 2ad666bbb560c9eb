// Pass "attributes": removes attributes (the default is enough), or gives them plain values.
#include <algorithm>

#include "synth/passes/passes.h"

namespace moire {
namespace {

using Value = decltype(Attribute::value);

// Plainer values to try, plainest first.
std::vector<Value> Plainer(const Value& value) {
  std::vector<Value> plainer;
  if (std::holds_alternative<int64_t>(value)) {
    plainer = {int64_t{0}, int64_t{1}};
  } else if (std::holds_alternative<float>(value)) {
    plainer = {0.0F, 1.0F};
  } else if (const auto* ints = std::get_if<Ints>(&value)) {
    plainer = {Ints(ints->size(), 0), Ints(ints->size(), 1)};
    for (size_t i = 0; i < ints->size() && ints->size() > 1; ++i) {
      for (const int64_t plain : {0, 1}) {
        Ints one = *ints;
        one[i] = plain;
        plainer.emplace_back(std::move(one));
      }
    }
  } else if (const auto* floats = std::get_if<Floats>(&value)) {
    plainer = {Floats(floats->size(), 0.0F), Floats(floats->size(), 1.0F)};
  }
  return plainer;
}

// auto_pad in numbers: for strides of 1, which is what reduction leaves.
void ExplicitPads(const Sketch& current, const Attempt& attempt, size_t n) {
  const Node& node = current.model.graph.nodes[n];
  const Ints kernel = node.IntList("kernel_shape");
  const auto named = std::ranges::find(node.attributes, "auto_pad", &Attribute::name);
  if (named == node.attributes.end() || kernel.empty()) return;
  for (const int64_t extra_begin : {0, 1}) {
    Ints begin, end;
    for (const int64_t size : kernel) {
      begin.push_back((size - 1 + extra_begin) / 2);
      end.push_back(size - 1 - begin.back());
    }
    begin.insert(begin.end(), end.begin(), end.end());
    Sketch edited = current;
    auto& attributes = edited.model.graph.nodes[n].attributes;
    attributes[static_cast<size_t>(named - node.attributes.begin())] = {"pads", std::move(begin)};
    if (attempt(std::move(edited))) return;
  }
}

void Simplify(const Sketch& current, const Attempt& attempt) {
  for (size_t n = 0; n < current.model.graph.nodes.size(); ++n) {
    ExplicitPads(current, attempt, n);
    for (size_t a = 0; n < current.model.graph.nodes.size() &&
                       a < current.model.graph.nodes[n].attributes.size();) {
      Sketch edited = current;
      auto& attributes = edited.model.graph.nodes[n].attributes;
      attributes.erase(attributes.begin() + static_cast<std::ptrdiff_t>(a));
      if (attempt(std::move(edited))) continue;
      for (Value& value : Plainer(current.model.graph.nodes[n].attributes[a].value)) {
        Sketch plain = current;
        plain.model.graph.nodes[n].attributes[a].value = std::move(value);
        attempt(std::move(plain));
      }
      ++a;
    }
  }
}

}  // namespace

const ReductionPass& AttributesPass() {
  static const FunctionPass pass("attributes", "removes attributes or gives them plain values",
                                 Simplify);
  return pass;
}

}  // namespace moire
