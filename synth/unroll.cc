#include "synth/unroll.h"

#include <algorithm>
#include <map>

namespace moire {
namespace {

constexpr int kMostIterations = 16;

const Tensor* Known(const KnownValues& values, const std::string& name) {
  const auto found = values.find(name);
  return found == values.end() || !found->second.known ? nullptr : &found->second.tensor;
}

Tensor Scalar(DataType type, int64_t value) {
  Tensor tensor = MakeTensor(type, {});
  SetInt(tensor, 0, value);
  return tensor;
}

// One slice along an axis, without it.
Tensor SliceOf(const Tensor& tensor, size_t axis, int64_t index) {
  Shape shape = tensor.shape;
  shape.erase(shape.begin() + static_cast<std::ptrdiff_t>(axis));
  Tensor slice = MakeTensor(tensor.type, shape);
  int64_t inner = 1;
  for (size_t i = axis + 1; i < tensor.shape.size(); ++i) inner *= tensor.shape[i];
  for (int64_t i = 0; i < slice.size(); ++i) {
    const int64_t from = (i / inner * tensor.shape[axis] + index) * inner + i % inner;
    CopyElement(tensor, from, slice, i);
  }
  return slice;
}

class Writer {
 public:
  Writer(const Sketch& sketch, const BodyPlace& place, const KnownValues& values)
      : node_(sketch.model.graph.nodes[place.node]),
        body_(BodyAt(sketch, place)),
        values_(values),
        place_(place) {
    out_.sketch = sketch;
  }

  std::optional<Unrolled> Write(int iterations) {
    out_.iterations = iterations;
    out_.iteration.assign(out_.sketch.model.graph.nodes.size() - 1, -1);
    auto& nodes = out_.sketch.model.graph.nodes;
    nodes.erase(nodes.begin() + static_cast<std::ptrdiff_t>(place_.node));
    at_ = place_.node;
    for (int j = 0; j < iterations; ++j) {
      if (!Bind(j)) return std::nullopt;
      Copy(j);
    }
    return Connect() ? std::optional(std::move(out_)) : std::nullopt;
  }

  // The Loop's own condition after each iteration, as the reference computes it in what was
  // written.
  // Without a condition on the way in, the body's says nothing (ONNX, Loop: "cond = ...; //
  // ignored").
  int RealIterations(const Unrolled& written) const {
    if (node_.inputs.size() < 2 || node_.inputs[1].empty()) return written.iterations;
    const KnownValues values = ComputeValues(written.sketch);
    for (int j = 0; j < written.iterations; ++j) {
      const std::string& name = body_.outputs[0].name;
      const bool made = std::ranges::any_of(
          body_.nodes, [&](const Node& n) { return std::ranges::count(n.outputs, name) > 0; });
      const Tensor* goes_on = made ? Known(values, Named(name, j)) : nullptr;
      if (made && goes_on == nullptr) return 0;
      if (goes_on != nullptr && goes_on->size() == 1 && GetInt(*goes_on, 0) == 0) return j + 1;
    }
    return written.iterations;
  }

  // What the first inputs say; 0: not known, or too many.
  int Planned() const {
    if (node_.op == "Scan") return ScanLength();
    if (body_.inputs.size() < 2 || body_.outputs.empty() || node_.inputs.empty()) return 0;
    const Tensor* trips = Known(values_, node_.inputs[0]);
    if (trips == nullptr || trips->size() != 1) return 0;
    if (node_.inputs.size() > 1 && !node_.inputs[1].empty()) {
      const Tensor* begins = Known(values_, node_.inputs[1]);
      if (begins == nullptr || begins->size() != 1 || GetInt(*begins, 0) == 0) return 0;
    }
    return Bounded(GetInt(*trips, 0));
  }

 private:
  static std::string Named(const std::string& name, int j) { return fmt::format("{}#{}", name, j); }
  static int Bounded(int64_t count) {
    return count < 0 || count > kMostIterations ? 0 : static_cast<int>(count);
  }

  size_t Scanned() const {
    return static_cast<size_t>(std::max<int64_t>(0, node_.Int("num_scan_inputs", 0)));
  }
  size_t Carried() const {
    return node_.op == "Loop" ? body_.inputs.size() - 2 : body_.inputs.size() - Scanned();
  }
  size_t FirstOutput() const { return node_.op == "Loop" ? 1 : 0; }

  // The axis and the direction of scan input k; of a scan output with the other attributes.
  std::optional<size_t> AxisOf(std::string_view attribute, size_t k, size_t rank) const {
    const Ints axes = node_.IntList(attribute);
    int64_t axis = k < axes.size() ? axes[k] : 0;
    if (axis < 0) axis += static_cast<int64_t>(rank);
    if (axis < 0 || axis >= static_cast<int64_t>(rank)) return std::nullopt;
    return static_cast<size_t>(axis);
  }
  bool Backwards(std::string_view attribute, size_t k) const {
    const Ints directions = node_.IntList(attribute);
    return k < directions.size() && directions[k] != 0;
  }

  int ScanLength() const {
    if (Scanned() == 0 || Scanned() > body_.inputs.size() ||
        body_.inputs.size() != node_.inputs.size()) {
      return 0;
    }
    const Tensor* first = Known(values_, node_.inputs[Carried()]);
    if (first == nullptr) return 0;
    const auto axis = AxisOf("scan_input_axes", 0, first->shape.size());
    return axis ? Bounded(first->shape[*axis]) : 0;
  }

  // Where an iteration's name is found: it may be handed through from the one before, or outside.
  std::string Resolve(const std::string& name) const {
    const auto found = names_.find(name);
    return found == names_.end() ? name : found->second;
  }

  bool Bind(int j) {
    std::map<std::string, std::string> next;
    const auto source = [&](const std::string& name, const Tensor& tensor, bool constant) {
      AddSource(out_.sketch, Named(name, j), tensor, constant);
      next[name] = Named(name, j);
    };
    const bool loop = node_.op == "Loop";
    const size_t first = loop ? 2 : 0;
    if (loop) {
      source(body_.inputs[0].name, Scalar(DataType::kInt64, j), true);
      source(body_.inputs[1].name, Scalar(DataType::kBool, 1), true);
    }
    for (size_t i = 0; i < Carried(); ++i) {
      const std::string& name = body_.inputs[first + i].name;
      if (first + i >= node_.inputs.size()) return false;
      next[name] =
          j == 0 ? node_.inputs[first + i] : Resolve(body_.outputs[FirstOutput() + i].name);
    }
    for (size_t k = 0; !loop && k < Scanned(); ++k) {
      const Tensor* whole = Known(values_, node_.inputs[Carried() + k]);
      if (whole == nullptr) return false;
      const auto axis = AxisOf("scan_input_axes", k, whole->shape.size());
      if (!axis || whole->shape[*axis] != out_.iterations) return false;
      const int64_t index = Backwards("scan_input_directions", k) ? out_.iterations - 1 - j : j;
      source(body_.inputs[Carried() + k].name, SliceOf(*whole, *axis, index), false);
    }
    for (const NamedTensor& constant : body_.initializers) {
      source(constant.name, constant.tensor, true);
    }
    for (const Node& node : body_.nodes) {
      for (const std::string& output : node.outputs) {
        if (!output.empty()) next[output] = Named(output, j);
      }
    }
    names_ = std::move(next);
    return true;
  }

  void Copy(int j) {
    Sketch inner;
    inner.model.graph.nodes = body_.nodes;
    for (Node& node : inner.model.graph.nodes) {
      for (std::string& output : node.outputs) output = output.empty() ? "" : Named(output, j);
    }
    // Reads last: a name outside may be one that the body makes.
    for (const auto& [from, to] : names_) Redirect(inner, from, "\x01" + to);
    for (const auto& [from, to] : names_) Redirect(inner, "\x01" + to, to);
    for (Node& node : inner.model.graph.nodes) Insert(std::move(node), j);
    for (size_t i = FirstOutput() + Carried(); i < body_.outputs.size(); ++i) {
      stacked_[i].push_back(Resolve(body_.outputs[i].name));
    }
  }

  void Insert(Node node, int iteration) {
    const auto offset = static_cast<std::ptrdiff_t>(at_++);
    auto& nodes = out_.sketch.model.graph.nodes;
    nodes.insert(nodes.begin() + offset, std::move(node));
    out_.iteration.insert(out_.iteration.begin() + offset, iteration);
  }

  // What read the node's results reads those of the last iteration, or all of them stacked.
  bool Connect() {
    for (size_t i = 0; i < node_.outputs.size(); ++i) {
      const std::string& output = node_.outputs[i];
      const size_t from = i + FirstOutput();
      if (output.empty()) continue;
      if (from >= body_.outputs.size()) return false;
      if (i < Carried()) {
        Redirect(out_.sketch, output, Resolve(body_.outputs[from].name));
      } else if (!Stack(output, stacked_[from], i - Carried())) {
        return false;
      }
    }
    return true;
  }

  bool Stack(const std::string& output, std::vector<std::string> parts, size_t k) {
    const auto value = values_.find(output);
    if (value == values_.end() || !value->second.known) return false;
    const auto axis = AxisOf("scan_output_axes", k, value->second.tensor.shape.size());
    if (!axis) return false;
    if (Backwards("scan_output_directions", k)) std::ranges::reverse(parts);
    const Ints axes = {static_cast<int64_t>(*axis)};
    const bool by_input = out_.sketch.model.Opset("") >= 13;
    const std::string constant = output + "#axes";
    if (by_input) AddSource(out_.sketch, constant, Int64Tensor(axes), true);
    Node concat;
    concat.op = "Concat";
    concat.Set("axis", axes[0]);
    concat.outputs = {output};
    for (size_t j = 0; j < parts.size(); ++j) {
      Node unsqueeze;
      unsqueeze.op = "Unsqueeze";
      unsqueeze.inputs = {parts[j]};
      if (by_input) {
        unsqueeze.inputs.push_back(constant);
      } else {
        unsqueeze.Set("axes", axes);
      }
      unsqueeze.outputs = {Named(output, static_cast<int>(j))};
      concat.inputs.push_back(unsqueeze.outputs[0]);
      Insert(std::move(unsqueeze), -1);
    }
    Insert(std::move(concat), -1);
    return true;
  }

  const Node node_;
  const Graph body_;
  const KnownValues& values_;
  const BodyPlace place_;
  Unrolled out_;
  size_t at_ = 0;                             // where the next node goes
  std::map<std::string, std::string> names_;  // of the body -> of the iteration written last
  std::map<size_t, std::vector<std::string>> stacked_;
};

}  // namespace

std::optional<Unrolled> Unroll(const Sketch& sketch, const BodyPlace& place,
                               const KnownValues& values) {
  const Node& node = sketch.model.graph.nodes[place.node];
  if (node.op != "Loop" && node.op != "Scan") return std::nullopt;
  const int planned = Writer(sketch, place, values).Planned();
  if (planned == 0) return std::nullopt;
  Writer writer(sketch, place, values);
  std::optional<Unrolled> unrolled = writer.Write(planned);
  if (!unrolled || node.op == "Scan") return unrolled;
  const int real = writer.RealIterations(*unrolled);
  if (real == planned) return unrolled;
  return real == 0 ? std::nullopt : Writer(sketch, place, values).Write(real);
}

}  // namespace moire
