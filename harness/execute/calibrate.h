// Where a backend leaves the accuracy table: dense sweeps of every elementary function over every
// float type. Only reports; the table is never written, or a backend would certify its own bugs.
#ifndef MOIRE_HARNESS_EXECUTE_CALIBRATE_H_
#define MOIRE_HARNESS_EXECUTE_CALIBRATE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "harness/case/data_type.h"
#include "harness/execute/child.h"

namespace moire {

// One function in one type.
struct Calibration {
  std::string function;
  DataType type = DataType::kUndefined;
  std::string problem;      // empty, or why nothing was compared
  int64_t elements = 0;     // swept
  int64_t decided = 0;      // of them compared
  int64_t outside = 0;      // of them outside the range that the table allows
  double largest_ulps = 0;  // |y - f(x)| in ulps of f(x), the largest of all compared
  double at = 0;            // the argument of the largest
  // The first element outside.
  double x = 0, second = 0, actual = 0, low = 0, high = 0;
};

struct CalibrateOptions {
  std::string filter;        // only functions whose name contains it
  int64_t points = 1 << 17;  // of types with more values than that; all values of the others
};

// The first configuration of `open` runs. Errors: those of `open`.
Result<std::vector<Calibration>> Calibrate(const OpenAll& open, const CalibrateOptions& options);

}  // namespace moire

#endif  // MOIRE_HARNESS_EXECUTE_CALIBRATE_H_
