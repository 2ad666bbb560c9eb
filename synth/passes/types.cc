// Pass "types": the same graph in plainer element types, the plainest that still fails: float
// before the other floats, int64 before the other integers. A failure that shows in many types then
// ends as one case, and so as one cause. What needs the ends of an integer type (wrapping,
// saturation) needs those of the other type as well, so values are also tried in proportion to the
// width.
#include <algorithm>

#include "synth/edit.h"
#include "synth/passes/passes.h"

namespace moire {
namespace {

// Values that the plainer type lacks are not brought over: nothing is retyped then.
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

// The types in place of which `from` may stand, plainest first.
std::vector<DataType> Plainer(DataType from) {
  std::vector<DataType> types;
  for (const TypeTraits& traits : AllTypes()) {
    const bool alike =
        IsFloat(from) ? IsFloat(traits.type) : IsInteger(from) && IsInteger(traits.type);
    if (alike && TypeCost(traits.type) < TypeCost(from)) types.push_back(traits.type);
  }
  std::ranges::sort(types, {}, TypeCost);
  return types;
}

bool TryRetype(const Sketch& current, const Attempt& attempt, DataType from, DataType to) {
  for (const bool scaled : {false, true}) {
    if (scaled && !IsInteger(from)) continue;
    Sketch edited = current;
    if (Retype(edited, from, to, scaled) && attempt(std::move(edited))) return true;
  }
  return false;
}

void Simplify(const Sketch& current, const Attempt& attempt) {
  for (const TypeTraits& traits : AllTypes()) {
    const std::vector<DataType> plainer = Plainer(traits.type);
    std::ranges::find_if(plainer,
                         [&](DataType to) { return TryRetype(current, attempt, traits.type, to); });
  }
}

}  // namespace

const ReductionPass& TypesPass() {
  static const FunctionPass pass("types", "retypes the graph to float and int64", Simplify);
  return pass;
}

}  // namespace moire
