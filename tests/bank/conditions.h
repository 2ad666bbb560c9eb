// Planted faults with known conditions, and how right `explain` is about each.
#ifndef MOIRE_TESTS_BANK_CONDITIONS_H_
#define MOIRE_TESTS_BANK_CONDITIONS_H_

#include <string>
#include <vector>

#include "tests/bank/planted_runtime.h"

namespace moire::bank {

struct Condition {
  Plant plant;
  std::string truth;  // in words, for the table
  std::string model;  // ONNX text of a case that fails
  // Values of inputs by name; others are generated.
  std::vector<std::pair<std::string, std::vector<double>>> values;
  int threads = 0;
};
const std::vector<Condition>& Conditions();
Case ToCase(const Condition& condition);

struct ExplainReport {
  std::string name;
  std::string truth;
  std::string predicate;
  std::string error;  // why there is no predicate
  int fresh = 0;      // neighbours that could be judged, of another seed than the predicate's
  int right = 0;
  int failing = 0;  // of them
  double seconds = 0;
};
// Explains and counts how often the predicate is right on `fresh` neighbours that can be judged.
ExplainReport MeasureExplain(const Condition& condition, int fresh);

}  // namespace moire::bank

#endif  // MOIRE_TESTS_BANK_CONDITIONS_H_
