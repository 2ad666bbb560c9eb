// The shapes of a graph as constraints over the sizes of its sources, by the operators' rules
// (harness/shapes). Internal to shape_repair.cc.
#ifndef MOIRE_SYNTH_SHAPE_CONSTRAINTS_H_
#define MOIRE_SYNTH_SHAPE_CONSTRAINTS_H_

#include <map>
#include <set>
#include <string>
#include <vector>

#include "harness/shapes/node_terms.h"
#include "harness/smt/term.h"
#include "synth/edit.h"
#include "synth/minimality.h"

namespace moire {

// A size that the solver may choose.
struct SizeVariable {
  SizeSite site;     // in the sketch
  int64_t now = 0;   // what the sketch has there
  int64_t old = 0;   // what it was before the edit; `now` where that is not known
  bool set = false;  // the edit gave it its size
  smt::Term term;
};

class ShapeConstraints {
 public:
  // See ShapeRepair::Repair.
  ShapeConstraints(const Sketch& sketch, const Sketch& before, const KnownValues& values);

  // False: a shape is not known, and there is nothing to say.
  bool Build();
  const std::vector<SizeVariable>& variables() const { return variables_; }
  // What the nodes tie together; its first variables are variables().
  const smt::Problem& problem() const { return problem_; }

 private:
  void AddSources();
  void AddElements(size_t tensor, const std::string& name, const Tensor& now, const Tensor* old);
  bool NamesSizes(const std::string& name) const;

  bool Modelled(const Node& node);
  bool Freeze(const Node& node);

  smt::Problem problem_;
  Sketch sketch_;
  const Sketch& before_;
  const KnownValues& values_;
  int64_t largest_ = 1;  // of all sizes
  std::vector<SizeVariable> variables_;
  std::map<std::string, shapes::TermList, std::less<>> dims_;
  std::map<std::string, shapes::TermList, std::less<>> elements_;
};

}  // namespace moire

#endif  // MOIRE_SYNTH_SHAPE_CONSTRAINTS_H_
