// OpContext: what an operator's `choose` draws its node with. Keeps the schema's type variables
// consistent: once an input of variable T is taken, every other input of T has that type.
#ifndef MOIRE_FUZZERS_GENERATE_OP_CONTEXT_H_
#define MOIRE_FUZZERS_GENERATE_OP_CONTEXT_H_

#include <array>
#include <string_view>
#include <vector>

#include "fuzzers/generate/graph_builder.h"

namespace moire {

class OpContext {
 public:
  OpContext(GraphBuilder& builder, const OpEntry& entry, const SchemaInfo& schema);

  GraphBuilder& b() { return builder_; }
  Random& random() { return builder_.random(); }
  const SchemaInfo& schema() const { return schema_; }
  const OpEntry& entry() const { return entry_; }
  int64_t opset() const { return builder_.opset(); }
  Node& node() { return node_; }
  const Value& In(size_t i) const { return builder_.value(inputs_[i]); }
  ValueId Id(size_t i) const { return inputs_[i]; }
  DataType type() const { return In(0).type; }  // the data path's

  // The element types that input i may still have, of those that the case carries.
  TypeSet Allowed(size_t i) const;
  // One of these types, of those that the case carries; kUndefined where there is none.
  DataType DrawType(TypeSet types);
  // Restricts the element types of input i beyond the schema, before it is taken.
  void Restrict(size_t i, TypeSet types) { restrict_[i] = types; }
  // Restricts it most of the time, where a value of such a type is at hand.
  void Prefer(size_t i, TypeSet types);
  // Uses this value when input 0 is taken, if it fits (the mutator's).
  void Pin(ValueId value) { pinned_ = value; }

  // Takes an existing value; for the first inputs of a graph, or where nothing fits, may make one
  // of a shape in [min_rank, max_rank]. False when neither works.
  template <typename Fits>
  bool Take(size_t i, Fits fits);
  bool TakeAny(size_t i) {
    return Take(i, [](const Value&) { return true; });
  }
  // An existing sequence or optional of a form that input i takes.
  template <typename Fits>
  bool TakeCompound(size_t i, Fits fits);
  // A new graph input that is a map, see GraphBuilder::AddMap.
  bool MakeMap(size_t i, Tensor keys, Tensor values) {
    return pinned_ == kNoValue && Bind(i, builder_.AddMap(std::move(keys), std::move(values)));
  }
  const Compound& CompoundOf(size_t i) const { return *In(i).compound; }
  bool TakeRank(size_t i, int64_t min_rank, int64_t max_rank = 6);
  // An existing value of this shape, one that a node makes from existing values, or a new source.
  bool TakeShape(size_t i, const Shape& shape, Range range = {});
  // A value that broadcasts with `shape` to at most the size limit; or a new source. With a range:
  // one whose values lie in it (for divisors and the like).
  bool TakeBroadcast(size_t i, const Shape& shape, Range range = {});
  // A value whose finite elements lie in `range`: an existing one, one that is limited first (Clip,
  // Tanh, Sigmoid, ...), or a new input. One in forty is taken as it comes.
  bool TakeInRange(size_t i, Range range, int64_t min_rank = 0, int64_t max_rank = 6);
  // A new source (initializer, input or Constant) of the type that input i must have.
  bool Make(size_t i, Shape shape, Range range = {});
  bool MakeTyped(size_t i, DataType type, Shape shape, Range range = {});
  bool MakeInts(size_t i, const Ints& values, bool scalar = false);
  bool Put(size_t i, ValueId value);
  void Omit(size_t i);

  void Set(std::string_view name, decltype(Attribute::value) value);
  // Sets the attribute half of the time or when it differs from the default.
  void SetInt(std::string_view name, int64_t value, int64_t otherwise);
  // An axis in [0, rank), written negative half of the time.
  int64_t Axis(int64_t axis, int64_t rank);

  // Appends the node; the outputs, empty when refused.
  std::vector<ValueId> Finish(size_t outputs = 1);
  bool Done(size_t outputs = 1) { return !Finish(outputs).empty(); }

 private:
  bool Bind(size_t i, ValueId value);
  DataType Bound(const ParameterInfo& parameter) const {
    return parameter.variable < 0 ? DataType::kUndefined
                                  : variables_[static_cast<size_t>(parameter.variable)];
  }
  ValueId Limit(ValueId value, Range range);
  bool DeriveScalar(size_t i, Range range);
  bool DeriveShape(size_t i, const Shape& shape, Range range);

  GraphBuilder& builder_;
  const OpEntry& entry_;
  const SchemaInfo& schema_;
  Node node_;
  std::vector<ValueId> inputs_;
  std::array<DataType, 8> variables_{};
  std::array<TypeSet, 16> restrict_{};
  ValueId pinned_ = kNoValue;
};

template <typename Fits>
bool OpContext::Take(size_t i, Fits fits) {
  const TypeSet allowed = Allowed(i);
  if (pinned_ != kNoValue && i == 0) {
    const Value& value = builder_.value(pinned_);
    return Has(allowed, value.type) && fits(value) && Bind(i, pinned_);
  }
  // First the element type, then the value: every type on the data path gets its turn.
  TypeSet present = allowed & builder_.AvailableTypes();
  while (present != 0) {
    auto nth = random().Below(static_cast<uint64_t>(__builtin_popcount(present)));
    TypeSet rest = present;
    while (nth-- > 0) rest &= rest - 1;
    const auto type = static_cast<DataType>(__builtin_ctz(rest));
    const ValueId found =
        builder_.PickValue([&](const Value& v) { return v.type == type && fits(v); });
    if (found != kNoValue) return Bind(i, found);
    present &= ~Bit(type);
  }
  return false;
}

template <typename Fits>
bool OpContext::TakeCompound(size_t i, Fits fits) {
  const ParameterInfo* parameter = schema_.Input(i);
  if (parameter == nullptr) return false;
  const DataType bound = Bound(*parameter);
  const auto good = [&](const Value& v) {
    return v.compound &&
           Has(parameter->compounds[static_cast<size_t>(v.compound->form)], v.compound->element) &&
           (bound == DataType::kUndefined || bound == v.packed()) && fits(*v.compound);
  };
  if (pinned_ != kNoValue && i == 0) {
    return good(builder_.value(pinned_)) && Bind(i, pinned_);
  }
  return Bind(i, builder_.PickCompound(good));
}

}  // namespace moire

#endif  // MOIRE_FUZZERS_GENERATE_OP_CONTEXT_H_
