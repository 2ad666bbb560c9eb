#include "fuzzers/generate/graph_builder.h"

#include <algorithm>
#include <cmath>
#include <unordered_map>
#include <utility>

#include "fuzzers/generate/registry.h"

namespace moire {
namespace {

constexpr int64_t kMaxRank = 6;
constexpr size_t kMaxItems = 16;   // of a sequence
constexpr int64_t kMaxKnown = 64;  // elements of an integer tensor that are remembered
constexpr int64_t kMaxKnownFloats = 6;

// Above this the next operators soon leave the type's range, or its spacing swallows small terms.
double ComfortableMagnitude(DataType type) {
  if (type == DataType::kFloat16) return 500.0;
  return Traits(type).bits <= 8 ? Traits(type).max_finite : 1e4;
}

void Remember(Value& value, const Tensor& tensor) {
  value.range = MeasureRange(tensor);
  const bool is_float = IsFloat(tensor.type);
  if ((!IsExact(tensor.type) && !is_float) ||
      value.count > (is_float ? kMaxKnownFloats : kMaxKnown)) {
    return;
  }
  value.known.clear();
  for (int64_t i = 0; i < value.count; ++i) {
    const double units = is_float ? GetFloat(tensor, i) * 1024 : 0;
    if (is_float && (units != std::trunc(units) || std::fabs(units) > 1e9)) return;
    value.known.push_back(is_float ? static_cast<int64_t>(units) : GetInt(tensor, i));
  }
  value.has_known = true;
}

bool Takes(const ParameterInfo& parameter, const Value& v) {
  return v.compound
             ? Has(parameter.compounds[static_cast<size_t>(v.compound->form)], v.compound->element)
             : Has(parameter.types, v.type);
}

int64_t CountOf(Dims shape) {
  return std::ranges::any_of(shape, [](int64_t d) { return d < 0; }) ? -1 : Count(shape);
}

bool UsesDomain(const Graph& graph, std::string_view domain) {
  return std::ranges::any_of(graph.nodes, [&](const Node& node) {
    return node.domain == domain ||
           std::ranges::any_of(node.attributes, [&](const Attribute& attribute) {
             const auto* body = std::get_if<GraphPtr>(&attribute.value);
             return body != nullptr && UsesDomain(**body, domain);
           });
  });
}

}  // namespace

GraphBuilder::GraphBuilder(Random& random, const GeneratorSettings& settings,
                           const Learned& learned, int64_t opset)
    : random_(random),
      settings_(settings),
      learned_(learned),
      opset_(opset),
      profile_(DrawProfile(random, settings.edge_share)),
      max_elements_(settings.max_elements) {
  static constexpr int64_t kDims[] = {1, 2, 2, 3, 3, 4, 4, 5, 6, 7, 8, 9, 16};
  for (int64_t& dim : palette_) dim = kDims[random_.Index(std::size(kDims))];
  if (random_.Chance(1, 3)) palette_[3] = 1;
  if (random_.Chance(1, 40)) palette_[2] = 0;
  if (random_.Chance(1, 20)) {
    max_elements_ = settings.max_long_elements;
    palette_[1] = random_.Between(33, 1200);
  }
  base_.ir_version = random_.Chance(3, 4) ? 10 : random_.Between(8, 9);
  base_.graph.name = "g";
  const auto n = static_cast<size_t>(settings.max_nodes);
  values_.reserve(4 * n + 8);
  nodes_.reserve(n + 4);
}

int64_t GraphBuilder::DrawDim() { return palette_[random_.Index(palette_.size())]; }

Shape GraphBuilder::DrawShape(int64_t min_rank, int64_t max_rank) {
  static constexpr int64_t kRanks[] = {0, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4, 5, 6};
  int64_t rank = kRanks[random_.Index(std::size(kRanks))];
  if (rank < min_rank || rank > max_rank) rank = random_.Between(min_rank, max_rank);
  Shape shape(static_cast<size_t>(rank));
  for (int64_t& dim : shape) dim = DrawDim();
  // Large products: shrink the largest dim until it fits half the limit.
  while (Count(shape) > max_elements_ / 2) {
    *std::ranges::max_element(shape) = random_.Between(1, 3);
  }
  return shape;
}

ValueId GraphBuilder::AddValue(Value value) {
  value.count = CountOf(value.shape);
  if (value.name.empty()) {
    const char prefix = value.kind == ValueKind::kInput         ? 'x'
                        : value.kind == ValueKind::kInitializer ? 'c'
                                                                : 'v';
    value.name = prefix + std::to_string((*names_)++);
  }
  if (value.kind != ValueKind::kInitializer && !value.Dynamic() &&
      value.type != DataType::kUndefined) {
    available_ |= Bit(value.type);
  }
  compounds_ |= value.compound != nullptr;
  values_.push_back(std::move(value));
  return static_cast<ValueId>(values_.size() - 1);
}

Tensor GraphBuilder::Fill(DataType type, Shape shape, Range range) {
  const bool own = range.lo == 0 && range.hi == 0;
  Profile profile = profile_;
  // What an operator asks for must hold: no edge values there.
  if (!own && profile == Profile::kEdge) profile = Profile::kModerate;
  if (own && random_.Chance(1, 6)) profile = DrawProfile(random_, 0);
  return FillTensor(type, std::move(shape), profile, own ? ProfileRange(profile, type) : range,
                    random_);
}

ValueId GraphBuilder::AddInput(DataType type, Shape shape, Range range) {
  Tensor tensor = Fill(type, std::move(shape), range);
  if (outer_ != nullptr) return AddInitializer(std::move(tensor));
  Value value;
  value.type = type;
  value.shape = tensor.shape;
  value.kind = ValueKind::kInput;
  value.range = range.lo == 0 && range.hi == 0 ? ProfileRange(profile_, type) : range;
  value.edge = profile_ == Profile::kEdge;
  const ValueId id = AddValue(std::move(value));
  if (values_.back().range.Magnitude() < 3) values_.back().range = MeasureRange(tensor);
  inputs_.emplace_back(id, std::move(tensor));
  return id;
}

ValueId GraphBuilder::AddLoaded(Value value, const Tensor& tensor) {
  value.count = tensor.size();
  Remember(value, tensor);
  // Extremes and specials were left out of the range.
  value.edge = value.range.Magnitude() > 1e6;
  return AddValue(std::move(value));
}

ValueId GraphBuilder::AddMap(Tensor keys, Tensor values) {
  if (outer_ != nullptr) return kNoValue;
  Value value;
  value.kind = ValueKind::kInput;
  const ValueId id = AddLoadedMap(std::move(value), {{}, values, std::move(keys)});
  inputs_.emplace_back(id, std::move(values));
  return id;
}

ValueId GraphBuilder::AddLoadedMap(Value value, const NamedTensor& map) {
  Compound compound;
  compound.form = map.keys.type == DataType::kString ? Form::kStringMap : Form::kIntMap;
  compound.element = map.tensor.type;
  compound.range = MeasureRange(map.tensor);
  compound.keys = map.keys;
  value.compound = std::make_shared<const Compound>(std::move(compound));
  return AddValue(std::move(value));
}

ValueId GraphBuilder::AddInitializer(Tensor tensor) {
  Value value;
  value.type = tensor.type;
  value.shape = tensor.shape;
  value.kind = ValueKind::kInitializer;
  value.edge = profile_ == Profile::kEdge;
  value.count = tensor.size();
  Remember(value, tensor);
  const ValueId id = AddValue(std::move(value));
  initializers_.emplace_back(id, std::move(tensor));
  return id;
}

ValueId GraphBuilder::AddSource(DataType type, Shape shape, Range range) {
  const uint64_t draw = random_.Below(100);
  if (draw < 38) return AddInput(type, std::move(shape), range);
  Tensor tensor = Fill(type, std::move(shape), range);
  if (draw >= 91) {
    Tensor copy = tensor;
    Node node;
    node.op = "Constant";
    node.Set("value", std::move(copy));
    const std::vector<ValueId> made = Emit(std::move(node), {});
    if (!made.empty()) return made[0];
  }
  return AddInitializer(std::move(tensor));
}

ValueId GraphBuilder::AddInts(const Ints& values, DataType type, bool scalar) {
  const auto count = static_cast<int64_t>(values.size());
  const Shape shape = scalar ? Shape{} : Shape{count};
  // A value that is known to be just this: the end of a shape chain, or an earlier constant.
  if (random_.Chance(3, 4)) {
    ValueId constant = kNoValue;
    for (size_t i = values_.size(); i-- > 0;) {
      const Value& v = values_[i];
      if (!v.has_known || v.type != type || v.known != values || v.shape != shape) continue;
      if (v.kind == ValueKind::kNode) return static_cast<ValueId>(i);
      constant = static_cast<ValueId>(i);
    }
    if (constant != kNoValue) return constant;
  }
  Tensor tensor = MakeTensor(type, shape);
  for (int64_t i = 0; i < count; ++i) SetInt(tensor, i, values[static_cast<size_t>(i)]);
  const uint64_t draw = random_.Below(100);
  if (draw < 22) {
    Node node;
    node.op = "Constant";
    node.Set("value", tensor);
    const std::vector<ValueId> made = Emit(std::move(node), {});
    if (!made.empty()) return made[0];
  }
  if (draw >= 96 && settings_.malformed_share > 0 && outer_ == nullptr) {
    Value value;
    value.type = type;
    value.shape = shape;
    value.count = count;
    value.kind = ValueKind::kInput;
    Remember(value, tensor);
    const ValueId id = AddValue(std::move(value));
    inputs_.emplace_back(id, std::move(tensor));
    return id;
  }
  return AddInitializer(std::move(tensor));
}

bool GraphBuilder::InferNode(const Node& node, std::span<const ValueId> inputs,
                             std::vector<OutValue>& outputs, const OpEntry** entry_out,
                             const SchemaInfo** schema_out) const {
  const ResolvedOp resolved = Resolve(node.op, DomainOpset(node.domain), node.domain);
  if (resolved.entry == nullptr) return false;
  const SchemaInfo& schema = *resolved.schema;
  std::array<const Value*, 16> in{};
  if (inputs.size() > in.size()) return false;
  std::array<DataType, 8> variables{};
  for (size_t i = 0; i < inputs.size(); ++i) {
    const ParameterInfo* parameter = schema.Input(i);
    if (parameter == nullptr) return false;
    if (inputs[i] == kNoValue) {
      if (!parameter->optional) return false;
      continue;
    }
    in[i] = &value(inputs[i]);
    if (!Takes(*parameter, *in[i]) || in[i]->Dynamic()) return false;
    if (parameter->variable >= 0) {
      DataType& bound = variables[static_cast<size_t>(parameter->variable)];
      if (bound != DataType::kUndefined && bound != in[i]->packed()) return false;
      bound = in[i]->packed();
    }
  }
  for (const Attribute& attribute : node.attributes) {
    if (!schema.HasAttribute(attribute.name)) return false;
  }
  for (const SchemaAttribute& attribute : schema.attributes) {
    if (attribute.required && node.Find(attribute.name) == nullptr) return false;
  }
  for (size_t i = inputs.size(); i < schema.inputs.size(); ++i) {
    if (!schema.inputs[i].optional && !schema.inputs[i].variadic) return false;
  }
  for (size_t i = 0; i < outputs.size(); ++i) {
    const ParameterInfo* parameter = schema.Output(i);
    if (parameter == nullptr) return false;
    outputs[i] = {};
    if (parameter->variable >= 0) {
      const DataType bound = variables[static_cast<size_t>(parameter->variable)];
      if (Unpacked(bound).first == Form::kTensor) outputs[i].type = bound;
    }
    if (outputs[i].type == DataType::kUndefined && __builtin_popcount(parameter->types) == 1) {
      outputs[i].type = static_cast<DataType>(__builtin_ctz(parameter->types));
    }
  }
  InferContext context{node, opset_, schema, std::span(in).first(inputs.size()), outputs};
  if (entry_out != nullptr) *entry_out = resolved.entry;
  if (!resolved.entry->infer(context)) return false;
  for (const OutValue& out : outputs) {
    if (out.compound ? out.compound->items.size() > kMaxItems
                     : out.type == DataType::kUndefined || out.shape.size() > kMaxRank) {
      return false;
    }
  }
  if (resolved.entry->range != nullptr) {
    resolved.entry->range(context);
  } else if (!inputs.empty() && in[0] != nullptr) {
    for (OutValue& out : outputs) out.range = in[0]->range;
  }
  if (schema_out != nullptr) *schema_out = resolved.schema;
  return true;
}

bool GraphBuilder::Acceptable(const OpEntry& entry, std::span<const ValueId> inputs,
                              std::span<const OutValue> outputs) {
  for (const OutValue& out : outputs) {
    if (std::ranges::any_of(out.shape, [](int64_t d) { return d < 0; })) continue;
    const auto count = CheckedCount(out.shape);
    if (!count || *count > max_elements_) return false;
    if (!strict_) continue;
    const double magnitude = out.range.Magnitude();
    if (std::isnan(magnitude)) return false;
    if (IsFloat(out.type) && magnitude > ComfortableMagnitude(out.type) && !random_.Chance(1, 60)) {
      return false;
    }
    // ONNX leaves signed overflow open; unsigned differences would hardly occur without wrapping.
    if (IsInteger(out.type) &&
        !out.range.Inside(static_cast<double>(IntegerMin(out.type)),
                          static_cast<double>(IntegerMax(out.type))) &&
        !random_.Chance(1, IsUnsigned(out.type) ? 20 : 60)) {
      return false;
    }
  }
  if (strict_ && (entry.flags & kSteps) != 0) {
    for (const ValueId id : inputs) {
      if (id == kNoValue) continue;
      const Value& v = value(id);
      if (v.rounded && IsFloat(v.type)) return random_.Chance(1, 4);
    }
  }
  return true;
}

bool GraphBuilder::Avoided(const Node& node, const SchemaInfo& schema,
                           std::span<const ValueId> inputs,
                           std::span<const OutValue> outputs) const {
  if (learned_.size() == 0) return false;
  std::array<DataType, 16> in_types{};
  std::array<DataType, 16> out_types{};
  const size_t n_out = std::min(outputs.size(), out_types.size());
  TypeSet rare = 0;
  const auto note = [&](const CompoundPtr& compound, DataType type) {
    const DataType element = compound ? compound->element : type;
    rare |= Bit(element) & kRareTypes;
    return compound ? Packed(compound->form, element) : type;
  };
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i] != kNoValue) {
      in_types[i] = note(value(inputs[i]).compound, value(inputs[i]).type);
    }
  }
  for (size_t i = 0; i < n_out; ++i) out_types[i] = note(outputs[i].compound, outputs[i].type);
  // Types that hardly anything implements: now and then all the same, whatever was learned.
  if (rare != 0 && random_.Chance(1, 60)) return false;
  return learned_.Avoid({node.op, schema.since, std::span(in_types).first(inputs.size()),
                         std::span(out_types).first(n_out), node.domain, &schema,
                         schema.function ? opset_ : 0});
}

std::vector<ValueId> GraphBuilder::Emit(Node node, std::vector<ValueId> inputs, size_t outputs) {
  std::vector<OutValue> inferred(outputs);
  const OpEntry* entry = nullptr;
  const SchemaInfo* schema = nullptr;
  const std::vector<ValueId> captures = std::exchange(captures_, {});
  while (!inputs.empty() && inputs.back() == kNoValue) inputs.pop_back();
  if (!InferNode(node, inputs, inferred, &entry, &schema)) return {};
  if (!Acceptable(*entry, inputs, inferred)) return {};
  if (Avoided(node, *schema, inputs, inferred)) return {};
  bool rounded = (entry->flags & kExactResult) == 0;
  bool edge = false;
  int32_t depth = 0;
  const auto use = [&](ValueId id) {
    if (id == kNoValue) return;
    Value& used = values_[static_cast<size_t>(id)];
    ++used.uses;
    rounded |= used.compound ? used.compound->rounded : used.rounded;
    edge |= used.compound ? used.compound->edge : used.edge;
    depth = std::max(depth, used.depth);
  };
  std::ranges::for_each(inputs, use);
  std::ranges::for_each(captures, use);
  std::vector<ValueId> ids;
  ids.reserve(outputs);
  node.name = "n" + std::to_string((*names_)++);
  node.inputs.clear();
  node.outputs.clear();
  for (OutValue& out : inferred) {
    Value made;
    made.type = out.type;
    made.shape = std::move(out.shape);
    made.range = out.range;
    made.producer = static_cast<int32_t>(nodes_.size());
    made.depth = depth + 1;
    made.rounded = rounded && IsFloat(made.type);
    made.edge = edge;
    made.has_known = out.has_known;
    made.known = std::move(out.known);
    if (out.compound) {
      Compound compound = *out.compound;
      compound.rounded = rounded;
      compound.edge = edge;
      made.compound = std::make_shared<const Compound>(std::move(compound));
    }
    ids.push_back(AddValue(std::move(made)));
  }
  nodes_.push_back(std::move(node));
  node_inputs_.push_back(std::move(inputs));
  node_outputs_.push_back(ids);
  node_captures_.push_back(captures);
  return ids;
}

ValueId GraphBuilder::Emit1(std::string_view op, std::vector<ValueId> inputs,
                            std::vector<Attribute> attributes) {
  Node node;
  node.op = op;
  node.attributes = std::move(attributes);
  const std::vector<ValueId> made = Emit(std::move(node), std::move(inputs));
  return made.empty() ? kNoValue : made[0];
}

GraphBuilder::Mark GraphBuilder::Checkpoint() const {
  return {values_.size(), nodes_.size(), inputs_.size(), initializers_.size(),
          kept_outputs_.size()};
}

void GraphBuilder::Undo(const Mark& mark) {
  for (size_t i = mark.nodes; i < nodes_.size(); ++i) {
    for (const auto* used : {&node_inputs_[i], &node_captures_[i]}) {
      for (const ValueId id : *used) {
        if (id != kNoValue) --values_[static_cast<size_t>(id)].uses;
      }
    }
  }
  values_.resize(mark.values);
  nodes_.resize(mark.nodes);
  node_inputs_.resize(mark.nodes);
  node_outputs_.resize(mark.nodes);
  node_captures_.resize(mark.nodes);
  inputs_.resize(mark.inputs);
  initializers_.resize(mark.initializers);
  kept_outputs_.resize(mark.outputs);
}

double GraphBuilder::Weight(const Value& candidate) const {
  switch (candidate.kind) {
    case ValueKind::kInitializer:
      return 0.01;
    case ValueKind::kInput:
      return candidate.uses == 0 ? 0.7 : 0.04;
    case ValueKind::kNode:
      break;
  }
  const bool newest = static_cast<size_t>(candidate.producer) + 1 == nodes_.size();
  const double fresh = candidate.uses == 0 ? 4.0 : 0.8;
  return newest && chain_ ? fresh * 15 : fresh;
}

void GraphBuilder::WriteNodes(Graph& graph) {
  if (edited_) SortNodes();
  graph.nodes.reserve(nodes_.size());
  for (size_t i = 0; i < nodes_.size(); ++i) {
    Node& node = nodes_[i];
    node.inputs.clear();
    node.outputs.clear();
    for (const ValueId id : node_inputs_[i]) {
      node.inputs.push_back(id == kNoValue ? std::string() : value(id).name);
    }
    for (const ValueId id : node_outputs_[i]) node.outputs.push_back(value(id).name);
    graph.nodes.push_back(std::move(node));
  }
}

ValueInfo GraphBuilder::Declare(const Value& v) const {
  if (v.compound) {
    const Compound& c = *v.compound;
    return {v.name, CompoundType(c.form, c.element, nullptr)};
  }
  if (v.type == DataType::kUndefined) {
    const auto known = std::ranges::find(declared_, v.name, &ValueInfo::name);
    return known == declared_.end() ? ValueInfo{v.name, {}} : *known;
  }
  ValueInfo info{v.name, {v.type, std::vector<Dim>{}, {}}};
  info.type.dims->reserve(v.shape.size());
  for (const int64_t dim : v.shape) info.type.dims->push_back(dim < 0 ? Dim{} : Dim{dim, {}});
  return info;
}

GeneratedCase GraphBuilder::Finish() {
  GeneratedCase out;
  WriteNodes(base_.graph);
  out.model = std::move(base_);
  out.options = std::move(options_);
  Graph& graph = out.model.graph;
  if (out.model.opsets.empty()) out.model.opsets.push_back({"", opset_});
  const bool ml = ml_opset_ > 0 && UsesDomain(graph, "ai.onnx.ml");
  if (ml && out.model.Opset("ai.onnx.ml") == 0)
    out.model.opsets.push_back({"ai.onnx.ml", ml_opset_});
  if (contributed_ && out.model.Opset(kContributedDomain) == 0 &&
      UsesDomain(graph, kContributedDomain)) {
    out.model.opsets.push_back({std::string(kContributedDomain), kContributedOpset});
  }
  for (auto& [id, tensor] : inputs_) {
    Value& v = values_[static_cast<size_t>(id)];
    if (v.uses == 0 && !random_.Chance(1, 30)) continue;
    graph.inputs.push_back(Declare(v));
    out.inputs.push_back({v.name, std::move(tensor), v.compound ? v.compound->keys : Tensor()});
  }
  for (auto& [id, tensor] : initializers_) {
    Value& v = values_[static_cast<size_t>(id)];
    if (v.uses == 0) continue;
    // An initializer that is an input too is a default: not a constant to a runtime.
    const bool keep = std::ranges::find(default_inputs_, id) != default_inputs_.end();
    if (keep || (!loaded_ && random_.Chance(1, 50))) graph.inputs.push_back(Declare(v));
    graph.initializers.push_back({v.name, std::move(tensor)});
  }
  for (const Value& v : values_) {
    if (v.kind != ValueKind::kNode || v.name.empty()) continue;
    // A value whose type nobody knows cannot be declared; sequences stay inside.
    if (v.type == DataType::kUndefined &&
        std::ranges::find(declared_, v.name, &ValueInfo::name) == declared_.end()) {
      continue;
    }
    const bool kept = std::ranges::find(kept_outputs_, v.name) != kept_outputs_.end();
    if (kept || v.uses == 0 || (!loaded_ && random_.Chance(1, 20))) {
      graph.outputs.push_back(Declare(v));
    }
  }
  return out;
}

}  // namespace moire
