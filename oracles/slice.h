// What an output of a model is computed from, as far as comparing two configurations without a
// reference needs it. Depends on the model alone.
#ifndef MOIRE_ORACLES_SLICE_H_
#define MOIRE_ORACLES_SLICE_H_

#include <string_view>

#include "harness/case/model.h"

namespace moire {

struct SliceKind {
  // No float value takes part: every correct configuration gives the same bits.
  bool exact = true;
  // Only operators that move elements or change each one by a well-conditioned formula: two correct
  // configurations differ in the last bits of an element, never more.
  bool well_conditioned = true;
  // The shape does not depend on float values.
  bool shape_certain = true;
};

// Of the graph output (or value) `name`. Where the model holds subgraphs or random operators
// nothing is certain.
SliceKind DescribeSlice(const Model& model, std::string_view name);

}  // namespace moire

#endif  // MOIRE_ORACLES_SLICE_H_
