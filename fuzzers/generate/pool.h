// The operators that a campaign may place at an opset, with their weights; and growing a graph by
// them.
#ifndef MOIRE_FUZZERS_GENERATE_POOL_H_
#define MOIRE_FUZZERS_GENERATE_POOL_H_

#include <string_view>
#include <vector>

#include "fuzzers/generate/graph_builder.h"
#include "fuzzers/generate/registry.h"

namespace moire {

class OperatorPool {
 public:
  // What fits the opsets and types of a graph. Kept between calls with equal settings; valid until
  // the next call on this thread with others.
  static const OperatorPool& For(const GraphBuilder& builder);

  const ResolvedOp& Draw(Random& random) const;
  // Whether a pattern may use the operator.
  bool Allows(std::string_view op) const;
  bool with_patterns() const { return !ops_.empty(); }

 private:
  std::vector<ResolvedOp> ops_;
  std::vector<double> cumulative_;
  std::vector<std::string> only_;
};

// Whether a campaign with these settings places the operator.
bool Wanted(const OpEntry& entry, const GeneratorSettings& settings);
// The newest opset that settings, ONNX and the runtime allow.
int64_t NewestUsable(const GeneratorSettings& settings, const Learned& learned);
// Places one node of an operator; false (graph as before) when nothing at hand fits.
bool PlaceOperator(GraphBuilder& builder, const ResolvedOp& op, ValueId pinned = kNoValue);
// Adds operators and patterns until the graph has `target_nodes` or nothing more fits.
void Grow(GraphBuilder& builder, const OperatorPool& pool, size_t target_nodes);

}  // namespace moire

#endif  // MOIRE_FUZZERS_GENERATE_POOL_H_
