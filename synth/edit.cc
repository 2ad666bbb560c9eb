#include "synth/edit.h"

#include <algorithm>
#include <cmath>

#include "harness/case/onnx_adapter.h"
#include "harness/case/value.h"
#include "harness/execute/child.h"
#include "harness/execute/wire.h"
#include "oracles/reference/reference.h"

namespace moire {
namespace {

constexpr int64_t kMostKept = int64_t{1} << 16;  // elements of one remembered value

void CollectOuterReads(const Graph& graph, std::set<std::string>& reads) {
  std::set<std::string> inside;
  for (const ValueInfo& input : graph.inputs) inside.insert(input.name);
  for (const NamedTensor& initializer : graph.initializers) inside.insert(initializer.name);
  for (const Node& node : graph.nodes) {
    for (const std::string& name : Reads(node)) {
      if (!inside.contains(name)) reads.insert(name);
    }
    inside.insert(node.outputs.begin(), node.outputs.end());
  }
  for (const ValueInfo& output : graph.outputs) {
    if (!inside.contains(output.name)) reads.insert(output.name);
  }
}

void RedirectIn(Graph& graph, const std::string& from, const std::string& to);

void RedirectIn(Node& node, const std::string& from, const std::string& to) {
  std::ranges::replace(node.inputs, from, to);
  for (Attribute& attribute : node.attributes) {
    if (auto* inner = std::get_if<GraphPtr>(&attribute.value)) {
      std::set<std::string> reads;
      CollectOuterReads(**inner, reads);
      if (!reads.contains(from)) continue;
      auto copy = std::make_shared<Graph>(**inner);
      RedirectIn(*copy, from, to);
      *inner = std::move(copy);
    }
  }
}

void RedirectIn(Graph& graph, const std::string& from, const std::string& to) {
  for (Node& node : graph.nodes) RedirectIn(node, from, to);
  for (ValueInfo& output : graph.outputs) {
    if (output.name == from) output.name = to;
  }
}

// Whether a value is the same whatever the inputs are.
bool IsConstant(const Sketch& sketch, const std::string& name) {
  return name.empty() || (sketch.model.graph.FindInitializer(name) != nullptr &&
                          sketch.model.graph.FindInput(name) == nullptr);
}

// Nodes from which an output can be reached.
void DropDeadNodes(Graph& graph) {
  std::set<std::string> needed;
  for (const ValueInfo& output : graph.outputs) needed.insert(output.name);
  std::vector<Node> kept;
  for (auto node = graph.nodes.rbegin(); node != graph.nodes.rend(); ++node) {
    const bool live = std::ranges::any_of(
        node->outputs, [&](const std::string& o) { return !o.empty() && needed.contains(o); });
    if (!live) continue;
    needed.merge(Reads(*node));
    kept.push_back(std::move(*node));
  }
  std::ranges::reverse(kept);
  graph.nodes = std::move(kept);
}

int NumberCost(double value) {
  if (value == 0) return std::signbit(value) ? 3 : 0;
  if (value == 1) return 1;
  if (std::isnan(value) || std::isinf(value)) return 4;
  const bool integral = value == std::floor(value);
  if (integral && std::abs(value) <= 8) return value > 0 ? 2 : 3;
  if (integral && std::abs(value) <= 1024) return 5;
  return 6;
}

constexpr int64_t kNamedSetting = 1000;  // more than a list of numbers

int64_t SettingCost(const Attribute& attribute) {
  if (const auto* number = std::get_if<int64_t>(&attribute.value)) {
    return NumberCost(static_cast<double>(*number));
  }
  if (const auto* number = std::get_if<float>(&attribute.value)) {
    return NumberCost(static_cast<double>(*number));
  }
  // A mode by name stands for numbers that could be given.
  if (std::holds_alternative<std::string>(attribute.value)) return kNamedSetting;
  int64_t cost = 0;
  if (const auto* numbers = std::get_if<Ints>(&attribute.value)) {
    for (const int64_t v : *numbers) cost += 1 + NumberCost(static_cast<double>(v));
  } else if (const auto* floats = std::get_if<Floats>(&attribute.value)) {
    for (const float v : *floats) cost += 1 + NumberCost(static_cast<double>(v));
  }
  return cost;
}

// Makes outputs of the values among `ends` that the nodes make.
void ExposeEnds(Graph& graph, const std::set<std::string>& ends, const KnownValues& values) {
  for (const Node& node : graph.nodes) {
    for (const std::string& output : node.outputs) {
      const auto value = values.find(output);
      if (!ends.contains(output) || value == values.end() ||
          value->second.type == DataType::kUndefined) {
        continue;
      }
      graph.outputs.push_back({output, {value->second.type, std::nullopt, {}}});
    }
  }
}

void Keep(KnownValues& values, const std::string& name, const Tensor& tensor) {
  KnownValue& value = values[name] = {tensor.type, tensor.size() <= kMostKept, {}};
  if (value.known) value.tensor = tensor;
}

constexpr double kInferenceSeconds = 0.5;  // of CPU time
constexpr int kMostDeaths = 4;             // what follows is most likely alike

// Element types by ONNX's inference, in a child: of malformed models, which is what the reference
// turns away, the library may die or never end (known bug 33).
void AddInferredTypes(const Model& model, KnownValues& values) {
  static int deaths = 0;
  if (deaths == kMostDeaths) return;
  ChildLimits limits;
  limits.cpu_seconds = kInferenceSeconds;
  limits.reference_ratio = 0;
  limits.wall_seconds = limits.idle_seconds = 20;
  const ChildResult end = RunInChild(
      [&](SharedState& state, const std::function<void(std::string_view)>& send) {
        SilenceOutput();
        InstallFatalSignalHandlers(state, {});
        SharedStageObserver(state).Enter(Stage::kInfer, -1);
        const Result<Model> inferred = InferShapes(model);
        if (!inferred) return 0;
        WireWriter record;
        for (const ValueInfo& value : inferred->graph.value_info) {
          record.Put(std::string_view(value.name));
          record.Put(value.type.type);
        }
        send(record.bytes());
        return 0;
      },
      limits);
  if (end.end != ChildEnd::kExited) {
    ++deaths;
    return;
  }
  for (WireReader record(end.output); !record.done();) {
    const std::string name = record.GetString();
    const auto type = record.Get<DataType>();
    if (!record.ok()) return;
    values.try_emplace(name, KnownValue{type, false, {}});
  }
}

// Types of what the reference did not get to. Where inference fails too, a value has the type of
// the first input of its node: a guess that an attempt proves right or wrong.
void AddTypes(const Sketch& sketch, KnownValues& values) {
  AddInferredTypes(sketch.model, values);
  for (const Node& node : sketch.model.graph.nodes) {
    DataType type = DataType::kUndefined;
    for (const std::string& input : node.inputs) {
      if (type != DataType::kUndefined) break;
      if (const auto value = values.find(input); value != values.end()) type = value->second.type;
    }
    for (const std::string& output : node.outputs) {
      if (!output.empty()) values.try_emplace(output, KnownValue{type, false, {}});
    }
  }
}

}  // namespace

KnownValues SourceValues(const Sketch& sketch) {
  KnownValues values;
  for (const NamedTensor& initializer : sketch.model.graph.initializers) {
    Keep(values, initializer.name, initializer.tensor);
  }
  for (const NamedTensor& input : sketch.inputs) {
    if (!input.IsMap()) Keep(values, input.name, input.tensor);
  }
  return values;
}

namespace {

// The values of the first run.
KnownValues ComputeRun(const Sketch& sketch) {
  KnownValues values = SourceValues(sketch);
  ReferenceOptions options;
  options.on_node = [&](const Node& node, std::span<const RangeTensor> outputs) {
    for (size_t i = 0; i < outputs.size() && i < node.outputs.size(); ++i) {
      if (node.outputs[i].empty()) continue;
      if (outputs[i].opaque != Opaque::kNo || outputs[i].size() > kMostKept) {
        values[node.outputs[i]] = {outputs[i].type, false, {}};
      } else {
        Keep(values, node.outputs[i], ToTensor(outputs[i]));
      }
    }
  };
  const ReferenceResult result = Evaluate(sketch.model, sketch.inputs, options);
  if (result.status != ReferenceStatus::kEvaluated) AddTypes(sketch, values);
  return values;
}

}  // namespace

KnownValues ComputeValues(const Sketch& sketch) {
  KnownValues values = ComputeRun(sketch);
  for (const InputSet& inputs : sketch.options.more_runs) {
    Sketch run = sketch;
    run.inputs = inputs;
    for (auto& [name, value] : ComputeRun(run)) {
      const auto first = values.find(name);
      if (first != values.end() && value.known) first->second.later.push_back(value.tensor);
    }
  }
  return values;
}

bool SameKind(const KnownValues& values, const std::string& a, const std::string& b) {
  const auto x = values.find(a);
  const auto y = values.find(b);
  return x != values.end() && y != values.end() && x->second.known && y->second.known &&
         x->second.tensor.type == y->second.tensor.type &&
         x->second.tensor.shape == y->second.tensor.shape;
}

std::set<std::string> Reads(const Node& node) {
  std::set<std::string> reads(node.inputs.begin(), node.inputs.end());
  for (const Attribute& attribute : node.attributes) {
    if (const auto* inner = std::get_if<GraphPtr>(&attribute.value))
      CollectOuterReads(**inner, reads);
  }
  reads.erase("");
  return reads;
}

void AddSource(Sketch& sketch, const std::string& name, const Tensor& tensor, bool constant) {
  if (constant) {
    sketch.model.graph.initializers.push_back({name, tensor});
    return;
  }
  sketch.model.graph.inputs.push_back({name, TensorType(tensor.type, tensor.shape)});
  sketch.inputs.push_back({name, tensor});
}

bool RemoveNodes(Sketch& sketch, const std::vector<bool>& doomed, const KnownValues& values,
                 bool constants, bool expose_ends) {
  Graph& graph = sketch.model.graph;
  std::set<std::string> read;
  std::map<std::string, bool> removed;  // value -> whether it came from constants alone
  std::set<std::string> ends;           // values that the removed nodes read
  std::vector<Node> kept;
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    Node& node = graph.nodes[i];
    if (!doomed[i]) {
      read.merge(Reads(node));
      kept.push_back(std::move(node));
      continue;
    }
    const std::set<std::string> inputs = Reads(node);
    ends.insert(inputs.begin(), inputs.end());
    const bool constant = std::ranges::all_of(inputs, [&](const std::string& name) {
      const auto earlier = removed.find(name);
      return earlier != removed.end() ? earlier->second : IsConstant(sketch, name);
    });
    for (const std::string& output : node.outputs) {
      if (!output.empty()) removed[output] = constant;
    }
  }
  graph.nodes = std::move(kept);
  std::erase_if(graph.outputs, [&](const ValueInfo& o) { return removed.contains(o.name); });
  if (graph.outputs.empty() && expose_ends) ExposeEnds(graph, ends, values);
  if (graph.outputs.empty()) return false;
  for (const auto& [name, constant] : removed) {
    if (!read.contains(name)) continue;
    const auto value = values.find(name);
    if (value == values.end() || !value->second.known) return false;
    AddSource(sketch, name, value->second.tensor, constants || constant);
    std::vector<InputSet>& runs = sketch.options.more_runs;
    for (size_t run = 0; run < runs.size() && !constants && !constant; ++run) {
      if (value->second.later.size() == runs.size()) {
        runs[run].push_back({name, value->second.later[run]});
      }
    }
  }
  return true;
}

void Redirect(Sketch& sketch, const std::string& from, const std::string& to) {
  RedirectIn(sketch.model.graph, from, to);
}

namespace {

// The inputs of further runs follow those of the first: what one lacks, or has in another type, it
// takes from there. Where the shapes of an input differ between runs its dims are left open.
void RepairRuns(Sketch& sketch) {
  Graph& graph = sketch.model.graph;
  for (InputSet& set : sketch.options.more_runs) {
    InputSet whole;
    for (const NamedTensor& first : sketch.inputs) {
      const auto own = std::ranges::find(set, first.name, &NamedTensor::name);
      const bool fits = own != set.end() && own->tensor.type == first.tensor.type;
      whole.push_back(fits ? std::move(*own) : first);
    }
    set = std::move(whole);
  }
  for (size_t i = 0; i < sketch.inputs.size(); ++i) {
    const NamedTensor& first = sketch.inputs[i];
    const auto input = std::ranges::find(graph.inputs, first.name, &ValueInfo::name);
    if (input == graph.inputs.end()) continue;
    for (const InputSet& set : sketch.options.more_runs) {
      const Shape& other = set[i].tensor.shape;
      if (other.size() != first.tensor.shape.size()) input->type.dims.reset();
      if (!input->type.dims) break;
      for (size_t d = 0; d < other.size(); ++d) {
        if (other[d] != first.tensor.shape[d]) (*input->type.dims)[d] = Dim{};
      }
    }
  }
}

void OpenDims(std::vector<ValueInfo>& values) {
  for (ValueInfo& value : values) {
    if (value.type.dims) std::ranges::fill(*value.type.dims, Dim{});
  }
}

}  // namespace

bool Tidy(Sketch& sketch) {
  Graph& graph = sketch.model.graph;
  graph.value_info.clear();
  DropDeadNodes(graph);

  std::set<std::string> read;
  std::set<std::string> made;
  for (const Node& node : graph.nodes) {
    read.merge(Reads(node));
    for (const std::string& output : node.outputs) {
      if (!output.empty() && !made.insert(output).second) return false;
    }
  }
  for (const ValueInfo& output : graph.outputs) read.insert(output.name);
  std::erase_if(graph.inputs, [&](const ValueInfo& v) { return !read.contains(v.name); });
  std::erase_if(graph.initializers, [&](const NamedTensor& v) { return !read.contains(v.name); });
  std::erase_if(sketch.inputs,
                [&](const NamedTensor& v) { return graph.FindInput(v.name) == nullptr; });
  if (graph.nodes.empty() || graph.outputs.empty()) return false;

  for (const std::string& name : read) {
    if (!made.contains(name) && graph.FindInput(name) == nullptr &&
        graph.FindInitializer(name) == nullptr) {
      return false;
    }
  }
  // A graph output that is a graph input tests nothing.
  std::erase_if(graph.outputs, [&](const ValueInfo& v) { return !made.contains(v.name); });
  std::set<std::string> seen;
  std::erase_if(graph.outputs, [&](const ValueInfo& v) { return !seen.insert(v.name).second; });
  if (graph.outputs.empty()) return false;

  for (ValueInfo& input : graph.inputs) {
    // Without a value of its own it has its default's.
    const NamedTensor* value = graph.FindInitializer(input.name);
    for (const NamedTensor& given : sketch.inputs) {
      if (given.name == input.name) value = &given;
    }
    if (value != nullptr) input.type = TypeOf(*value);
  }
  RepairRuns(sketch);
  return true;
}

void RetypeOutputs(Sketch& sketch) {
  const ReferenceResult result = Evaluate(sketch.model, sketch.inputs);
  auto& outputs = sketch.model.graph.outputs;
  for (size_t i = 0; i < outputs.size(); ++i) {
    ValueType& type = outputs[i].type;
    const bool computed = result.status == ReferenceStatus::kEvaluated && i < result.outputs.size();
    if (computed && result.outputs[i].opaque == Opaque::kNo) {
      type = TensorType(result.outputs[i].type, result.outputs[i].shape);
    } else {
      if (computed && result.outputs[i].type != DataType::kUndefined)
        type.type = result.outputs[i].type;
      type.dims.reset();
    }
  }
  if (!sketch.options.more_runs.empty()) OpenDims(outputs);
}

bool Repair(Sketch& sketch) {
  if (!Tidy(sketch)) return false;
  RetypeOutputs(sketch);
  return true;
}

int ValueCost(const Tensor& tensor, int64_t element) {
  if (tensor.type == DataType::kString) {
    return static_cast<int>(tensor.strings[static_cast<size_t>(element)].size());
  }
  if (Traits(tensor.type).kind == TypeClass::kComplex) return 0;
  if (IsFloat(tensor.type)) return NumberCost(GetFloat(tensor, element));
  return NumberCost(static_cast<double>(GetInt(tensor, element)));
}

int TypeCost(DataType type) {
  switch (type) {
    case DataType::kFloat:
    case DataType::kInt64:
    case DataType::kBool:
    case DataType::kString:
      return 0;
    case DataType::kInt32:
    case DataType::kDouble:
      return 1;
    case DataType::kInt16:
    case DataType::kFloat16:
      return 2;
    case DataType::kInt8:
    case DataType::kBfloat16:
      return 3;
    case DataType::kUint8:
      return 4;
    case DataType::kUint16:
      return 5;
    case DataType::kUint32:
      return 6;
    case DataType::kUint64:
      return 7;
    default:
      return 8;
  }
}

std::vector<Tensor*> Tensors(Sketch& sketch) {
  std::vector<Tensor*> all;
  for (NamedTensor& input : sketch.inputs) {
    if (!input.IsMap()) all.push_back(&input.tensor);
  }
  for (NamedTensor& initializer : sketch.model.graph.initializers)
    all.push_back(&initializer.tensor);
  return all;
}

int64_t CountElements(const Sketch& sketch) {
  int64_t elements = 0;
  for (const NamedTensor& input : sketch.inputs) elements += input.tensor.size();
  for (const InputSet& set : sketch.options.more_runs) {
    for (const NamedTensor& input : set) elements += 1 + input.tensor.size();
  }
  for (const NamedTensor& initializer : sketch.model.graph.initializers) {
    elements += initializer.tensor.size();
  }
  for (const Node& node : sketch.model.graph.nodes) {
    for (const Attribute& attribute : node.attributes) {
      if (const auto* tensor = std::get_if<Tensor>(&attribute.value)) elements += tensor->size();
    }
  }
  return elements;
}

int OperatorCost(const Node& node) {
  if (!node.domain.empty()) return 2;
  if (node.op == "Neg" || node.op == "Not" || node.op == "Cast") return 0;
  return node.op == "Mul" ? 1 : 2;
}

Size Measure(const Sketch& sketch) {
  const Graph& graph = sketch.model.graph;
  Size size;
  size.nodes = CountNodes(graph);
  size.outputs = std::ssize(graph.outputs);
  size.elements = CountElements(sketch);
  size.sources = std::ssize(graph.inputs) + std::ssize(graph.initializers);
  size.constants = std::ssize(graph.initializers);
  size.opset = -sketch.model.Opset("");
  const auto add_tensor = [&](const Tensor& tensor) {
    for (const int64_t dim : tensor.shape) size.extents += dim;
    size.ranks += std::ssize(tensor.shape);
    size.types += TypeCost(tensor.type);
    const int64_t count = tensor.size();
    for (int64_t i = 0; i < count; ++i) size.values += ValueCost(tensor, i);
  };
  for (const NamedTensor& input : sketch.inputs) add_tensor(input.tensor);
  for (const NamedTensor& initializer : graph.initializers) add_tensor(initializer.tensor);
  for (const ValueInfo& value : graph.inputs) size.names += std::ssize(value.name);
  for (const NamedTensor& value : graph.initializers) size.names += std::ssize(value.name);
  size.names += std::ssize(graph.name) + std::ssize(graph.extra) + std::ssize(sketch.model.extra);
  for (const Node& node : graph.nodes) {
    size.outputs += std::ranges::count_if(node.outputs, [](const auto& o) { return !o.empty(); });
    size.reads += std::ranges::count_if(node.inputs, [](const auto& i) { return !i.empty(); });
    size.operators += OperatorCost(node);
    size.attributes += std::ssize(node.attributes);
    size.names += std::ssize(node.name) + std::ssize(node.extra);
    for (const std::string& output : node.outputs) size.names += std::ssize(output);
    for (const Attribute& attribute : node.attributes) {
      size.settings += SettingCost(attribute);
      if (const auto* tensor = std::get_if<Tensor>(&attribute.value)) add_tensor(*tensor);
      const auto* number = std::get_if<int64_t>(&attribute.value);
      if (number != nullptr && (attribute.name == "to" || attribute.name == "dtype")) {
        size.types += TypeCost(static_cast<DataType>(*number));
      }
    }
  }
  size.attributes += std::ssize(sketch.options.disabled_optimizers) +
                     (sketch.options.intra_op_threads != 0 ? 1 : 0) +
                     (sketch.options.parallel_execution ? 1 : 0) +
                     std::min<int64_t>(sketch.options.external_data_bytes, 2);
  return size;
}

}  // namespace moire
