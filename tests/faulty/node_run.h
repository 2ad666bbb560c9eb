// The contract of an operator of the faulty runtime: one node, its values, and what the case's hash
// decided about the order of sums and the errors of functions. A kernel computes in the declared
// types; where `Faulty` says so it does the wrong thing. kUnsupported: not implemented here;
// kInvalidInput: the node is rejected. Depends on harness/case, and on the accuracy table alone of
// the reference.
#ifndef MOIRE_TESTS_FAULTY_NODE_RUN_H_
#define MOIRE_TESTS_FAULTY_NODE_RUN_H_

#include <string_view>
#include <vector>

#include "harness/case/error.h"
#include "harness/case/model.h"
#include "harness/case/random.h"
#include "tests/faulty/arithmetic.h"
#include "tests/faulty/faults.h"
#include "tests/faulty/value.h"

namespace moire::faulty {

struct NodeRun {
  const Node& node;
  int64_t opset;
  std::vector<const Value*> in;  // null: omitted
  std::vector<Value> out;        // one for each output of the node
  Random random;                 // of the case and the node
  Arithmetic arithmetic;
  const FaultEntry* fault = nullptr;  // of this node
  FaultState* state = nullptr;        // outlives the run: leaks, counters

  bool Faulty(FaultKind kind) const { return fault != nullptr && fault->kind == kind; }
  bool Given(size_t k) const { return k < in.size() && in[k] != nullptr; }
  const Value& In(size_t k) const { return *in[k]; }
  int64_t rank(size_t k) const { return static_cast<int64_t>(in[k]->shape.size()); }
  Value& Make(DataType type, Shape shape, size_t k = 0) {
    out[k] = MakeValue(type, std::move(shape));
    return out[k];
  }
  std::unexpected<Error> Unsupported() const {
    return Fail(ErrorCode::kUnsupported, "not implemented: {} of {}", node.op,
                Given(0) ? Name(In(0).type) : "nothing");
  }
  std::unexpected<Error> Bad(std::string_view what) const {
    return Fail(ErrorCode::kInvalidInput, "{}: bad {}", node.op, what);
  }
};

using Kernel = Status (*)(NodeRun&);
struct KernelRow {
  std::string_view op;
  Kernel kernel;
};
std::span<const KernelRow> ElementwiseKernels();
std::span<const KernelRow> FunctionKernels();
std::span<const KernelRow> CastKernels();
std::span<const KernelRow> ReduceKernels();
std::span<const KernelRow> ProductKernels();
std::span<const KernelRow> WindowKernels();
std::span<const KernelRow> NormKernels();
std::span<const KernelRow> MoveKernels();
std::span<const KernelRow> ShapeKernels();


// The integers of an input, or of an attribute where the input does not exist at this opset.
inline Ints IntsOf(const Value& value) { return value.i; }
inline Ints AxesOf(const NodeRun& run, size_t input, std::string_view attribute = "axes") {
  return run.Given(input) ? run.In(input).i : run.node.IntList(attribute);
}

// One axis of a tensor as lines: `outer` x `length` x `inner`.
struct Lines {
  int64_t outer = 1, length = 1, inner = 1;
  int64_t count() const { return outer * inner; }
  int64_t At(int64_t line, int64_t k) const {
    return (line / inner * length + k) * inner + line % inner;
  }
};
inline Lines LinesOf(Dims shape, int64_t axis) {
  Lines lines;
  for (size_t k = 0; k < shape.size(); ++k) {
    if (static_cast<int64_t>(k) < axis) lines.outer *= shape[k];
    if (static_cast<int64_t>(k) == axis) lines.length = shape[k];
    if (static_cast<int64_t>(k) > axis) lines.inner *= shape[k];
  }
  return lines;
}

}  // namespace moire::faulty

#endif  // MOIRE_TESTS_FAULTY_NODE_RUN_H_
