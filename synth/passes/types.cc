// Pass "types": the same graph in plainer element types: float for the other floats, int64 for the
// other integers. A failure that shows in many types then ends as one case, and so as one cause.
#include "synth/edit.h"
#include "synth/passes/passes.h"

namespace moire {
namespace {

// Values that the plainer type lacks are not brought over: nothing is retyped then.
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

void Simplify(const Sketch& current, const Attempt& attempt) {
  for (const TypeTraits& traits : AllTypes()) {
    if (TypeCost(traits.type) == 0) continue;
    for (const DataType to :
         {IsFloat(traits.type) ? DataType::kFloat : DataType::kInt64, DataType::kInt32}) {
      if (IsFloat(traits.type) != IsFloat(to) || !(IsFloat(traits.type) || IsInteger(traits.type)))
        continue;
      Sketch edited = current;
      if (Retype(edited, traits.type, to) && attempt(std::move(edited))) break;
    }
  }
}

}  // namespace

const ReductionPass& TypesPass() {
  static const FunctionPass pass("types", "retypes the graph to float and int64", Simplify);
  return pass;
}

}  // namespace moire
