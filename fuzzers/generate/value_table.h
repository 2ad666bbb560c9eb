// What the value search does to a stream of cases: how many graphs have finite, decidable outputs
// with it and without, what it costs, and whether it changes which operators are generated.
#ifndef MOIRE_FUZZERS_GENERATE_VALUE_TABLE_H_
#define MOIRE_FUZZERS_GENERATE_VALUE_TABLE_H_

#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "fuzzers/generate/generate.h"

namespace moire {

// One stream: a graph built anew, then seven mutants in a row, and again.
struct ValueRow {
  int nodes = 0;
  bool search = false;
  size_t cases = 0;      // well-formed
  size_t wild = 0;       // of them: NaN, infinities or extremes among the sources; never searched
  size_t graphs = 0;     // the others that have an output of floats
  size_t finite = 0;     // of them: every output element finite
  size_t decidable = 0;  // nine of ten output elements decidable
  size_t good = 0;       // both
  double reference_us = 0;  // CPU time a case: the one evaluation that every case gets anyway
  double search_us = 0;     // CPU time a case: what the search takes beyond it
  std::map<std::string, size_t> operators;
};

// `settings` but for the number of nodes.
ValueRow MeasureValues(GeneratorSettings settings, int nodes, int cases, uint64_t seed,
                       bool search);

// The operator whose share of the nodes fell most from rows without the search to rows with it,
// among those with so many nodes that chance alone moves them less than that: 1 - share with /
// share without.
struct LargestFall {
  std::string name;
  double fall = 0;
  size_t operators = 0;  // compared
};
LargestFall CompareOperators(std::span<const ValueRow> rows);

std::string ToText(std::span<const ValueRow> rows);
std::string ToJson(std::span<const ValueRow> rows);

}  // namespace moire

#endif  // MOIRE_FUZZERS_GENERATE_VALUE_TABLE_H_
