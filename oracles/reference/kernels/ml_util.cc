#include "oracles/reference/kernels/ml_util.h"

#include <algorithm>
#include <cmath>

#include "harness/case/float_bits.h"

namespace moire {

Floats FloatList(const Node& node, std::string_view name) {
  const Attribute* attribute = node.Find(name);
  const auto* list = attribute ? std::get_if<Floats>(&attribute->value) : nullptr;
  return list ? *list : Floats{};
}

Strings StringList(const Node& node, std::string_view name) {
  const Attribute* attribute = node.Find(name);
  const auto* list = attribute ? std::get_if<Strings>(&attribute->value) : nullptr;
  return list ? *list : Strings{};
}

Interval AsFloat(const RangeTensor& x, size_t i) {
  Interval out = IsFloat(x.type) ? ElementOf(x, i) : Exactly(static_cast<double>(x.ints[i]));
  const auto round = [](double at) { return RoundTo(DataType::kFloat, at); };
  if (std::isnan(out.value)) return out;
  const uint8_t marks = IsFloat(x.type) ? out.mark : x.MarkAt(i);
  return {round(out.value), std::min(out.lo, round(out.lo)), std::max(out.hi, round(out.hi)),
          marks};
}

Status CheckNumeric(const RangeTensor& x) {
  if (IsFloat(x.type) || IsInteger(x.type)) return {};
  return Fail(ErrorCode::kInvalidInput, "input of {}", Name(x.type));
}

}  // namespace moire
