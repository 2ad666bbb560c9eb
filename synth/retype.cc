#include "synth/retype.h"

namespace moire {
namespace {

// Values that the new type lacks are not brought over: nothing is retyped then.
bool Convert(Tensor& tensor, DataType to, bool scaled) {
  const int shift = scaled ? Traits(to).bits - Traits(tensor.type).bits : 0;
  Tensor out = MakeTensor(to, tensor.shape);
  const int64_t count = tensor.size();
  for (int64_t i = 0; i < count; ++i) {
    if (IsFloat(to)) {
      SetFloat(out, i, GetFloat(tensor, i));
    } else {
      if (tensor.type == DataType::kUint64 && GetInt(tensor, i) < 0) return false;
      const int64_t value = GetInt(tensor, i);
      SetInt(out, i,
             shift >= 0 ? static_cast<int64_t>(static_cast<uint64_t>(value) << shift)
                        : value >> -shift);
      if (!scaled && GetInt(out, i) != value) return false;
    }
  }
  tensor = std::move(out);
  return true;
}

}  // namespace

bool Retype(Sketch& sketch, DataType from, DataType to, bool scaled) {
  for (Tensor* tensor : Tensors(sketch)) {
    if (tensor->type == from && !Convert(*tensor, to, scaled)) return false;
  }
  for (Node& node : sketch.model.graph.nodes) {
    for (Attribute& attribute : node.attributes) {
      if (auto* tensor = std::get_if<Tensor>(&attribute.value)) {
        if (tensor->type == from && !Convert(*tensor, to, scaled)) return false;
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
