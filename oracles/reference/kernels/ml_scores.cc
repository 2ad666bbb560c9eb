#include "oracles/reference/kernels/ml_scores.h"

#include <algorithm>
#include <cmath>

#include "oracles/reference/kernels/ml_util.h"
#include "oracles/reference/kernels/movement_util.h"

namespace moire {

Result<RangeTensor> ClassLabels(const Node& node, std::string_view ints) {
  const Strings texts = StringList(node, "classlabels_strings");
  const Ints numbers = node.IntList(ints);
  if (texts.empty() == numbers.empty()) {
    return Fail(ErrorCode::kInvalidInput, "{} and {} class labels", texts.size(), numbers.size());
  }
  RangeTensor out = texts.empty()
                        ? MakeRangeTensor(DataType::kInt64, {static_cast<int64_t>(numbers.size())})
                        : MakeRangeTensor(DataType::kString, {static_cast<int64_t>(texts.size())});
  out.ints = numbers;
  out.strings = texts;
  return out;
}

Result<RangeTensor> TopLabels(KernelContext& ctx, const RangeTensor& scores,
                              const RangeTensor& labels) {
  const int64_t rows = scores.shape[0];
  const auto classes = static_cast<size_t>(scores.shape[1]);
  const Shape shape = {rows};
  MOIRE_TRY(ctx.Reserve(labels.type, shape));
  MOIRE_TRY(ctx.Spend(static_cast<uint64_t>(scores.size()) * 2));
  RangeTensor out = MakeRangeTensor(labels.type, shape);
  for (int64_t r = 0; r < rows; ++r) {
    const size_t first = static_cast<size_t>(r) * classes;
    size_t top = 0;
    uint8_t marks = kDecided;
    for (size_t c = 0; c < classes; ++c) {
      marks |= scores.MarkAt(first + c);
      if (std::isnan(scores.value[first + c])) marks |= kUnspecified;
      if (scores.value[first + c] > scores.value[first + top]) top = c;
    }
    for (size_t c = 0; c < classes; ++c) {
      if (c != top && scores.Hi()[first + c] >= scores.Lo()[first + top]) marks |= kUndecidable;
    }
    CopyElements(out, r, labels, static_cast<int64_t>(top), 1);
    out.AddMark(static_cast<size_t>(r), marks);
  }
  return out;
}

Result<RangeTensor> PostTransform(KernelContext& ctx, RangeTensor scores,
                                  std::string_view transform) {
  if (transform == "NONE") return scores;
  if (transform != "LOGISTIC" && transform != "SOFTMAX") {
    return Fail(ErrorCode::kUnsupported, "post_transform '{}'", transform);
  }
  Node node;
  node.op = transform == "SOFTMAX" ? "Softmax" : "Sigmoid";
  node.outputs = {"y"};
  const RangeTensor* const inputs[] = {&scores};
  KernelContext nested = ctx.Nested(node, inputs);
  MOIRE_TRY(FindKernel("", node.op, 13)->kernel(nested));
  return std::move(nested.Out(0));
}

}  // namespace moire
