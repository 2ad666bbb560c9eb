// ValueSearch: gives a graph inputs that keep its outputs finite and decidable. Nothing but the
// numbers in graph inputs, initializers and Constants changes: operators, types and shapes stay.
//
// The reference is evaluated on the graph and shows where results stop being finite or decidable;
// a table says what those operators need of their inputs; what they need goes backwards to the
// sources (pull.h); the sources are changed together and the graph is evaluated again. Where
// nothing is known, sources are scaled, shifted or drawn anew. What makes it no worse is kept.
//
// Deterministic: a function of the case, the random source and the cases that it was given before
// (the cache; with cache_size 0 of the case and the random source alone).
#ifndef MOIRE_FUZZERS_VALUES_VALUE_SEARCH_H_
#define MOIRE_FUZZERS_VALUES_VALUE_SEARCH_H_

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "fuzzers/generate/generate.h"
#include "fuzzers/values/assessment.h"

namespace moire {

struct ValueSearchOptions {
  int evaluations = 16;       // of a graph at most
  size_t cache_size = 4096;  // graphs that are remembered
};

class ValueSearch {
 public:
  explicit ValueSearch(ValueSearchOptions options = {}) : options_(options) {}

  // Whether the search may change a case: it was not malformed on purpose, and its sources hold no
  // NaN, infinities or extremes (those are there for what they do).
  static bool Applies(const GeneratedCase& made);

  // For a case whose outputs are not good. Whether it changed the sources; they are as they were
  // otherwise. `good` says whether the outputs are good now.
  struct Outcome {
    bool changed = false;
    bool good = false;
  };
  Outcome Improve(GeneratedCase& made, Random& random);

  struct Counts {
    uint64_t searched = 0;
    uint64_t found = 0;
    uint64_t from_cache = 0;  // of those found: by what had helped the same graph before
    uint64_t given_up = 0;    // at once, since the same graph was searched in vain
    uint64_t evaluations = 0;
  };
  const Counts& counts() const { return counts_; }
  // Forgets the graphs that it has seen.
  void Clear();

 private:
  // What is known of a graph: the sources that made it good, or null where nothing did. Shared by
  // copies of the search.
  using Sources = std::vector<std::pair<std::string, Tensor>>;
  using Known = std::shared_ptr<const Sources>;
  const Known* Find(uint64_t hash);
  void Remember(uint64_t hash, Known known);

  ValueSearchOptions options_;
  Counts counts_;
  // Two generations: the older goes when the younger has half of the size.
  std::unordered_map<uint64_t, Known> young_;
  std::unordered_map<uint64_t, Known> old_;
};

}  // namespace moire

#endif  // MOIRE_FUZZERS_VALUES_VALUE_SEARCH_H_
