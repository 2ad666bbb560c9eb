// The keys of a finding. What goes into them decides what counts as one bug: docs/formats.md.
#include "synth/finding.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <unordered_map>

#include "harness/case/random.h"
#include "oracles/configuration_name.h"
#include "oracles/error_class.h"
#include "oracles/reference/reference.h"

namespace moire {
namespace {

// What kind of number an attribute holds, not which: reduction has already made it small, and has
// removed it where its default does as well.
template <typename Number>
std::string_view NumberClass(Number value) {
  if (std::isnan(static_cast<double>(value))) return "nan";
  if (value == 0) return "0";
  return value < 0 ? "-" : "+";
}

// Of a list it matters that it is there, and whether it counts backwards: pads, strides and kernels
// depend on each other and on the dims in more ways than reduction can try.
template <typename List>
std::string ListClass(const List& list) {
  return std::ranges::any_of(list, [](auto value) { return value < 0; }) ? "[-]" : "[]";
}

std::string AttributeClass(const Attribute& attribute) {
  struct Visitor {
    std::string operator()(int64_t v) const { return std::string(NumberClass(v)); }
    std::string operator()(float v) const { return std::string(NumberClass(v)); }
    std::string operator()(const std::string& v) const { return v; }
    std::string operator()(const Tensor& v) const { return std::string(Name(v.type)); }
    std::string operator()(const GraphPtr& v) const {
      std::string ops = "{";
      for (const Node& node : v->nodes) ops += node.op + ";";
      return ops + "}";
    }
    std::string operator()(const Ints& v) const { return ListClass(v); }
    std::string operator()(const Floats& v) const { return ListClass(v); }
    std::string operator()(const Strings& v) const { return fmt::format("strings{}", v.size()); }
    std::string operator()(const OpaqueAttribute&) const { return "other"; }
  };
  std::string value = std::visit(Visitor(), attribute.value);
  // Which type a Cast makes is what matters about it.
  if (const auto* number = std::get_if<int64_t>(&attribute.value);
      number != nullptr && (attribute.name == "to" || attribute.name == "dtype")) {
    value = std::string(Name(static_cast<DataType>(*number)));
  }
  return attribute.name + "=" + value;
}

// A message without the element types in it: a runtime that refuses one operator for two types
// says one thing.
std::string WithoutTypes(std::string_view error_class) {
  std::string out(error_class);
  for (size_t at = out.find("[with "); at != std::string::npos; at = out.find("[with ", at)) {
    const size_t end = std::min(out.find(']', at), out.size() - 1);
    out.erase(at, end - at + 1);
  }
  for (const TypeTraits& row : AllTypes()) {
    for (size_t at = out.find(row.name); at != std::string::npos; at = out.find(row.name, at + 1)) {
      out.replace(at, row.name.size(), "T");
    }
  }
  return out;
}

using Types = std::unordered_map<std::string, DataType>;

Types TypesOf(const Model& model, const std::vector<NamedTensor>& inputs) {
  Types types;
  for (const ValueInfo& input : model.graph.inputs) types[input.name] = input.type.type;
  for (const ValueInfo& output : model.graph.outputs) types[output.name] = output.type.type;
  for (const NamedTensor& initializer : model.graph.initializers) {
    types[initializer.name] = initializer.tensor.type;
  }
  ReferenceOptions options;
  options.on_node = [&](const Node& node, std::span<const RangeTensor> outputs) {
    for (size_t i = 0; i < outputs.size() && i < node.outputs.size(); ++i) {
      if (outputs[i].type != DataType::kUndefined) types[node.outputs[i]] = outputs[i].type;
    }
  };
  Evaluate(model, inputs, options);
  return types;
}

// Operators with the types they read and their attribute classes. A node's place in the graph is
// told by what its inputs are made from, so that order and names do not matter.
std::string NodeText(const Node& node, const Types& types,
                     const std::unordered_map<std::string, std::string>& maker) {
  std::string text = node.domain.empty() ? node.op : node.domain + "." + node.op;
  text += "(";
  for (const std::string& input : node.inputs) {
    const auto type = types.find(input);
    const auto made = maker.find(input);
    text += made == maker.end() ? "" : made->second + " ";
    text += type == types.end() ? "?" : std::string(Name(type->second));
    text += input.empty() ? "-," : ",";
  }
  text += ")";
  std::vector<std::string> attributes;
  for (const Attribute& attribute : node.attributes)
    attributes.push_back(AttributeClass(attribute));
  std::ranges::sort(attributes);
  for (const std::string& attribute : attributes) text += attribute + ";";
  return text;
}

std::string CanonicalGraph(const Model& model, const Types& types) {
  std::unordered_map<std::string, std::string> maker;
  std::vector<std::string> nodes;
  for (const Node& node : model.graph.nodes) {
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      maker[node.outputs[i]] = i == 0 ? node.op : fmt::format("{}.{}", node.op, i);
    }
  }
  for (const NamedTensor& initializer : model.graph.initializers) maker[initializer.name] = "const";
  for (const Node& node : model.graph.nodes) nodes.push_back(NodeText(node, types, maker));
  std::ranges::sort(nodes);
  std::string all;
  for (const std::string& node : nodes) all += node + "\n";
  return all;
}

std::string Operators(const Model& model) {
  constexpr size_t kMost = 4;
  std::string text;
  for (size_t i = 0; i < model.graph.nodes.size(); ++i) {
    if (i == kMost) return text + "+";
    if (i > 0) text += '-';
    text += model.graph.nodes[i].op;
  }
  return text.empty() ? "none" : text;
}

std::string MainType(const Model& model, const Types& types) {
  for (const Node& node : model.graph.nodes) {
    for (const std::string& input : node.inputs) {
      const auto type = types.find(input);
      if (type != types.end() && type->second != DataType::kUndefined) {
        return std::string(Name(type->second));
      }
    }
  }
  return "none";
}

}  // namespace

std::string ErrorClass(std::string_view message) { return MessageClass(message); }

std::string SymptomKey(const Verdict& verdict) {
  return fmt::format(
      "{} | {} | {} | {}", Name(verdict.kind), ConfigurationClass(verdict.configuration),
      verdict.against.empty() ? "-" : ConfigurationClass(verdict.against), verdict.error_class);
}

std::string CauseKey(const Verdict& verdict, const Model& reduced,
                     const std::vector<NamedTensor>& inputs, const RunOptions& options,
                     const std::string& blamed_optimizer) {
  const Types types = TypesOf(reduced, inputs);
  // What identifies a bug depends on what is known of it. A blamed optimiser is the cause whatever
  // operators it walked over; a refusal or a death says where in the runtime it happened, and the
  // operators say the rest; a wrong value has nothing but the graph.
  const bool speaks =
      verdict.kind == VerdictKind::kWronglyRejected || verdict.kind == VerdictKind::kCrash;
  std::string text = std::string(Name(verdict.kind)) + "\n";
  if (options.external_data_bytes > 0) text += "external data\n";
  if (!blamed_optimizer.empty()) {
    text += fmt::format("{} {}\n{}", BackendName(verdict.configuration), blamed_optimizer,
                        WithoutTypes(verdict.error_class));
  } else if (speaks) {
    text += fmt::format("{}\n{}\n{}", ConfigurationClass(verdict.configuration),
                        WithoutTypes(verdict.error_class), Operators(reduced));
  } else {
    text += fmt::format("{}\n{}\n{}", ConfigurationClass(verdict.configuration),
                        verdict.error_class, CanonicalGraph(reduced, types));
  }
  std::string kind(Name(verdict.kind));
  std::ranges::replace(kind, ' ', '-');
  const std::string what = blamed_optimizer.empty() ? Operators(reduced) : blamed_optimizer;
  const std::string type = speaks || !blamed_optimizer.empty() ? "any" : MainType(reduced, types);
  return fmt::format("{}/{}/{}/{:016x}", kind, what, type, HashBytes(text.data(), text.size()));
}

}  // namespace moire
