// How often `CompareFindings` tells two sightings of one planted fault to be one bug, and that it
// never does of two faults in one operator.
#ifndef MOIRE_TESTS_BANK_SAME_BUGS_H_
#define MOIRE_TESTS_BANK_SAME_BUGS_H_

#include <string>

namespace moire::bank {

struct SameBugsReport {
  int of_one = 0;     // pairs of sightings of one fault
  int told_same = 0;  // of them
  int of_two = 0;     // pairs of sightings of two faults in one operator of one runtime
  std::string
      mistaken;  // of them, "softmax_axis and softmax_first: values do not matter"; empty: none
  double seconds = 0;
};
// `each` sightings of every fault of conditions.h whose name holds `only`.
SameBugsReport MeasureSameBugs(int each, const std::string& only);

}  // namespace moire::bank

#endif  // MOIRE_TESTS_BANK_SAME_BUGS_H_
