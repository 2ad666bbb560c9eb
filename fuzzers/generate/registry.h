// Finds the generator's row and the schema of an operator at an opset.
#ifndef MOIRE_FUZZERS_GENERATE_REGISTRY_H_
#define MOIRE_FUZZERS_GENERATE_REGISTRY_H_

#include <span>
#include <string_view>

#include "fuzzers/generate/op_entry.h"

namespace moire {

struct ResolvedOp {
  const OpEntry* entry = nullptr;
  const SchemaInfo* schema = nullptr;
};

// Both null when the generator or ONNX does not have the operator at this opset.
ResolvedOp Resolve(std::string_view op, int64_t opset, std::string_view domain = "");

// Every operator of a domain that can be placed at an opset of that domain.
std::span<const ResolvedOp> OperatorsAt(int64_t opset, std::string_view domain = "");

// Whether what campaigns found with the operator has been read by hand: GeneratorSettings::whole_standard.
bool IsRead(const OpEntry& entry);

}  // namespace moire

#endif  // MOIRE_FUZZERS_GENERATE_REGISTRY_H_
