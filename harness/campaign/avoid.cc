#include "harness/campaign/avoid.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <nlohmann/json.hpp>

#include "harness/case/float_bits.h"

namespace moire {
namespace {

constexpr double kLarge = 65536.0;

void AddFloat(DataType type, double value, uint32_t& flags) {
  if (std::isnan(value)) {
    flags |= kHasNan;
  } else if (std::isinf(value)) {
    flags |= kHasInfinity;
  } else {
    const double magnitude = std::abs(value);
    if (value < 0) flags |= kHasNegative;
    if (magnitude >= kLarge) flags |= kHasLarge;
    if (magnitude > 0 && magnitude < SmallestNormal(type)) flags |= kHasSubnormal;
  }
}

void AddInt(DataType type, int64_t value, uint32_t& flags) {
  if (IsBool(type)) return;
  const bool is_signed = IsSigned(type);
  if (is_signed && value < 0) flags |= kHasNegative;
  if (static_cast<uint64_t>(value) == IntegerMax(type) ||
      (is_signed && value == IntegerMin(type))) {
    flags |= kHasExtreme;
  }
  if (is_signed ? std::abs(static_cast<double>(value)) >= kLarge
                : static_cast<uint64_t>(value) >= static_cast<uint64_t>(kLarge)) {
    flags |= kHasLarge;
  }
}

std::string AttributeText(const Attribute& attribute) {
  struct Writer {
    std::string operator()(int64_t v) const { return fmt::format("{}", v); }
    std::string operator()(float v) const { return fmt::format("{}", v); }
    std::string operator()(const std::string& v) const { return v; }
    std::string operator()(const Tensor& v) const {
      return fmt::format("{} {}", Name(v.type), ToString(v.shape));
    }
    std::string operator()(const GraphPtr& v) const {
      return fmt::format("graph of {} nodes", CountNodes(*v));
    }
    std::string operator()(const Ints& v) const { return ToString(v); }
    std::string operator()(const Floats& v) const { return fmt::format("{} floats", v.size()); }
    std::string operator()(const Strings& v) const { return fmt::format("{} strings", v.size()); }
    std::string operator()(const OpaqueAttribute&) const { return "?"; }
  };
  return std::visit(Writer{}, attribute.value);
}

// Index of the node that makes each value.
using Producers = std::map<std::string, int, std::less<>>;
Producers ProducersOf(const Model& model) {
  Producers out;
  for (size_t i = 0; i < model.graph.nodes.size(); ++i) {
    for (const std::string& output : model.graph.nodes[i].outputs) {
      out[output] = static_cast<int>(i);
    }
  }
  return out;
}

ValueFacts FactsFor(const Facts& facts, std::string_view name) {
  const auto found = facts.find(name);
  return found == facts.end() ? ValueFacts{} : found->second;
}

bool NodeMatches(const RuleNode& rule, const Node& node, const Facts& facts) {
  if (rule.op != node.op || rule.domain != node.domain ||
      rule.input_types.size() > node.inputs.size()) {
    return false;
  }
  for (const auto& [name, text] : rule.attributes) {
    const Attribute* found = node.Find(name);
    if (found == nullptr || AttributeText(*found) != text) return false;
  }
  for (size_t i = 0; i < rule.input_types.size(); ++i) {
    const ValueFacts fact = FactsFor(facts, node.inputs[i]);
    if (rule.input_types[i] != DataType::kUndefined && fact.type != rule.input_types[i]) {
      return false;
    }
    if ((fact.flags & rule.input_flags[i]) != rule.input_flags[i]) return false;
  }
  return true;
}

// Binds the rule's nodes from the last to the first; the edges must fit what is bound already.
bool Bind(const AvoidRule& rule, const Model& model, const Facts& facts,
          const Producers& producers, size_t next, std::vector<int>& bound) {
  if (next == rule.nodes.size()) return true;
  for (size_t i = 0; i < model.graph.nodes.size(); ++i) {
    const auto index = static_cast<int>(i);
    if (std::find(bound.begin(), bound.end(), index) != bound.end()) continue;
    const Node& node = model.graph.nodes[i];
    if (!NodeMatches(rule.nodes[next], node, facts)) continue;
    bool fits = true;
    for (size_t k = 0; fits && k < rule.nodes[next].producers.size(); ++k) {
      const int producer = rule.nodes[next].producers[k];
      if (producer < 0) continue;
      const auto found = producers.find(node.inputs[k]);
      fits = found != producers.end() && found->second == bound[static_cast<size_t>(producer)];
    }
    if (!fits) continue;
    bound.push_back(index);
    if (Bind(rule, model, facts, producers, next + 1, bound)) return true;
    bound.pop_back();
  }
  return false;
}

// The same type, or any on one side.
bool Agree(DataType a, DataType b) {
  return a == b || a == DataType::kUndefined || b == DataType::kUndefined;
}

}  // namespace

uint32_t FlagsOf(const Tensor& tensor) {
  uint32_t flags = tensor.size() == 0 ? kIsEmpty : 0;
  for (int64_t i = 0; i < tensor.size(); ++i) {
    if (IsFloat(tensor.type)) AddFloat(tensor.type, GetFloat(tensor, i), flags);
    if (IsInteger(tensor.type)) AddInt(tensor.type, GetInt(tensor, i), flags);
  }
  return flags;
}

uint32_t FlagsOf(const RangeTensor& tensor) {
  if (tensor.opaque != Opaque::kNo) return 0;
  uint32_t flags = tensor.size() == 0 ? kIsEmpty : 0;
  for (const double value : tensor.value) AddFloat(tensor.type, value, flags);
  if (IsInteger(tensor.type)) {
    for (const int64_t value : tensor.ints) AddInt(tensor.type, value, flags);
  }
  return flags;
}

Facts FactsOfInputs(const Model& model, const std::vector<NamedTensor>& inputs) {
  Facts facts;
  for (const NamedTensor& tensor : model.graph.initializers) {
    facts[tensor.name] = {tensor.tensor.type, FlagsOf(tensor.tensor)};
  }
  for (const NamedTensor& tensor : inputs) {
    facts[tensor.name] = {tensor.tensor.type, FlagsOf(tensor.tensor)};
  }
  return facts;
}

std::optional<AvoidRule> RuleFromCase(std::string_view cause, std::string_view configuration,
                                      const Model& reduced, const Facts& facts) {
  const auto& nodes = reduced.graph.nodes;
  if (nodes.empty() || nodes.size() > kMaxRuleNodes) return std::nullopt;
  AvoidRule rule{std::string(cause), {std::string(configuration)}, {}, 1};
  const Producers producers = ProducersOf(reduced);
  for (const Node& node : nodes) {
    RuleNode out{node.op, node.domain, {}, {}, {}, {}};
    for (const std::string& input : node.inputs) {
      const ValueFacts fact = FactsFor(facts, input);
      const auto producer = producers.find(input);
      out.input_types.push_back(fact.type);
      out.input_flags.push_back(fact.flags);
      out.producers.push_back(producer == producers.end() ? -1 : producer->second);
    }
    for (const Attribute& attribute : node.attributes) {
      out.attributes[attribute.name] = AttributeText(attribute);
    }
    rule.nodes.push_back(std::move(out));
  }
  return rule;
}

bool WidenTo(AvoidRule& rule, const Model& sighted, const Facts& facts) {
  if (Matches(rule, sighted, facts)) return true;
  AvoidRule wide = rule;
  for (RuleNode& node : wide.nodes) {
    std::ranges::fill(node.input_types, DataType::kUndefined);
    std::ranges::fill(node.input_flags, 0u);
    node.attributes.clear();
  }
  if (!Matches(wide, sighted, facts)) return false;
  // One thing after the other is taken back where it holds: what says most first.
  const auto keep = [&](const std::function<void(AvoidRule&)>& narrow) {
    AvoidRule narrower = wide;
    narrow(narrower);
    if (Matches(narrower, sighted, facts)) wide = std::move(narrower);
  };
  for (size_t n = 0; n < rule.nodes.size(); ++n) {
    const RuleNode& node = rule.nodes[n];
    for (const auto& [name, value] : node.attributes) {
      keep([&](AvoidRule& r) { r.nodes[n].attributes[name] = value; });
    }
    for (size_t i = 0; i < node.input_types.size(); ++i) {
      keep([&](AvoidRule& r) { r.nodes[n].input_types[i] = node.input_types[i]; });
    }
    for (size_t i = 0; i < node.input_flags.size(); ++i) {
      keep([&](AvoidRule& r) { r.nodes[n].input_flags[i] = node.input_flags[i]; });
    }
  }
  rule = std::move(wide);
  return true;
}

bool Generalise(AvoidRule& rule, const AvoidRule& sighting) {
  if (rule.nodes.size() != sighting.nodes.size()) return false;
  for (size_t n = 0; n < rule.nodes.size(); ++n) {
    const RuleNode& a = rule.nodes[n];
    const RuleNode& b = sighting.nodes[n];
    if (a.op != b.op || a.domain != b.domain || a.producers != b.producers ||
        !std::ranges::equal(a.input_types, b.input_types, Agree)) {
      return false;
    }
  }
  for (size_t n = 0; n < rule.nodes.size(); ++n) {
    RuleNode& a = rule.nodes[n];
    const RuleNode& b = sighting.nodes[n];
    for (size_t i = 0; i < a.input_flags.size(); ++i) {
      a.input_flags[i] &= b.input_flags[i];
      if (b.input_types[i] == DataType::kUndefined) a.input_types[i] = DataType::kUndefined;
    }
    std::erase_if(a.attributes, [&](const auto& entry) {
      const auto other = b.attributes.find(entry.first);
      return other == b.attributes.end() || other->second != entry.second;
    });
  }
  for (const std::string& configuration : sighting.configurations) {
    if (std::find(rule.configurations.begin(), rule.configurations.end(), configuration) ==
        rule.configurations.end()) {
      rule.configurations.push_back(configuration);
    }
  }
  ++rule.sightings;
  return true;
}

bool MayMatch(const AvoidRule& rule, const Model& model) {
  return std::ranges::all_of(rule.nodes, [&](const RuleNode& wanted) {
    return std::ranges::any_of(model.graph.nodes,
                               [&](const Node& node) { return node.op == wanted.op; });
  });
}

bool Matches(const AvoidRule& rule, const Model& model, const Facts& facts) {
  if (rule.nodes.empty()) return false;
  std::vector<int> bound;
  return Bind(rule, model, facts, ProducersOf(model), 0, bound);
}

std::string RulesToJson(const std::vector<AvoidRule>& rules) {
  auto json = nlohmann::json::array();
  for (const AvoidRule& rule : rules) {
    auto nodes = nlohmann::json::array();
    for (const RuleNode& node : rule.nodes) {
      std::vector<int> types;
      for (const DataType type : node.input_types) types.push_back(static_cast<int>(type));
      nodes.push_back({{"op", node.op},
                       {"domain", node.domain},
                       {"types", types},
                       {"flags", node.input_flags},
                       {"producers", node.producers},
                       {"attributes", node.attributes}});
    }
    json.push_back({{"cause", rule.cause},
                    {"configurations", rule.configurations},
                    {"nodes", nodes},
                    {"sightings", rule.sightings}});
  }
  return json.dump(1, ' ', false, nlohmann::json::error_handler_t::replace);
}

Result<std::vector<AvoidRule>> RulesFromJson(std::string_view json) {
  std::vector<AvoidRule> rules;
  try {
    for (const auto& entry : nlohmann::json::parse(json)) {
      AvoidRule rule;
      rule.cause = entry.at("cause");
      rule.configurations = entry.at("configurations");
      rule.sightings = entry.at("sightings");
      for (const auto& node : entry.at("nodes")) {
        RuleNode out;
        out.op = node.at("op");
        out.domain = node.at("domain");
        for (const int type : node.at("types")) {
          out.input_types.push_back(static_cast<DataType>(type));
        }
        out.input_flags = node.at("flags").get<std::vector<uint32_t>>();
        out.producers = node.at("producers").get<std::vector<int>>();
        out.attributes = node.at("attributes").get<std::map<std::string, std::string>>();
        if (out.input_flags.size() != out.input_types.size() ||
            out.producers.size() != out.input_types.size()) {
          return Fail(ErrorCode::kInvalidInput, "avoid rule '{}' is not consistent", rule.cause);
        }
        rule.nodes.push_back(std::move(out));
      }
      rules.push_back(std::move(rule));
    }
  } catch (const nlohmann::json::exception& error) {
    return Fail(ErrorCode::kInvalidInput, "avoid rules: {}", error.what());
  }
  return rules;
}

}  // namespace moire
