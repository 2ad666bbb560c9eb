// Lists of integers that older opsets keep in an attribute and newer ones take as an input.
#ifndef MOIRE_FUZZERS_GENERATE_OPS_LISTS_H_
#define MOIRE_FUZZERS_GENERATE_OPS_LISTS_H_

#include <string_view>

#include "fuzzers/generate/op_context.h"

namespace moire {

// Writes the list where this version of the operator wants it.
inline bool GiveInts(OpContext& c, size_t input, std::string_view attribute, const Ints& values) {
  if (!c.schema().HasAttribute(attribute)) return c.MakeInts(input, values);
  c.Set(attribute, values);
  return true;
}

inline bool HasList(const InferContext& c, size_t input, std::string_view attribute) {
  return c.Given(input) || c.node.Find(attribute) != nullptr;
}

// Null where it is not there or its contents are not known. `storage` keeps an attribute's.
inline const Ints* ReadInts(const InferContext& c, size_t input, std::string_view attribute,
                            Ints& storage) {
  if (!c.schema.HasAttribute(attribute)) return c.rank(input) <= 1 ? c.Known(input) : nullptr;
  const Attribute* found = c.node.Find(attribute);
  const auto* list = found == nullptr ? nullptr : std::get_if<Ints>(&found->value);
  if (list == nullptr) return nullptr;
  storage = *list;
  return &storage;
}

}  // namespace moire

#endif  // MOIRE_FUZZERS_GENERATE_OPS_LISTS_H_
