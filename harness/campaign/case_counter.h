// Counts of a campaign by operator and by element type: how many were generated, were valid, were
// executed, and how much of them the reference could not decide. Depends on the reference and on
// the generator's table of schemas.
#ifndef MOIRE_HARNESS_CAMPAIGN_CASE_COUNTER_H_
#define MOIRE_HARNESS_CAMPAIGN_CASE_COUNTER_H_

#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "fuzzers/generate/generate.h"
#include "harness/campaign/worker_stats.h"
#include "oracles/reference/range_tensor.h"

namespace moire {

// Domain and name of the operators that are counted; the index is that of WorkerStats::operators.
const std::vector<std::pair<std::string, std::string>>& CountedOperators();

// Takes one case after another: Begin, AddNode for what the reference evaluates, Finish.
class CaseCounter {
 public:
  void Begin();
  // The outputs of a node of the main graph.
  void AddNode(const Node& node, std::span<const RangeTensor> outputs);
  // `valid`: not malformed on purpose, and not rejected by the reference. `executed`: by the first
  // configuration; counted where the case is valid.
  void Finish(const GeneratedCase& made, bool valid, bool executed, WorkerStats& stats);

 private:
  struct Judged {
    size_t index;  // of the operator
    uint64_t elements;
    uint64_t undecidable;
  };
  void CountNodes(const Graph& graph, bool valid, bool executed, WorkerStats& stats);

  std::vector<Judged> nodes_;
  uint64_t types_ = 0;  // a bit for each element type that the case holds
};

}  // namespace moire

#endif  // MOIRE_HARNESS_CAMPAIGN_CASE_COUNTER_H_
