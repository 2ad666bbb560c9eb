// The contract of an operator kernel of the reference.
//
// A kernel computes the outputs of one node from range tensors, in double (exact types in int64),
// from the text of the operator's ONNX page, for one interval of opset versions. It must:
//   - set every requested output with its type and shape;
//   - carry ranges: for every choice of inputs within their ranges and every legal order of
//     evaluation, the real implementation's result lies in the output's range, or the element is
//     marked kUndecidable (discontinuity inside the range; an intermediate of the formula may
//     overflow in some order) or kUnspecified (ONNX leaves it open);
//   - propagate marks of the elements it reads (kDecided | ... with |) unless the element is
//     provably irrelevant to the result;
//   - call ctx.Spend before work and ctx.Reserve before allocating, in proportion to the work;
//   - be deterministic.
// It may assume: inputs that are required are present and not opaque (kParts apart, where its row
// says that it takes them); each non-null input has storage
// that fits its shape; the node's opset is inside the entry's interval.
// It fails with kInvalidInput where ONNX makes the model or the values an error (shape mismatch,
// index out of range: say so with Fail; where the page says "it is an error" about VALUES use
// ctx.MustReject), kUndecidable where a structure-deciding value is undecidable, kUnsupported where
// it does not handle a legal form yet. The evaluator turns the last two into opaque outputs.
//
// To add one: write the function in a file of its family under kernels/, add a row to that family's
// table; a new family adds one line to registry.cc.
#ifndef MOIRE_ORACLES_REFERENCE_KERNEL_H_
#define MOIRE_ORACLES_REFERENCE_KERNEL_H_

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "harness/case/error.h"
#include "harness/case/model.h"
#include "oracles/reference/range_tensor.h"

namespace moire {

// Work a case may cause, checked before it is done.
struct Budget {
  uint64_t max_steps = 50'000'000;          // elementary operations
  uint64_t max_bytes = uint64_t{1} << 30;   // allocated by the reference in all
  int64_t max_elements = int64_t{1} << 24;  // one tensor
};

struct Spent {
  uint64_t steps = 0;
  uint64_t bytes = 0;
};

// Runs the body of If, Loop, Scan, ...: given values for its inputs, gives its outputs. Outer-scope
// names are visible to it.
class SubgraphRunner {
 public:
  virtual ~SubgraphRunner() = default;
  virtual Result<std::vector<RangeTensor>> Run(const Graph& body,
                                               std::vector<RangeTensor> inputs) = 0;
};

class KernelContext {
 public:
  KernelContext(const Node& node, int64_t opset, std::span<const RangeTensor* const> inputs,
                const Budget& budget, Spent& spent, SubgraphRunner& subgraphs)
      : node_(node),
        opset_(opset),
        inputs_(inputs),
        budget_(budget),
        spent_(spent),
        subgraphs_(subgraphs),
        outputs_(node.outputs.size()) {}

  const Node& node() const { return node_; }
  int64_t opset() const { return opset_; }
  SubgraphRunner& subgraphs() { return subgraphs_; }

  size_t NumInputs() const { return inputs_.size(); }
  // Null when the optional input is omitted or beyond the end.
  const RangeTensor* Input(size_t i) const { return i < inputs_.size() ? inputs_[i] : nullptr; }
  // A required input.
  const RangeTensor& In(size_t i) const { return *inputs_[i]; }
  size_t NumOutputs() const { return outputs_.size(); }
  bool Wants(size_t i) const { return i < outputs_.size() && !node_.outputs[i].empty(); }
  RangeTensor& Out(size_t i) { return outputs_[i]; }
  std::vector<RangeTensor>& outputs() { return outputs_; }

  // Counts elementary operations / elements of a tensor about to be made; kOverBudget when spent.
  Status Spend(uint64_t steps);
  Status Reserve(DataType type, Dims shape);
  // Reserve, then MakeRangeTensor into Out(i).
  Result<RangeTensor*> Make(size_t i, DataType type, Shape shape);

  // An attribute that is a flag; kInvalidInput for a value that is neither 0 nor 1.
  Result<bool> Flag(std::string_view attribute, bool otherwise) const;
  // The elements of an integer input that lists things (axes, sizes): ExactInts of a 1-D tensor,
  // kInvalidInput for another rank.
  Result<Ints> ExactList(size_t i) const;
  // The elements of an integer input that decides structure; kUndecidable when any is marked.
  Result<Ints> ExactInts(size_t i) const;
  // kInvalidInput, and remembers that a runtime that accepts these values is wrong.
  template <typename... Args>
  std::unexpected<Error> MustReject(fmt::format_string<Args...> format, Args&&... args) {
    must_reject_ = true;
    return Fail(ErrorCode::kInvalidInput, format, std::forward<Args>(args)...);
  }
  bool must_reject() const { return must_reject_; }
  // A value that a runtime may legally find to be another one decides whether the node is an error:
  // to refuse the case is no mistake.
  void MayReject() { may_reject_ = true; }
  bool may_reject() const { return may_reject_; }

  // A context to run another operator's kernel as a part of this one, on the same budget.
  KernelContext Nested(const Node& node, std::span<const RangeTensor* const> inputs) {
    return {node, opset_, inputs, budget_, spent_, subgraphs_};
  }

 private:
  const Node& node_;
  int64_t opset_;
  std::span<const RangeTensor* const> inputs_;
  const Budget& budget_;
  Spent& spent_;
  SubgraphRunner& subgraphs_;
  std::vector<RangeTensor> outputs_;
  bool must_reject_ = false;
  bool may_reject_ = false;
};

using Kernel = Status (*)(KernelContext&);

// What a kernel takes beside dense tensors of numbers and strings; the evaluator makes the outputs
// of a kernel that gets any other value opaque.
enum Takes : uint8_t {
  kTakesTensors = 0,
  kTakesComplex = 1,
  kTakesParts = 2,  // sequences, optionals, maps
};

struct KernelEntry {
  std::string_view op;
  int64_t since;  // first opset of the domain with this meaning
  int64_t until;  // last; kLatest for "still"
  Kernel kernel;
  std::string_view domain = "";
  uint8_t takes = kTakesTensors;
};
inline constexpr int64_t kLatest = 1 << 20;

// Null when the reference does not know the operator at this opset.
const KernelEntry* FindKernel(std::string_view domain, std::string_view op, int64_t opset);
// Every row of every family.
std::vector<const KernelEntry*> AllKernels();

}  // namespace moire

#endif  // MOIRE_ORACLES_REFERENCE_KERNEL_H_
