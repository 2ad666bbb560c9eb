// Windows over one spatial dim that hit corners of the output size formula, where kernel, stride,
// dilation and padding couple: found by Z3 once a process, then looked up.
#ifndef MOIRE_FUZZERS_GENERATE_SOLVED_WINDOWS_H_
#define MOIRE_FUZZERS_GENERATE_SOLVED_WINDOWS_H_

#include <cstdint>

#include "fuzzers/generate/geometry.h"

namespace moire {

struct SolvedWindow {
  int64_t kernel = 0;
  int64_t stride = 0;
  int64_t dilation = 0;
  int64_t begin = 0;  // padding
  int64_t end = 0;
};

// `draw` picks among the corners that exist for a dim; null where none is kept (large dims).
const SolvedWindow* FindSolvedWindow(int64_t dim, WindowKind kind, uint64_t draw);

}  // namespace moire

#endif  // MOIRE_FUZZERS_GENERATE_SOLVED_WINDOWS_H_
