// What a pattern builds with: values of a wanted type and rank, constants, and emission that fails
// as a whole.
#ifndef MOIRE_FUZZERS_GENERATE_PATTERNS_CONTEXT_H_
#define MOIRE_FUZZERS_GENERATE_PATTERNS_CONTEXT_H_

#include <initializer_list>
#include <span>
#include <string_view>
#include <vector>

#include "fuzzers/generate/graph_builder.h"
#include "fuzzers/generate/pool.h"

namespace moire {

class PatternContext {
 public:
  PatternContext(GraphBuilder& builder, const OperatorPool& pool)
      : builder_(builder), pool_(pool) {}

  GraphBuilder& b() { return builder_; }
  Random& random() { return builder_.random(); }
  bool ok() const { return ok_; }
  const Value& At(ValueId id) const { return builder_.value(id); }
  const Shape& shape(ValueId id) const { return builder_.value(id).shape; }
  DataType type(ValueId id) const { return builder_.value(id).type; }

  // An existing value, or a new input. Float types unless said otherwise.
  ValueId Take(int64_t min_rank, int64_t max_rank, TypeSet types = kFloats);
  // One node; kNoValue once anything has failed. Operators outside the pool fail.
  ValueId Op(std::string_view op, std::vector<ValueId> inputs,
             std::vector<Attribute> attributes = {});
  std::vector<ValueId> Ops(std::string_view op, std::vector<ValueId> inputs,
                           std::vector<Attribute> attributes, size_t outputs);
  // A constant scalar of the type of `like`, an initializer or a Constant node.
  ValueId Scalar(ValueId like, double value);
  // Weights: an initializer, or (a near miss) an input.
  ValueId Weights(ValueId like, Shape shape, Range range = {});
  ValueId Ints(const moire::Ints& values) { return builder_.AddInts(values); }
  // `often` times in eight true: near misses read  if (Miss()) ...
  bool Miss(uint64_t eighths = 1) { return random().Chance(eighths, 8); }
  // An extra consumer of an inner value, or that value as graph output: one time in eight.
  void Disturb(ValueId value);
  // The operands in this order or the other.
  ValueId Commutative(std::string_view op, ValueId a, ValueId b);

 private:
  GraphBuilder& builder_;
  const OperatorPool& pool_;
  bool ok_ = true;
};

using BuildPattern = bool (*)(PatternContext&);

struct PatternEntry {
  std::string_view name;  // what a runtime calls the rewrite, or what is rewritten
  BuildPattern build;
  unsigned weight = 1;
};

std::span<const PatternEntry> LinearPatterns();   // linear.cc: MatMul, Gemm, Conv and what follows
std::span<const PatternEntry> NormPatterns();     // norms.cc: LayerNorm, Gelu, Softmax spelled out
std::span<const PatternEntry> LayoutPatterns();   // layouts.cc: Transpose, Reshape, Slice chains
std::span<const PatternEntry> ElementPatterns();  // elements.cc: element-wise chains, Cast, Where
std::span<const PatternEntry> QuantPatterns();    // quants.cc: Q, DQ around operators

}  // namespace moire

#endif  // MOIRE_FUZZERS_GENERATE_PATTERNS_CONTEXT_H_
