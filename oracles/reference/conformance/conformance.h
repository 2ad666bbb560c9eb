// Conformance: the reference against cases with known results, in the ONNX backend-test layout
// (CASE/model.onnx, CASE/test_data_set_N/input_K.pb and output_K.pb). A case passes when every
// expected element is legal by the reference. Depends on harness/case and the reference alone.
#ifndef MOIRE_ORACLES_REFERENCE_CONFORMANCE_CONFORMANCE_H_
#define MOIRE_ORACLES_REFERENCE_CONFORMANCE_CONFORMANCE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "oracles/reference/reference.h"

namespace moire {

enum class CaseOutcome {
  kPassed,          // every expected element is legal, and at least one is decided
  kUndetermined,    // nothing of it is decided: over budget, or marked throughout
  kNotImplemented,  // an operator, type or kind of value the reference does not handle
  kFailed,
};

struct CaseReport {
  std::string name;
  CaseOutcome outcome = CaseOutcome::kFailed;
  std::string reason;    // one line; empty when passed
  int64_t elements = 0;  // of expected outputs that were compared
  int64_t decided = 0;
};

struct ConformanceReport {
  int64_t passed = 0;
  int64_t undetermined = 0;
  int64_t not_implemented = 0;
  int64_t failed = 0;
  int64_t elements = 0;
  int64_t decided = 0;
  std::vector<CaseReport> cases;  // by name
};

struct ConformanceOptions {
  ReferenceOptions reference;
  std::string filter;  // only cases whose name contains it
  // The official cases carry expected values that NumPy computed in the declared type, or in
  // formulas of their own, and are meant to be compared with rtol 1e-3 (and an atol of 1e-7, from
  // onnx.backend.test): an expected float outside its legal range is let pass when it lies within
  // this share of the runner's tolerance. 0: legal or failed.
  double slack = 0;
};

// One case directory. Errors inside it are the case's outcome, not the function's.
CaseReport RunConformanceCase(const std::string& directory, const ConformanceOptions& options = {});

// Every case directory directly below `directory`, or that one case. kNotFound when there is none.
Result<ConformanceReport> RunConformance(const std::string& directory,
                                         const ConformanceOptions& options = {});

}  // namespace moire

#endif  // MOIRE_ORACLES_REFERENCE_CONFORMANCE_CONFORMANCE_H_
