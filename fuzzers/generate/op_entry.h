// The contract of an operator of the generator: one small row in a table of its family (ops/*.cc).
//
//   choose  draws attributes and inputs for one node: existing values by OpContext::Take*,
//   constants by
//           OpContext::Make*. Returns false where nothing at hand fits; whatever it made is undone.
//   infer   the outputs' shapes (and types where the schema leaves them open) from the node and its
//           inputs; false where the node breaks the operator's rules. Also repairs mutants.
//   range   where the outputs' values lie; null: like the first input.
//
// Adding an operator is one row, and functions of its own where no family's fit. All three are
// deterministic; infer and range look at nothing but what they are given.
#ifndef MOIRE_FUZZERS_GENERATE_OP_ENTRY_H_
#define MOIRE_FUZZERS_GENERATE_OP_ENTRY_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "fuzzers/generate/range.h"
#include "fuzzers/generate/schema.h"
#include "harness/case/model.h"
#include "harness/case/random.h"

namespace moire {

using ValueId = int32_t;
inline constexpr ValueId kNoValue = -1;  // an omitted optional input

enum class ValueKind : uint8_t { kInput, kInitializer, kNode };

// A sequence or optional whose contents are known as shapes, or a map.
struct Compound {
  Form form = Form::kSequence;
  DataType element = DataType::kUndefined;
  bool filled = true;        // an optional that holds something
  std::vector<Shape> items;  // of the sequence; of an optional tensor one, or none
  Range range;
  bool edge = false;
  bool rounded = false;
  Tensor keys{};  // of a map
};
using CompoundPtr = std::shared_ptr<const Compound>;

struct Value {
  std::string name;
  DataType type = DataType::kUndefined;  // kUndefined: not a dense tensor that we can type
  Shape shape;                           // -1: a dim that only values decide
  int64_t count = 0;                     // elements; -1 when dynamic
  Range range;
  ValueKind kind = ValueKind::kNode;
  int32_t producer = -1;  // node index
  int32_t depth = 0;      // nodes on the longest path to it
  int32_t uses = 0;
  bool rounded = false;  // floats: may carry rounding errors
  bool edge = false;     // may hold NaN, infinities, extremes
  bool has_known = false;
  // Contents of a small tensor, where they are static: integers, and floats that are multiples of
  // 1/1024 in that unit (Resize's scales, Range's limits).
  Ints known;
  CompoundPtr compound;  // of what is no tensor; the type is kUndefined then

  int64_t rank() const { return static_cast<int64_t>(shape.size()); }
  bool Dynamic() const { return count < 0; }
  // What a type variable is bound to; kUndefined when not typed.
  DataType packed() const { return compound ? Packed(compound->form, compound->element) : type; }
};

struct OutValue {
  DataType type = DataType::kUndefined;  // filled in beforehand where the schema decides it
  Shape shape;
  Range range;
  bool has_known = false;
  Ints known;
  CompoundPtr compound;
  void Know(Ints values) {
    known = std::move(values);
    has_known = true;
  }
};

struct InferContext {
  const Node& node;
  int64_t opset;
  const SchemaInfo& schema;
  std::span<const Value* const> in;  // null where omitted
  std::span<OutValue> out;

  bool Given(size_t i) const { return i < in.size() && in[i] != nullptr; }
  const Shape& shape(size_t i) const { return in[i]->shape; }
  int64_t rank(size_t i) const { return in[i]->rank(); }
  // The static contents of an integer input; null where they are not known.
  const Ints* Known(size_t i) const {
    return Given(i) && in[i]->has_known && IsInteger(in[i]->type) ? &in[i]->known : nullptr;
  }
  const Compound* compound(size_t i) const { return Given(i) ? in[i]->compound.get() : nullptr; }
  // The same for any type: integers as they are, floats in units of 1/1024.
  const Ints* Units(size_t i) const {
    return Given(i) && in[i]->has_known ? &in[i]->known : nullptr;
  }
};

class OpContext;

using Choose = bool (*)(OpContext&);
using Infer = bool (*)(InferContext&);
using RangeOf = void (*)(InferContext&);

enum OpFlag : uint32_t {
  kExactResult = 1,  // float results carry no rounding error of their own (moves, Relu, Max, ...)
  kSteps = 2,        // jumps: undecidable on inputs with rounding errors (Floor, ArgMax, ...)
  kTerminal = 4,     // dynamic output shape: no node may follow
  kRare = 8,         // not chosen by itself, only as part of patterns
  kBodies = 16,      // has graphs in its attributes: a refusal says little about itself
  kRandom = 32,      // results differ from run to run
  kUnread = 64,      // its findings are still to be read: only with whole_standard
};

struct OpEntry {
  std::string_view op;
  Choose choose;
  Infer infer;
  RangeOf range = nullptr;
  uint32_t flags = 0;
  double weight = 1;
  int64_t since = 1;
  int64_t until = 1 << 20;
  std::string_view domain = "";
};

// Null when the generator does not know the operator.
const OpEntry* FindEntry(std::string_view op, int64_t opset, std::string_view domain = "");
// Every row of every family.
const std::vector<const OpEntry*>& AllEntries();

// One table a family; each is a line in registry.cc.
using OpTable = std::span<const OpEntry>;

}  // namespace moire

#endif  // MOIRE_FUZZERS_GENERATE_OP_ENTRY_H_
