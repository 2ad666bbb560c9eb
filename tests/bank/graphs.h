// The bank: failing graphs whose smallest form is known, and how reduction does on each.
#ifndef MOIRE_TESTS_BANK_GRAPHS_H_
#define MOIRE_TESTS_BANK_GRAPHS_H_

#include <string>
#include <vector>

#include "synth/reduce.h"
#include "tests/bank/planted_runtime.h"

namespace moire::bank {

struct FailingGraph {
  std::string name;  // "chain/300"
  std::string
      kind;  // "one", "branches", "chain", "if", "loop", "value", "shape", "fusion", "crash", ...
  Plant plant;
  Case test_case;
  int64_t smallest = 1;  // nodes of the smallest case, bodies included
};
// The same for the same seed.
std::vector<FailingGraph> Bank(uint64_t seed = 1);

// What one way of reducing did.
struct Reduction {
  int64_t nodes = 0;
  int64_t bytes = 0;
  int checks = 0;
  double seconds = 0;
  bool minimal = false;
  // (checks so far, nodes) at each case that was kept.
  std::vector<std::pair<int, int64_t>> history;
  // Checks until the case had at most this many nodes; -1: never.
  int ChecksTo(int64_t wanted) const;
};

struct GraphReport {
  std::string name, kind;
  int64_t nodes = 0, bytes = 0, smallest = 0;
  Reduction ours;         // as `moire reduce` does it
  Reduction chunks, cut;  // baselines: deletion of runs alone; at the first tensor that fails
  // Where orders are compared: each from no experience, and the learned one after the graphs
  // before.
  Reduction fixed, learned, experienced;
  bool verified = false;    // 1-minimal for the independent check
  std::string still_fails;  // the edit that shows that it is not
  std::string error;
};
struct MeasureOptions {
  double seconds = 60;  // for each reduction
  int jobs = 1;
  bool orders = false;     // compare the orders of edits, too
  std::string experience;  // file of the learned order, for `experienced`
};
GraphReport MeasureGraph(const FailingGraph& graph, const MeasureOptions& options);

}  // namespace moire::bank

#endif  // MOIRE_TESTS_BANK_GRAPHS_H_
