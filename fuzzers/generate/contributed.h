// Reads the schemas of a contributed domain as a backend lists them (`moire backends schemas`).
// docs/formats.md has the file's format.
#ifndef MOIRE_FUZZERS_GENERATE_CONTRIBUTED_H_
#define MOIRE_FUZZERS_GENERATE_CONTRIBUTED_H_

#include <string_view>
#include <vector>

#include "fuzzers/generate/schema.h"
#include "harness/case/error.h"

namespace moire {

// The schemas of one domain in the file's text. Errors: kInvalidInput for text that is no such
// list, and where it has no schema of the domain.
Result<std::vector<SchemaInfo>> ParseSchemaList(std::string_view json, std::string_view domain);

}  // namespace moire

#endif  // MOIRE_FUZZERS_GENERATE_CONTRIBUTED_H_
