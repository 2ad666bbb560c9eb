// Bodies of nodes: what If, Loop, Scan and SequenceMap share.
#ifndef MOIRE_ORACLES_REFERENCE_KERNELS_CONTROL_H_
#define MOIRE_ORACLES_REFERENCE_KERNELS_CONTROL_H_

#include <string_view>
#include <vector>

#include "oracles/reference/kernel.h"

namespace moire {

// The graph in an attribute; kInvalidInput when there is none.
Result<const Graph*> Body(const KernelContext& ctx, std::string_view name);

// Runs a body, with what that costs.
Result<std::vector<RangeTensor>> RunBody(KernelContext& ctx, const Graph& body,
                                         std::vector<RangeTensor> inputs);

}  // namespace moire

#endif  // MOIRE_ORACLES_REFERENCE_KERNELS_CONTROL_H_
