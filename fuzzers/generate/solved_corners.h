// Slices and pads of one dim that hit corners of their operators' rules (harness/shapes): found by
// Z3 once a process, then looked up.
#ifndef MOIRE_FUZZERS_GENERATE_SOLVED_CORNERS_H_
#define MOIRE_FUZZERS_GENERATE_SOLVED_CORNERS_H_

#include <cstdint>
#include <string_view>

namespace moire {

struct SolvedSlice {
  int64_t start = 0;
  int64_t end = 0;
  int64_t step = 1;
};
struct SolvedPad {
  int64_t begin = 0;
  int64_t end = 0;
};

// `draw` picks among the corners that exist for a dim; null where none is kept (large dims).
const SolvedSlice* FindSolvedSlice(int64_t dim, uint64_t draw);
const SolvedPad* FindSolvedPad(int64_t dim, std::string_view mode, uint64_t draw);

}  // namespace moire

#endif  // MOIRE_FUZZERS_GENERATE_SOLVED_CORNERS_H_
