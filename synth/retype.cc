#include "synth/retype.h"

namespace moire {
namespace {

// Values that the new type lacks are not brought over: nothing is retyped then.
bool Convert(Tensor& tensor, DataType to) {
  Tensor out = MakeTensor(to, tensor.shape);
  const int64_t count = tensor.size();
  for (int64_t i = 0; i < count; ++i) {
    if (IsFloat(to)) {
      SetFloat(out, i, GetFloat(tensor, i));
    } else {
      if (tensor.type == DataType::kUint64 && GetInt(tensor, i) < 0) return false;
      SetInt(out, i, GetInt(tensor, i));
    }
  }
  tensor = std::move(out);
  return true;
}

}  // namespace

bool Retype(Sketch& sketch, DataType from, DataType to) {
  for (Tensor* tensor : Tensors(sketch)) {
    if (tensor->type == from && !Convert(*tensor, to)) return false;
  }
  for (Node& node : sketch.model.graph.nodes) {
    for (Attribute& attribute : node.attributes) {
      if (auto* tensor = std::get_if<Tensor>(&attribute.value)) {
        if (tensor->type == from && !Convert(*tensor, to)) return false;
      }
      auto* number = std::get_if<int64_t>(&attribute.value);
      if (number != nullptr && (attribute.name == "to" || attribute.name == "dtype") &&
          *number == static_cast<int64_t>(from)) {
        *number = static_cast<int64_t>(to);
      }
    }
  }
  for (ValueInfo& output : sketch.model.graph.outputs) {
    if (output.type.type == from) output.type.type = to;
  }
  return true;
}

}  // namespace moire
