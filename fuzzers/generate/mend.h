// What became of mutants whose shapes broke, and what it cost (GraphBuilder::Mend). Of this thread.
#ifndef MOIRE_FUZZERS_GENERATE_MEND_H_
#define MOIRE_FUZZERS_GENERATE_MEND_H_

#include <cstdint>

#include "harness/shapes/node_solver.h"

namespace moire {

struct MendCounts {
  shapes::SolverCounts solver;
  uint64_t mutants = 0;   // made by editing or splicing
  uint64_t broken = 0;    // of those: an edit left a node that broke its operator's rules
  uint64_t repaired = 0;  // of those: no node was lost, the solver made every one fit
  uint64_t nodes_mended = 0;
  uint64_t nodes_lost = 0;  // cut out, new inputs in the place of their outputs

  void Add(const MendCounts& other);
};

// What was counted since the last call.
MendCounts TakeMendCounts();
// Counts a mutant with so many nodes mended and lost.
void CountMutant(uint64_t mended, uint64_t lost);

}  // namespace moire

#endif  // MOIRE_FUZZERS_GENERATE_MEND_H_
