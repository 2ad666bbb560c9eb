// What a campaign has learned not to generate: combinations of operator, opset version and element
// types that the runtimes under test do not implement. The case stream is a function of the seed,
// the settings and this set, so whoever owns it (a fuzz target) journals when it changes.
// Depends on harness/case alone.
#ifndef MOIRE_FUZZERS_GENERATE_LEARNED_H_
#define MOIRE_FUZZERS_GENERATE_LEARNED_H_

#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "harness/case/model.h"

namespace moire {

struct SchemaInfo;

// One node with the element types of its inputs and outputs (kUndefined for an omitted one). What
// is kept of it is the types that its schema's type variables take: ReduceSum with and without axes
// is one combination.
struct Combination {
  std::string_view op;
  int64_t since = 0;  // since_version of the operator's schema, what runtimes register kernels for
  std::span<const DataType> inputs;
  std::span<const DataType> outputs;
  std::string_view domain = "";
  const SchemaInfo* schema = nullptr;  // saves the look-up
  int64_t opset = 0;  // of the model, where it matters: of functions (SchemaInfo::function)
};

class Learned {
 public:
  // Also where it was noted for the combination's opset: a runtime may take a function's body in
  // the opset that brought it and not in a later one.
  bool Avoid(const Combination& combination) const;
  // True when it is new.
  bool Note(const Combination& combination);
  // Notes the combination of the named node of a model; types come from inference. Of a function it
  // is noted for the model's opset alone: row "Swish(25): float". False when there is no such node,
  // its types are unknown or the combination was known.
  bool NoteNode(const Model& model, std::string_view node_name);
  // Reads a runtime's "not implemented" message: finds the node by `name 'n3'`, `Name:'n3'` or
  // `Add(14)`, and notes it. False when no node can be named or nothing was new.
  bool NoteRejection(const Model& model, std::string_view reason);

  // The newest opset of the default domain that the runtime takes; 0: not limited. Row "opset: 23".
  int64_t newest_opset() const { return newest_opset_; }
  void LimitOpset(int64_t opset);

  size_t size() const { return keys_.size(); }
  // Readable rows "Add(14): int8" (the types of T1, T2, ..., "-" where unbound), sorted; Read takes
  // them back (other lines: false).
  std::vector<std::string> Rows() const { return {rows_.begin(), rows_.end()}; }
  bool ReadRow(std::string_view row);
  bool ForgetRow(const std::string& row);

  static std::string Row(const Combination& combination);

 private:
  static uint64_t Key(const Combination& combination);
  static uint64_t Key(std::string_view domain, std::string_view op, int64_t since,
                      std::span<const DataType> variables);
  std::unordered_set<uint64_t> keys_;
  int64_t newest_opset_ = 0;
  std::set<std::string> rows_;
};

}  // namespace moire

#endif  // MOIRE_FUZZERS_GENERATE_LEARNED_H_
