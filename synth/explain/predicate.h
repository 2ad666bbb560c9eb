// Predicates over features, and the smallest one that separates failing cases from passing ones.
#ifndef MOIRE_SYNTH_EXPLAIN_PREDICATE_H_
#define MOIRE_SYNTH_EXPLAIN_PREDICATE_H_

#include <vector>

#include "synth/explain/features.h"

namespace moire {

struct Atom {
  enum class Relation { kIs, kIsNot, kAtLeast, kAtMost, kMultiple, kNotMultiple };
  std::string feature;
  Relation relation = Relation::kIs;
  Feature value;
  double cost = 1;
  // False on a case that does not have the feature.
  bool Holds(const Features& features) const;
  std::string ToString() const;
};
// One of the atoms holds.
struct Clause {
  std::vector<Atom> any;
  double cost() const;
  bool Holds(const Features& features) const;
  std::string ToString() const;
};
// Every clause holds; with none: always.
struct Predicate {
  std::vector<Clause> all;
  double cost() const;
  bool Holds(const Features& features) const;
  // "Softmax.axis != -1 and level >= extended"
  std::string ToString() const;
};

struct Sample {
  Features features;
  bool fails = false;
};
// The cheapest conjunction of clauses that is true of every failing sample and of no passing one;
// where there is none, the one with the fewest passing samples left.
Predicate Separate(const std::vector<Sample>& samples);
// Without the clauses that are worth little: those that can go while at most this share of the
// samples is told wrong.
Predicate Prune(Predicate predicate, const std::vector<Sample>& samples, double share);

}  // namespace moire

#endif  // MOIRE_SYNTH_EXPLAIN_PREDICATE_H_
