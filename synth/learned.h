// The learned order: a region picker times a rule picker, both with feedback.
//
// Regions are sets of nodes. Of each node it is believed how likely it is to be needed, first from
// what earlier reductions taught about nodes like it (a node with bodies counts as its nodes do),
// then from what happened: a set S whose removal lost the failure raises each of its nodes by
// Bayes' rule to p / (1 - prod over S of (1 - p)). The value of a region is the number of nodes
// that its removal can be expected to take away: its size times prod over S of (1 - p), given that
// some node of the graph is needed; the best one is tried next. (Wang et al., "Probabilistic Delta
// Debugging", ESEC/FSE 2021, does so for lists.) There are two beliefs for each node, as one
// between two causes can be bypassed and not deleted; what one kind of removal shows counts in part
// for the other. Neighbours of a node that is needed are likely to be needed, too.
//
// The way of removal (bypass, values as inputs, as constants) is the one with the most value; the
// passes that follow are picked by Thompson sampling over how often their edits were kept. In the
// end every pass has run without an edit being kept, as in the fixed order, and the list of single
// edits, so that the result is 1-minimal as well.
#ifndef MOIRE_SYNTH_LEARNED_H_
#define MOIRE_SYNTH_LEARNED_H_

#include <vector>

#include "synth/search.h"

namespace moire {

// Reduces what `search` holds; whether the list of single edits was walked to its end.
bool RunLearned(Search& search, const std::vector<const ReductionPass*>& passes,
                const ReduceOptions& options);

}  // namespace moire

#endif  // MOIRE_SYNTH_LEARNED_H_
