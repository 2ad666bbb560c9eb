#include "synth/subgraph.h"

#include <algorithm>

namespace moire {
namespace {

const KnownValue* Find(const KnownValues& values, const std::string& name) {
  const auto found = values.find(name);
  return found == values.end() || !found->second.known ? nullptr : &found->second;
}

// The first slice along the first axis, without it.
std::optional<Tensor> FirstSlice(const Tensor& tensor) {
  if (tensor.shape.empty() || tensor.shape[0] == 0 || tensor.type == DataType::kString) {
    return std::nullopt;
  }
  Tensor slice = MakeTensor(tensor.type, Shape(tensor.shape.begin() + 1, tensor.shape.end()));
  for (int64_t i = 0; i < slice.size(); ++i) {
    if (IsFloat(slice.type)) {
      SetFloat(slice, i, GetFloat(tensor, i));
    } else {
      SetInt(slice, i, GetInt(tensor, i));
    }
  }
  return slice;
}

// Values of a body's own inputs, bound to names of the main graph, and how many of the body's
// outputs stand before the node's.
struct Binding {
  bool possible = true;
  size_t first_output = 0;
};

Binding BindLoop(Sketch& taken, const Node& node, const Graph& body) {
  Binding binding{.possible = body.inputs.size() >= 2, .first_output = 1};
  if (!binding.possible) return binding;
  AddSource(taken, body.inputs[0].name, MakeTensor(DataType::kInt64, {}), true);  // iteration 0
  if (node.inputs.size() > 1 && !node.inputs[1].empty()) {
    Redirect(taken, body.inputs[1].name, node.inputs[1]);
  } else {
    Tensor yes = MakeTensor(DataType::kBool, {});
    SetInt(yes, 0, 1);
    AddSource(taken, body.inputs[1].name, yes, true);
  }
  for (size_t i = 2; i < body.inputs.size() && i < node.inputs.size(); ++i) {
    Redirect(taken, body.inputs[i].name, node.inputs[i]);
  }
  return binding;
}

Binding BindScan(Sketch& taken, const Node& node, const Graph& body, const KnownValues& values) {
  Binding binding;
  const auto scanned = static_cast<size_t>(std::max<int64_t>(0, node.Int("num_scan_inputs", 0)));
  if (scanned > body.inputs.size() || body.inputs.size() != node.inputs.size()) {
    binding.possible = false;
    return binding;
  }
  const size_t states = body.inputs.size() - scanned;
  for (size_t i = 0; i < body.inputs.size(); ++i) {
    if (i < states) {
      Redirect(taken, body.inputs[i].name, node.inputs[i]);
      continue;
    }
    const KnownValue* value = Find(values, node.inputs[i]);
    const std::optional<Tensor> slice = value == nullptr ? std::nullopt : FirstSlice(value->tensor);
    if (!slice) {
      binding.possible = false;
      return binding;
    }
    AddSource(taken, body.inputs[i].name, *slice, false);
  }
  return binding;
}

}  // namespace

std::vector<BodyPlace> Bodies(const Sketch& sketch) {
  std::vector<BodyPlace> places;
  const auto& nodes = sketch.model.graph.nodes;
  for (size_t n = 0; n < nodes.size(); ++n) {
    for (size_t a = 0; a < nodes[n].attributes.size(); ++a) {
      if (std::holds_alternative<GraphPtr>(nodes[n].attributes[a].value)) places.push_back({n, a});
    }
  }
  return places;
}

const Graph& BodyAt(const Sketch& sketch, const BodyPlace& place) {
  return *std::get<GraphPtr>(
      sketch.model.graph.nodes[place.node].attributes[place.attribute].value);
}

void ReplaceBody(Sketch& sketch, const BodyPlace& place, Graph body) {
  sketch.model.graph.nodes[place.node].attributes[place.attribute].value =
      std::make_shared<const Graph>(std::move(body));
}

std::optional<Sketch> TakeBody(const Sketch& sketch, const BodyPlace& place,
                               const KnownValues& values) {
  const Node node = sketch.model.graph.nodes[place.node];
  const Graph body = BodyAt(sketch, place);
  Sketch taken = sketch;
  auto& nodes = taken.model.graph.nodes;
  const auto at = nodes.begin() + static_cast<std::ptrdiff_t>(place.node);
  nodes.insert(nodes.erase(at), body.nodes.begin(), body.nodes.end());
  auto& initializers = taken.model.graph.initializers;
  initializers.insert(initializers.end(), body.initializers.begin(), body.initializers.end());
  Binding binding;
  if (node.op == "Loop") {
    binding = BindLoop(taken, node, body);
  } else if (node.op == "Scan") {
    binding = BindScan(taken, node, body, values);
  } else if (node.op != "If") {
    return std::nullopt;
  }
  if (!binding.possible) return std::nullopt;
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    if (node.outputs[i].empty()) continue;
    const size_t from = i + binding.first_output;
    if (from >= body.outputs.size()) return std::nullopt;
    std::string name = body.outputs[from].name;
    // A carried value that the body hands through has been bound to another name.
    for (size_t j = 0; j < body.inputs.size() && j < node.inputs.size(); ++j) {
      if (name == body.inputs[j].name && j >= (node.op == "Loop" ? 2 : 0)) name = node.inputs[j];
    }
    Redirect(taken, node.outputs[i], name);
  }
  return taken;
}

KnownValues ComputeBodyValues(const Sketch& sketch, const BodyPlace& place) {
  KnownValues values = ComputeValues(sketch);
  if (const std::optional<Sketch> taken = TakeBody(sketch, place, values)) {
    for (auto& [name, value] : ComputeValues(*taken)) values.try_emplace(name, std::move(value));
    const Node& node = sketch.model.graph.nodes[place.node];
    const Graph& body = BodyAt(sketch, place);
    // A body's own inputs have the values that they were bound to.
    for (size_t j = 0; j < body.inputs.size() && j < node.inputs.size(); ++j) {
      const auto bound = values.find(node.inputs[j]);
      if (bound != values.end()) values.try_emplace(body.inputs[j].name, bound->second);
    }
  }
  return values;
}

bool RemoveBodyNodes(Sketch& sketch, const BodyPlace& place, const std::vector<bool>& doomed,
                     const KnownValues& values, bool outside) {
  Graph body = BodyAt(sketch, place);
  std::set<std::string> read;
  std::set<std::string> removed;
  std::vector<Node> kept;
  for (size_t i = 0; i < body.nodes.size(); ++i) {
    if (doomed[i]) {
      removed.insert(body.nodes[i].outputs.begin(), body.nodes[i].outputs.end());
    } else {
      read.merge(Reads(body.nodes[i]));
      kept.push_back(std::move(body.nodes[i]));
    }
  }
  body.nodes = std::move(kept);
  std::set<std::string> results;
  for (const ValueInfo& output : body.outputs) results.insert(output.name);
  removed.erase("");
  for (const std::string& name : removed) {
    const bool result = results.contains(name);
    if (!result && !read.contains(name)) continue;
    const KnownValue* value = Find(values, name);
    if (value == nullptr) return false;
    // A body's output has to be the body's own.
    if (outside && !result) {
      AddSource(sketch, name, value->tensor, false);
    } else {
      body.initializers.push_back({name, value->tensor});
    }
  }
  std::erase_if(body.initializers, [&](const NamedTensor& v) {
    return !read.contains(v.name) && !results.contains(v.name);
  });
  ReplaceBody(sketch, place, std::move(body));
  return true;
}

void BypassBodyNode(Sketch& sketch, const BodyPlace& place, size_t index, const std::string& output,
                    const std::string& input) {
  Graph body = BodyAt(sketch, place);
  body.nodes.erase(body.nodes.begin() + static_cast<std::ptrdiff_t>(index));
  // Redirect works on the main graph of a sketch.
  Sketch inner;
  inner.model.graph = std::move(body);
  Redirect(inner, output, input);
  ReplaceBody(sketch, place, std::move(inner.model.graph));
}

}  // namespace moire
