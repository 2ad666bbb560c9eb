// Edits of the whole graph: element type, dims, opset. Shapes are inferred again and repaired.
#include <algorithm>

#include "fuzzers/generate/pool.h"
#include "fuzzers/generate/value_fill.h"
#include "fuzzers/mutate/edits.h"

namespace moire {
namespace {

Tensor Convert(const Tensor& tensor, DataType to) {
  Tensor out = MakeTensor(to, tensor.shape);
  for (int64_t i = 0; i < tensor.size(); ++i) {
    const double value =
        IsFloat(tensor.type) ? GetFloat(tensor, i) : static_cast<double>(GetInt(tensor, i));
    if (IsFloat(to)) {
      SetFloat(out, i, value);
    } else {
      SetInt(out, i, static_cast<int64_t>(std::clamp(value, -100.0, 100.0)));
    }
  }
  return out;
}

bool Structural(const Value& v) { return v.has_known && v.count <= 8; }

// Every value of one element type becomes another, constants and Cast targets too.
Edited ChangeElementType(GraphBuilder& graph) {
  Random& random = graph.random();
  TypeSet present = 0;
  for (const Value& v : graph.values()) {
    if (v.kind != ValueKind::kNode && !Structural(v) && v.type != DataType::kUndefined) {
      present |= Bit(v.type);
    }
  }
  present &= kFloats | kIntegers;
  if (present == 0) return Edited::kNothing;
  DataType from = DataType::kUndefined;
  while (!Has(present, from)) from = static_cast<DataType>(random.Below(32));
  static constexpr DataType kTargets[] = {DataType::kFloat,  DataType::kFloat, DataType::kFloat16,
                                          DataType::kDouble, DataType::kInt32, DataType::kInt64,
                                          DataType::kInt8,   DataType::kUint8, DataType::kBfloat16};
  const DataType to = kTargets[random.Index(std::size(kTargets))];
  // Floats mostly stay floats: few operators take both.
  if (to == from || (IsFloat(from) != IsFloat(to) && !random.Chance(1, 4))) return Edited::kNothing;
  for (size_t i = 0; i < graph.values().size(); ++i) {
    const auto id = static_cast<ValueId>(i);
    const Value& v = graph.value(id);
    if (v.kind == ValueKind::kNode || v.type != from || Structural(v)) continue;
    if (Tensor* tensor = graph.TensorOf(id)) *tensor = Convert(*tensor, to);
  }
  for (size_t n = 0; n < graph.nodes(); ++n) {
    Node& node = graph.mutable_node(n);
    for (Attribute& attribute : node.attributes) {
      if (auto* tensor = std::get_if<Tensor>(&attribute.value);
          tensor != nullptr && tensor->type == from) {
        *tensor = Convert(*tensor, to);
      } else if (auto* type = std::get_if<int64_t>(&attribute.value);
                 type != nullptr && (attribute.name == "to" || attribute.name == "dtype") &&
                 *type == static_cast<int64_t>(from)) {
        *type = static_cast<int64_t>(to);
      }
    }
  }
  return Edited::kReshaped;
}

// One size of dim becomes another everywhere: inputs, weights, shape constants.
Edited ChangeDim(GraphBuilder& graph) {
  Random& random = graph.random();
  std::vector<int64_t> sizes;
  for (const Value& v : graph.values()) {
    if (v.kind == ValueKind::kInput && v.type != DataType::kUndefined) {
      sizes.insert(sizes.end(), v.shape.begin(), v.shape.end());
    }
  }
  if (sizes.empty()) return Edited::kNothing;
  const int64_t from = sizes[random.Index(sizes.size())];
  static constexpr int64_t kSizes[] = {1, 1, 2, 3, 4, 5, 7, 8, 9, 16, 17, 31, 64};
  const int64_t to = random.Chance(1, 60)  ? 0
                     : random.Chance(1, 3) ? from + 1
                                           : kSizes[random.Index(13)];
  if (to == from) return Edited::kNothing;
  for (size_t i = 0; i < graph.values().size(); ++i) {
    const auto id = static_cast<ValueId>(i);
    const Value& v = graph.value(id);
    Tensor* tensor = v.kind == ValueKind::kNode ? nullptr : graph.TensorOf(id);
    if (tensor == nullptr) continue;
    if (Structural(v) && v.type == DataType::kInt64) {
      for (int64_t k = 0; k < tensor->size(); ++k) {
        if (GetInt(*tensor, k) == from) SetInt(*tensor, k, to);
      }
      continue;
    }
    Shape shape = tensor->shape;
    std::ranges::replace(shape, from, to);
    if (shape != tensor->shape && CheckedCount(shape).value_or(INT64_MAX) <= graph.max_elements()) {
      *tensor = Resized(*tensor, std::move(shape));
    }
  }
  return Edited::kReshaped;
}

// Dims of 1 in front of an input: broadcasting does the rest, or the repair.
Edited ChangeRank(GraphBuilder& graph) {
  Random& random = graph.random();
  const ValueId id = graph.PickValue(
      [](const Value& v) { return v.kind == ValueKind::kInput && v.rank() < 5 && !Structural(v); });
  if (id == kNoValue) return Edited::kNothing;
  Tensor& tensor = *graph.TensorOf(id);
  if (!tensor.shape.empty() && tensor.shape[0] == 1 && random.Chance(1, 2)) {
    tensor.shape.erase(tensor.shape.begin());
  } else {
    tensor.shape.insert(tensor.shape.begin(), 1);
  }
  return Edited::kReshaped;
}

Edited ChangeOpset(GraphBuilder& graph) {
  const GeneratorSettings& settings = graph.settings();
  const int64_t newest = NewestUsable(settings, graph.learned());
  const int64_t opset = graph.random().Between(std::min(settings.min_opset, newest), newest);
  if (opset == graph.opset()) return Edited::kNothing;
  graph.SetOpset(opset);
  return Edited::kReshaped;
}

Edited ChangeRunOptions(GraphBuilder& graph) {
  if (!graph.settings().vary_run_options) return Edited::kNothing;
  RunOptions& options = graph.options();
  if (graph.random().Chance(1, 2)) {
    options.intra_op_threads = static_cast<int>(graph.random().Between(0, 4));
  } else {
    options.parallel_execution = !options.parallel_execution;
  }
  return Edited::kDone;
}

// More often inside again than outside, or most of a corpus would end there.
Edited MoveInitializers(GraphBuilder& graph) {
  const GeneratorSettings& settings = graph.settings();
  int64_t& bytes = graph.options().external_data_bytes;
  if (bytes == 0 && graph.random().Unit() >= settings.external_share) return Edited::kNothing;
  bytes = bytes > 0 ? 0 : 1;
  return Edited::kDone;
}

constexpr EditEntry kTypeShapeEdits[] = {
    {"change the element type", ChangeElementType, 7},
    {"change a dim", ChangeDim, 8},
    {"change a rank", ChangeRank, 3},
    {"change the opset", ChangeOpset, 4},
    {"change run options", ChangeRunOptions, 2},
    {"move initializers out of the model or into it", MoveInitializers, 2},
};

}  // namespace

std::span<const EditEntry> TypeShapeEdits() { return kTypeShapeEdits; }

}  // namespace moire
