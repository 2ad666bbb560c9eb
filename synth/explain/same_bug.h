// Whether two reduced findings are one bug seen twice. They are where they have the same nodes,
// where one becomes the other step by step (a node's attributes, the opset, the data) and every
// case on the way fails, and where nothing in which they differ matters to the failure: other
// values of an attribute fail as well, and so do other dims and other values of a tensor. That only
// the two at hand fail says nothing: two bugs of one operator would look like that.
#ifndef MOIRE_SYNTH_EXPLAIN_SAME_BUG_H_
#define MOIRE_SYNTH_EXPLAIN_SAME_BUG_H_

#include <optional>
#include <string>
#include <utility>

#include "harness/execute/child.h"
#include "synth/edit.h"
#include "synth/finding.h"

namespace moire {

// Both cases with the nodes of the first and its names, so that they differ in what nodes and
// sources hold alone; nothing where the graphs differ. Operands of commutative operators may have
// changed places. Where one case reads a source several times and the other does not, each read
// gets a source of its own in both.
std::optional<std::pair<Sketch, Sketch>> Align(const Sketch& first, const Sketch& second);

struct SameBug {
  bool same = false;
  std::string reason;  // "Conv.strides, dims, values do not matter"
};

// `open` opens the configurations that failed, others too. Differences from the reference, refusals
// and deaths are compared; differences between levels alone are not. Everything runs in children,
// for at most `seconds`. What cannot be told is not the same.
Result<SameBug> CompareFindings(const Finding& first, const Finding& second, const OpenAll& open,
                                const ChildOptions& options, double seconds);

}  // namespace moire

#endif  // MOIRE_SYNTH_EXPLAIN_SAME_BUG_H_
