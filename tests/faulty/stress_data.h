// Data on which sums are hard: lines of numbers that cancel, repeat, vary slowly, or differ widely
// in size.
#ifndef MOIRE_TESTS_FAULTY_STRESS_DATA_H_
#define MOIRE_TESTS_FAULTY_STRESS_DATA_H_

#include <span>
#include <string_view>
#include <vector>

#include "harness/case/random.h"

namespace moire::faulty {

struct DataKind {
  std::string_view name;
  std::vector<double> (*line)(Random& random, size_t n);  // sizes about 1
};
std::span<const DataKind> DataKinds();

}  // namespace moire::faulty

#endif  // MOIRE_TESTS_FAULTY_STRESS_DATA_H_
