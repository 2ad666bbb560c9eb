// What the families of the contributed domain share. Their element types, attributes and optional
// inputs come from the schemas that the runtime lists; the rows say what a schema cannot.
// Sources of the rules: ONNX Runtime's docs/ContribOperators.md.
#ifndef MOIRE_FUZZERS_GENERATE_OPS_CONTRIBUTED_H_
#define MOIRE_FUZZERS_GENERATE_OPS_CONTRIBUTED_H_

#include <string_view>

#include "fuzzers/generate/op_context.h"

namespace moire {

constexpr OpEntry Contributed(std::string_view op, Choose choose, Infer infer,
                              RangeOf range = nullptr, uint32_t flags = 0, double weight = 1) {
  return {op, choose, infer, range, flags, weight, 1, 1 << 20, kContributedDomain};
}

// The row of the standard operator that the contributed one extends; null where the opset lacks it.
inline const OpEntry* Standard(std::string_view op) { return FindEntry(op, NewestOpset()); }

// Draws the node as the standard operator's row does.
inline bool ChooseAs(OpContext& c, std::string_view standard) {
  const OpEntry* entry = Standard(standard);
  return entry != nullptr && entry->choose(c);
}

// Infers as the standard operator's row does, from the first `inputs` inputs.
inline bool InferAs(InferContext& c, std::string_view standard, size_t inputs) {
  const OpEntry* entry = Standard(standard);
  const SchemaInfo* schema = FindSchema(standard, NewestOpset());
  if (entry == nullptr || schema == nullptr) return false;
  const size_t count = std::min(inputs, c.in.size());
  InferContext same{c.node, NewestOpset(), *schema, c.in.first(count), c.out};
  return entry->infer(same);
}

template <size_t kDigits>
struct OpName {
  char text[kDigits];
  constexpr OpName(const char (&from)[kDigits]) { std::copy_n(from, kDigits, text); }
};
// The same as functions for a table.
template <OpName kStandard>
bool ChooseLike(OpContext& c) {
  return ChooseAs(c, kStandard.text);
}
template <OpName kStandard, size_t kInputs>
bool InferLike(InferContext& c) {
  return InferAs(c, kStandard.text, kInputs);
}

inline bool IsScalar(const InferContext& c, size_t i) { return c.Given(i) && c.rank(i) == 0; }

// Every value of the element type.
inline void WholeType(InferContext& c) {
  for (OutValue& out : c.out) {
    if (IsInteger(out.type)) {
      out.range = {static_cast<double>(IntegerMin(out.type)),
                   static_cast<double>(IntegerMax(out.type))};
    }
  }
}

// A tensor of 32-bit integers in [0, last].
inline bool MakeIndices32(OpContext& c, size_t i, const Shape& shape, int64_t last) {
  return last >= 0 &&
         c.MakeTyped(i, DataType::kInt32, shape, {-0.25, static_cast<double>(last) + 0.25});
}

inline bool PutInts32(OpContext& c, size_t i, const Ints& values, bool scalar = false) {
  return c.Put(i, c.b().AddInts(values, DataType::kInt32, scalar));
}

}  // namespace moire

#endif  // MOIRE_FUZZERS_GENERATE_OPS_CONTRIBUTED_H_
