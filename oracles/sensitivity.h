// How much an output moves when the floats that a case reads move a little: what rounding errors,
// which are such movements further on, may do to it. For outputs that no reference can compute.
#ifndef MOIRE_ORACLES_SENSITIVITY_H_
#define MOIRE_ORACLES_SENSITIVITY_H_

#include <functional>
#include <optional>
#include <string_view>

#include "harness/backends/backend.h"
#include "harness/case/case.h"
#include "harness/case/model.h"

namespace moire {

// A case that computes the one output `name` (its result has another name) from perturbed floats:
// each element x of an input or initializer becomes x + r * 2^-10 * max(|x|, |largest| /
// 64), r in [-1, -1/2] or [1/2, 1]. Every use of every value has its own copy, computed from its
// own perturbed values, so that differences of things that only happen to be equal show. nullopt
// where that takes more than 400 nodes, or a float read is not
// finite or beyond 1e3. Depends on its arguments alone.
std::optional<Case> Perturb(const Case& test_case, const Model& model, std::string_view name,
                            uint64_t seed);

// The largest difference between `plain` (a float or integer tensor, all of it finite) and what
// several perturbed runs give for the output; nullopt where one of them gives no such tensor of the
// same shape, or anything that is not finite: nothing can be said then.
std::optional<double> Movement(const Case& test_case, const Model& model, std::string_view name,
                               const Tensor& plain,
                               const std::function<Observation(const Case&)>& run);

}  // namespace moire

#endif  // MOIRE_ORACLES_SENSITIVITY_H_
