// The minimality list as code. A case is 1-minimal where none of these single edits, each followed
// by repair, still fails:
//   - delete one node, in the main graph or in a body (what it made becomes an input or a
//     constant with the value that it had), or bypass it (its readers read one of its inputs);
//   - delete one output of the graph;
//   - remove one attribute, which sets it to its default where it has one;
//   - set one dim variable, which is every dim that has to change with it, to 0, 1, half, or one
//   less.
// An edit counts only where it leaves a smaller case (edit.h, Size) that is no larger than twice
// the original, which is what reduction may go through. The reducer's last pass walks this list,
// and so does the independent check.
#ifndef MOIRE_SYNTH_MINIMALITY_H_
#define MOIRE_SYNTH_MINIMALITY_H_

#include <functional>
#include <string>

#include "synth/edit.h"

namespace moire {

// Called with each edit: what it does, and the edited sketch, not repaired. False ends the walk.
using SingleEditVisitor = std::function<bool(const std::string& what, Sketch edited)>;
// False where the visitor ended it.
bool ForEachSingleEdit(const Sketch& sketch, const SingleEditVisitor& visit);

// A dim of an input or initializer, or an element of a small integer tensor or attribute list that
// names a size and has to change with the dims.
struct SizeSite {
  enum class Kind { kDim, kElement, kAttribute } kind = Kind::kDim;
  size_t tensor = 0;  // of Tensors(sketch), or index of the node
  size_t index = 0;   // axis, flat element, or element of the attribute's list
  std::string attribute;
  auto operator<=>(const SizeSite&) const = default;
};
// A dim variable: its size and everything that has to change with it.
struct DimVariable {
  int64_t size = 0;
  std::vector<SizeSite> sites;
};
// Every dim of an input or initializer is in exactly one; found by trying which sites of equal size
// the reference lets change without each other.
std::vector<DimVariable> FindDimVariables(const Sketch& sketch);
// Every dim, element of a shape-like tensor and attribute that is `size`; types by number are not.
std::vector<SizeSite> SitesOf(Sketch& sketch, int64_t size);
// int64 of rank 0 or 1 with at most 16 elements: it may hold sizes.
bool IsShapeLike(const Tensor& tensor);
// False where a site cannot take the size.
bool SetDimVariable(Sketch& sketch, const DimVariable& variable, int64_t size);

struct MinimalityReport {
  bool minimal = false;
  std::string still_fails;  // the edit that does
  int edits = 0;            // that were valid and tried
};
// The independent check of a result. `limits` is the original case.
MinimalityReport CheckMinimal(const Case& result, const Case& original,
                              const Interesting& interesting);

}  // namespace moire

#endif  // MOIRE_SYNTH_MINIMALITY_H_
