// A short search near a start for values that satisfy a problem: most of what an edit breaks is
// mended by one number or two, which takes microseconds where Z3 takes a millisecond. Says nothing
// where it finds nothing. Deterministic.
#ifndef MOIRE_HARNESS_SMT_DESCENT_H_
#define MOIRE_HARNESS_SMT_DESCENT_H_

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "harness/smt/term.h"

namespace moire::smt {

// Changes one variable at a time, or two where one does not help, each time to what leaves the
// fewest constraints broken and then the fewest wishes, earlier ones counting more; nullopt where
// that is no step on. Variables that `held` names (by number; may be shorter) stay.
std::optional<std::vector<int64_t>> Descend(const Problem& problem, std::span<const int64_t> start,
                                            const std::vector<bool>& held = {});

}  // namespace moire::smt

#endif  // MOIRE_HARNESS_SMT_DESCENT_H_
