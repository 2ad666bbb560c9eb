// The shapes of a graph as constraints over the sizes of its sources. Internal to shape_repair.cc.
#ifndef MOIRE_SYNTH_SHAPE_CONSTRAINTS_H_
#define MOIRE_SYNTH_SHAPE_CONSTRAINTS_H_

#include <map>
#include <set>
#include <string>
#include <vector>

#include "harness/smt/solver.h"
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
  // See ShapeRepair::Repair. Clears the solver and requires there what the nodes tie together.
  ShapeConstraints(smt::Solver& solver, const Sketch& sketch, const Sketch& before,
                   const KnownValues& values);

  // False: a shape is not known, and there is nothing to say.
  bool Build();
  const std::vector<SizeVariable>& variables() const { return variables_; }

 private:
  using Dims = std::vector<smt::Term>;
  using Rule = bool (ShapeConstraints::*)(const Node&);

  static const std::map<std::string_view, Rule>& Rules();
  void AddSources();
  void AddElements(size_t tensor, const std::string& name, const Tensor& now, const Tensor* old);
  bool NamesSizes(const std::string& name) const;

  // The dims of an input or output; null where there is none or its rank is not known.
  const Dims* In(const Node& node, size_t k) const;
  // The elements of an integer input, as far as they can be told: null otherwise.
  const Dims* Elements(const Node& node, size_t k) const;
  std::optional<Ints> Numbers(const Node& node, std::string_view attribute, size_t input) const;
  void Out(const Node& node, size_t k, Dims dims);
  smt::Term Fresh();
  Dims Broadcast(const Dims& a, const Dims& b);
  smt::Term Product(const Dims& dims, size_t from, size_t to) const;
  bool Window(const Node& node, const Dims& x, const Dims& kernel, Dims& out);

  bool Freeze(const Node& node);
  bool Same(const Node& node);
  bool Elementwise(const Node& node);
  bool MatMul(const Node& node);
  bool Gemm(const Node& node);
  bool Concat(const Node& node);
  bool Transpose(const Node& node);
  bool Reshape(const Node& node);
  bool Flatten(const Node& node);
  bool Squeeze(const Node& node);
  bool Unsqueeze(const Node& node);
  bool Reduce(const Node& node);
  bool Conv(const Node& node);
  bool Pool(const Node& node);
  bool GlobalPool(const Node& node);
  bool BatchNormalization(const Node& node);
  bool LayerNormalization(const Node& node);
  bool Expand(const Node& node);

  smt::Solver& solver_;
  Sketch sketch_;
  const Sketch& before_;
  const KnownValues& values_;
  int64_t largest_ = 1;  // of all sizes
  std::vector<SizeVariable> variables_;
  std::map<std::string, Dims, std::less<>> dims_;
  std::map<std::string, Dims, std::less<>> elements_;
};

}  // namespace moire

#endif  // MOIRE_SYNTH_SHAPE_CONSTRAINTS_H_
