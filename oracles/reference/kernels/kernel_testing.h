// For tests of kernels: runs one node on tensors without building a model; an error comes back as
// the Result.
#ifndef MOIRE_ORACLES_REFERENCE_KERNELS_KERNEL_TESTING_H_
#define MOIRE_ORACLES_REFERENCE_KERNELS_KERNEL_TESTING_H_

#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "harness/case/float_bits.h"
#include "oracles/reference/kernel.h"

namespace moire::testing {

class NoSubgraphs : public SubgraphRunner {
 public:
  Result<std::vector<RangeTensor>> Run(const Graph&, std::vector<RangeTensor>) override {
    return Fail(ErrorCode::kUnsupported, "no subgraphs in kernel tests");
  }
};

// A float tensor with exact elements; a 1-D shape unless given.
inline RangeTensor Floats(DataType type, std::vector<double> values, Shape shape = {-1}) {
  if (shape == Shape{-1}) shape = {static_cast<int64_t>(values.size())};
  RangeTensor out = MakeRangeTensor(type, std::move(shape));
  out.value = std::move(values);
  return out;
}
inline RangeTensor Floats(std::vector<double> values, Shape shape = {-1}) {
  return Floats(DataType::kFloat, std::move(values), std::move(shape));
}

inline RangeTensor Integers(DataType type, std::vector<int64_t> values, Shape shape = {-1}) {
  if (shape == Shape{-1}) shape = {static_cast<int64_t>(values.size())};
  RangeTensor out = MakeRangeTensor(type, std::move(shape));
  out.ints = std::move(values);
  return out;
}

inline RangeTensor Texts(std::vector<std::string> values, Shape shape = {-1}) {
  if (shape == Shape{-1}) shape = {static_cast<int64_t>(values.size())};
  RangeTensor out = MakeRangeTensor(DataType::kString, std::move(shape));
  out.strings = std::move(values);
  return out;
}

// One element with a range.
inline RangeTensor Ranged(DataType type, double lo, double value, double hi) {
  RangeTensor out = Floats(type, {value});
  out.lo = {lo};
  out.hi = {hi};
  return out;
}

struct NodeSpec {
  std::string op;
  std::vector<Attribute> attributes = {};
  int64_t opset = 21;
  size_t outputs = 1;
  std::string domain = "";
};

inline Result<std::vector<RangeTensor>> RunNodeAll(const NodeSpec& spec,
                                                   const std::vector<RangeTensor>& inputs) {
  Node node;
  node.op = spec.op;
  node.domain = spec.domain;
  node.attributes = spec.attributes;
  for (size_t i = 0; i < inputs.size(); ++i) node.inputs.push_back("i" + std::to_string(i));
  for (size_t i = 0; i < spec.outputs; ++i) node.outputs.push_back("o" + std::to_string(i));
  const KernelEntry* entry = FindKernel(spec.domain, spec.op, spec.opset);
  if (entry == nullptr) return Fail(ErrorCode::kUnsupported, "no kernel {}", spec.op);
  std::vector<const RangeTensor*> pointers;
  // A default-made tensor stands for an omitted optional input.
  for (const RangeTensor& input : inputs) {
    const bool omitted = input.type == DataType::kUndefined && input.opaque == Opaque::kNo;
    pointers.push_back(omitted ? nullptr : &input);
  }
  const Budget budget;
  Spent spent;
  NoSubgraphs subgraphs;
  KernelContext ctx(node, spec.opset, pointers, budget, spent, subgraphs);
  MOIRE_TRY(entry->kernel(ctx));
  return std::move(ctx.outputs());
}

inline Result<RangeTensor> RunNode(const NodeSpec& spec, const std::vector<RangeTensor>& inputs) {
  auto outputs = RunNodeAll(spec, inputs);
  if (!outputs) return std::unexpected(outputs.error());
  return std::move((*outputs)[0]);
}

// Whether `y`, rounded to the output's type, is a legal element i.
inline bool IsLegal(const RangeTensor& expected, size_t i, double y) {
  Tensor actual = MakeTensor(expected.type, expected.shape);
  if (IsFloat(expected.type)) {
    SetFloat(actual, static_cast<int64_t>(i), y);
  } else {
    SetInt(actual, static_cast<int64_t>(i), static_cast<int64_t>(y));
  }
  return Legal(expected, actual, static_cast<int64_t>(i));
}

}  // namespace moire::testing

#endif  // MOIRE_ORACLES_REFERENCE_KERNELS_KERNEL_TESTING_H_
