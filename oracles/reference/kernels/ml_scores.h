// Scores of classifiers and regressors of ai.onnx.ml: labels, and the transforms applied at the
// end.
#ifndef MOIRE_ORACLES_REFERENCE_KERNELS_ML_SCORES_H_
#define MOIRE_ORACLES_REFERENCE_KERNELS_ML_SCORES_H_

#include <string_view>

#include "oracles/reference/kernel.h"

namespace moire {

// The labels of a classifier: classlabels_strings, or the integers under `ints`; kInvalidInput
// unless exactly one list is there.
Result<RangeTensor> ClassLabels(const Node& node, std::string_view ints);

// The label of the largest score of each row; undecidable where two may be the largest.
Result<RangeTensor> TopLabels(KernelContext& ctx, const RangeTensor& scores,
                              const RangeTensor& labels);

// post_transform NONE, LOGISTIC or SOFTMAX on rows of scores; kUnsupported for SOFTMAX_ZERO and
// PROBIT, of which the pages give the names alone.
Result<RangeTensor> PostTransform(KernelContext& ctx, RangeTensor scores,
                                  std::string_view transform);

}  // namespace moire

#endif  // MOIRE_ORACLES_REFERENCE_KERNELS_ML_SCORES_H_
