// Softmax and its logarithm of one line, for the kernels that contain them.
#ifndef MOIRE_ORACLES_REFERENCE_KERNELS_SOFTMAX_H_
#define MOIRE_ORACLES_REFERENCE_KERNELS_SOFTMAX_H_

#include <vector>

#include "oracles/reference/kernels/sums.h"

namespace moire {

// Append n elements to `out`; n > 0. Not rounded to the type at the end.
void SoftmaxOf(DataType type, const Row& row, size_t n, std::vector<Interval>& out);
void LogSoftmaxOf(DataType type, const Row& row, size_t n, std::vector<Interval>& out);

}  // namespace moire

#endif  // MOIRE_ORACLES_REFERENCE_KERNELS_SOFTMAX_H_
