#include "synth/explain/features.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "harness/case/onnx_attributes.h"

namespace moire {
namespace {

constexpr std::array<std::string_view, 4> kLevels = {"none", "basic", "extended", "all"};
constexpr int64_t kMostListed = 6;  // dims and list elements that get a feature of their own

class Collector {
 public:
  void Number(const std::string& name, double value, double cost = 1) {
    features[name] = {false, value, {}, cost, false};
  }
  void Flag(const std::string& name, bool value, double cost = 1) {
    features[name] = {false, value ? 1.0 : 0.0, {}, cost, true};
  }
  void Word(const std::string& name, std::string_view value, double cost = 1) {
    features[name] = {true, 0, std::string(value), cost, false};
  }
  Features features;
};

template <typename List>
void AddList(Collector& out, const std::string& name, const List& list) {
  out.Number(name + " length", static_cast<double>(list.size()), 1.3);
  if (list.empty()) return;
  const auto [low, high] = std::ranges::minmax(list);
  out.Number("least of " + name, static_cast<double>(low), 1.2);
  out.Number("largest of " + name, static_cast<double>(high), 1.2);
  for (size_t i = 0; i < list.size() && i < kMostListed; ++i) {
    out.Number(fmt::format("{}[{}]", name, i), static_cast<double>(list[i]), 1.1);
  }
}

void AddAttribute(Collector& out, const std::string& name, const decltype(Attribute::value)& value,
                  int64_t rank) {
  if (const auto* number = std::get_if<int64_t>(&value)) {
    out.Number(name, static_cast<double>(*number));
    if (name.ends_with(".axis")) {
      const int64_t back = *number < 0 ? *number : *number - rank;
      out.Number(name + " from the end", static_cast<double>(back), 1.1);
      out.Number(name + " from the front", static_cast<double>(back + rank), 1.1);
    }
  } else if (const auto* real = std::get_if<float>(&value)) {
    out.Number(name, static_cast<double>(*real));
  } else if (const auto* text = std::get_if<std::string>(&value)) {
    out.Word(name, *text);
  } else if (const auto* ints = std::get_if<Ints>(&value)) {
    AddList(out, name, *ints);
  } else if (const auto* floats = std::get_if<Floats>(&value)) {
    AddList(out, name, *floats);
  }
}

void AddAttributes(Collector& out, const std::string& label, const Node& node, int64_t opset,
                   int64_t rank) {
  for (const AttributeSchema& row : SchemaAttributes(node, opset)) {
    const std::string name = label + "." + row.name;
    const Attribute* given = node.Find(row.name);
    if (row.name == "to" || row.name == "dtype") {
      const auto type = static_cast<DataType>(node.Int(row.name, 0));
      out.Word(name, Name(type));
      continue;
    }
    if (!row.otherwise && !row.required) out.Flag(name + " is given", given != nullptr, 1.1);
    if (given != nullptr) {
      AddAttribute(out, name, given->value, rank);
    } else if (row.otherwise) {
      AddAttribute(out, name, *row.otherwise, rank);
    }
  }
}

void AddShape(Collector& out, const std::string& name, const Shape& shape) {
  const auto rank = static_cast<int64_t>(shape.size());
  out.Number("rank of " + name, static_cast<double>(rank));
  out.Number("elements of " + name, static_cast<double>(Count(shape)), 1.3);
  for (int64_t k = 0; k < rank && k < kMostListed; ++k) {
    out.Number(fmt::format("{}.dim[{}]", name, k),
               static_cast<double>(shape[static_cast<size_t>(k)]));
    out.Number(fmt::format("{}.dim[{}]", name, k - rank),
               static_cast<double>(shape[static_cast<size_t>(k)]), 1.05);
  }
  if (rank == 0) return;
  const auto [low, high] = std::ranges::minmax(shape);
  out.Number("least dim of " + name, static_cast<double>(low), 1.15);
  out.Number("largest dim of " + name, static_cast<double>(high), 1.15);
  out.Flag(name + " has a dim of 1", std::ranges::find(shape, 1) != shape.end(), 1.1);
  if (rank >= 2) {
    out.Flag(name + " is square",
             shape[static_cast<size_t>(rank - 1)] == shape[static_cast<size_t>(rank - 2)], 1.15);
  }
}

double At(const Tensor& tensor, int64_t i) {
  if (IsFloat(tensor.type)) return GetFloat(tensor, i);
  const int64_t value = GetInt(tensor, i);
  return tensor.type == DataType::kUint64 ? static_cast<double>(static_cast<uint64_t>(value))
                                          : static_cast<double>(value);
}

void AddValues(Collector& out, const std::string& name, const Tensor& tensor) {
  if (!IsFloat(tensor.type) && !IsExact(tensor.type)) return;
  bool nan = false, inf = false, negative = false, zero = false, fraction = false, half = false;
  bool same = true, repeated_max = false;
  double low = INFINITY, high = -INFINITY, most = 0;
  const int64_t count = tensor.size();
  for (int64_t i = 0; i < count; ++i) {
    const double v = At(tensor, i);
    same = same && (i == 0 || v == At(tensor, 0));
    nan = nan || std::isnan(v);
    if (std::isnan(v)) continue;
    inf = inf || std::isinf(v);
    negative = negative || v < 0;
    zero = zero || v == 0;
    if (std::isfinite(v)) {
      fraction = fraction || v != std::floor(v);
      half = half || std::abs(v - std::floor(v)) == 0.5;
    }
    repeated_max = v == high || (repeated_max && v < high);
    low = std::min(low, v);
    high = std::max(high, v);
    most = std::max(most, std::abs(v));
  }
  out.Flag(name + " has a negative value", negative, 1.1);
  out.Flag(name + " has a zero", zero, 1.1);
  out.Flag(name + " is constant throughout", same, 1.25);
  out.Flag(name + " has its maximum twice", repeated_max, 1.3);
  if (IsFloat(tensor.type)) {
    out.Flag(name + " has a NaN", nan, 1.05);
    out.Flag(name + " has an infinity", inf, 1.05);
    out.Flag(name + " has a fraction", fraction, 1.2);
    out.Flag(name + " has a half", half, 1.25);
  }
  if (low <= high) {
    out.Number("largest magnitude in " + name, most, 1.2);
    out.Number("least value in " + name, low, 1.25);
    out.Number("largest value in " + name, high, 1.25);
  }
}

Features FeaturesWith(const Probe& probe, const KnownValues& values) {
  Collector out;
  const Sketch& sketch = probe.sketch;
  std::map<std::string, int> count;
  for (const Node& node : sketch.model.graph.nodes) ++count[node.op];
  std::map<std::string, int> number;
  for (const Node& node : sketch.model.graph.nodes) {
    const std::string label =
        count[node.op] > 1 ? fmt::format("{}#{}", node.op, ++number[node.op]) : node.op;
    int64_t rank = 0;
    const Tensor* first = nullptr;
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      const std::string name =
          node.inputs.size() == 1 ? label + " input" : fmt::format("{} input {}", label, i);
      const auto found = values.find(node.inputs[i]);
      if (node.inputs[i].empty() || found == values.end()) continue;
      out.Word("type of " + name, Name(found->second.type));
      out.Flag(name + " is an initializer",
               sketch.model.graph.FindInitializer(node.inputs[i]) != nullptr, 1.1);
      if (!found->second.known) continue;
      const Tensor& tensor = found->second.tensor;
      AddShape(out, name, tensor.shape);
      AddValues(out, name, tensor);
      if (i == 0) {
        rank = static_cast<int64_t>(tensor.shape.size());
        first = &tensor;
      } else if (first != nullptr) {
        out.Flag(fmt::format("inputs 0 and {} of {} have one shape", i, label),
                 tensor.shape == first->shape, 1.2);
      }
    }
    AddAttributes(out, label, node, sketch.model.Opset(node.domain), rank);
  }
  out.Number("threads", static_cast<double>(std::max(1, sketch.options.intra_op_threads)));
  out.Flag("parallel execution", sketch.options.parallel_execution);
  out.Flag("external data", sketch.options.external_data_bytes > 0);
  out.Number("opset", static_cast<double>(sketch.model.Opset("")), 1.2);
  if (LevelIndex(probe.level) >= 0) out.Number("level", LevelIndex(probe.level));
  return std::move(out.features);
}

}  // namespace

int LevelIndex(std::string_view level) {
  const auto found = std::ranges::find(kLevels, level);
  return found == kLevels.end() ? -1 : static_cast<int>(found - kLevels.begin());
}

std::string_view LevelName(int index) {
  return index < 0 || index >= std::ssize(kLevels) ? "" : kLevels[static_cast<size_t>(index)];
}

Features FeaturesOf(const Probe& probe) { return FeaturesWith(probe, ComputeValues(probe.sketch)); }

Features StatedFeaturesOf(const Probe& probe) {
  return FeaturesWith(probe, SourceValues(probe.sketch));
}

}  // namespace moire
