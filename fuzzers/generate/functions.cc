#include "fuzzers/generate/functions.h"

#include <algorithm>
#include <set>

#include "harness/case/onnx_proto.h"

namespace moire {
namespace {

bool HasBody(const Node& node) {
  return std::ranges::any_of(node.attributes, [](const Attribute& attribute) {
    return std::holds_alternative<GraphPtr>(attribute.value);
  });
}

// Names that come from outside a run of nodes, in order of use; and those made in it that are used
// outside, in a body or as outputs of the graph.
struct Edges {
  std::vector<std::string> in;
  std::vector<std::string> out;
};

void CollectNames(const Graph& graph, std::set<std::string>& out) {
  for (const Node& node : graph.nodes) {
    out.insert(node.inputs.begin(), node.inputs.end());
    for (const Attribute& attribute : node.attributes) {
      if (const auto* body = std::get_if<GraphPtr>(&attribute.value)) CollectNames(**body, out);
    }
  }
  for (const ValueInfo& output : graph.outputs) out.insert(output.name);
}

Edges EdgesOf(const Graph& graph, size_t first, size_t last) {
  Edges edges;
  std::set<std::string> made;
  for (size_t i = first; i < last; ++i) {
    for (const std::string& input : graph.nodes[i].inputs) {
      if (!input.empty() && !made.contains(input) && std::ranges::count(edges.in, input) == 0) {
        edges.in.push_back(input);
      }
    }
    made.insert(graph.nodes[i].outputs.begin(), graph.nodes[i].outputs.end());
  }
  Graph rest;
  rest.outputs = graph.outputs;
  rest.nodes.assign(graph.nodes.begin() + static_cast<int64_t>(last), graph.nodes.end());
  std::set<std::string> used;
  CollectNames(rest, used);
  std::ranges::copy_if(made, std::back_inserter(edges.out), [&](const std::string& name) {
    return !name.empty() && used.contains(name);
  });
  return edges;
}

// A float attribute of a node moves to the call: the body refers to it.
void Refer(onnx::FunctionProto& function, Node& call, Random& random) {
  for (onnx::NodeProto& node : *function.mutable_node()) {
    for (onnx::AttributeProto& attribute : *node.mutable_attribute()) {
      if (attribute.type() != onnx::AttributeProto::FLOAT || !random.Chance(1, 2)) continue;
      call.attributes.push_back({attribute.name(), attribute.f()});
      function.add_attribute(attribute.name());
      attribute.set_ref_attr_name(attribute.name());
      attribute.clear_f();
      return;
    }
  }
}

}  // namespace

bool MakeFunction(Model& model, Random& random) {
  Graph& graph = model.graph;
  if (graph.nodes.size() < 2 || model.Opset(kFunctionDomain) != 0) return false;
  for (int attempt = 0; attempt < 4; ++attempt) {
    const size_t first = random.Index(graph.nodes.size() - 1);
    const size_t last = std::min(graph.nodes.size(), first + 2 + random.Index(4));
    const std::span<const Node> run(graph.nodes.data() + first, last - first);
    if (std::ranges::any_of(run, HasBody)) continue;
    const Edges edges = EdgesOf(graph, first, last);
    if (edges.in.empty() || edges.in.size() > 8 || edges.out.empty() || edges.out.size() > 6) {
      continue;
    }
    Graph part;
    part.nodes.assign(run.begin(), run.end());
    onnx::GraphProto nodes;
    GraphToProto(part, nodes);
    onnx::ModelProto carrier;
    onnx::FunctionProto& function = *carrier.add_functions();
    function.set_name("Part");
    function.set_domain(std::string(kFunctionDomain));
    for (const std::string& name : edges.in) function.add_input(name);
    for (const std::string& name : edges.out) function.add_output(name);
    function.mutable_node()->Swap(nodes.mutable_node());
    for (const OpsetImport& import : model.opsets) {
      auto& target = *function.add_opset_import();
      target.set_domain(import.domain);
      target.set_version(import.version);
    }
    Node call;
    call.op = "Part";
    call.domain = kFunctionDomain;
    call.name = graph.nodes[first].name + "f";
    call.inputs = edges.in;
    call.outputs = edges.out;
    Refer(function, call, random);
    graph.nodes.erase(graph.nodes.begin() + static_cast<int64_t>(first),
                      graph.nodes.begin() + static_cast<int64_t>(last));
    graph.nodes.insert(graph.nodes.begin() + static_cast<int64_t>(first), std::move(call));
    model.opsets.push_back({std::string(kFunctionDomain), 1});
    model.extra += carrier.SerializeAsString();
    return true;
  }
  return false;
}

}  // namespace moire
