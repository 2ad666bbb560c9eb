// The parts of a failing case that fail by themselves: single nodes, or a node with a few of those
// that make its inputs, cut out with the values that the reference computed. What is behind a
// sighting is known from its part before anything is reduced, and a part is quickly reduced.
#ifndef MOIRE_HARNESS_CAMPAIGN_PARTS_H_
#define MOIRE_HARNESS_CAMPAIGN_PARTS_H_

#include <string>
#include <vector>

#include "harness/execute/child.h"
#include "oracles/verdict.h"

namespace moire {

struct FailingPart {
  Case test_case;
  Verdict verdict;  // of the same symptom as the whole case's
  // Symptom, operators, element types and attribute classes of the part: the cause key of the part
  // as it is, without a blamed optimiser.
  std::string key;
};

// In the order of evaluation; empty where only more of the graph fails, or where it has one node.
// Runs in a child; what kills that child ends the search.
std::vector<FailingPart> FailingParts(const Case& test_case, const Verdict& wanted,
                                      const OpenAll& open, const ChildOptions& options);

}  // namespace moire

#endif  // MOIRE_HARNESS_CAMPAIGN_PARTS_H_
