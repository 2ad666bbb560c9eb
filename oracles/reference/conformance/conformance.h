// Conformance: the reference against cases with known results, in the ONNX backend-test layout
// (CASE/model.onnx, CASE/test_data_set_N/input_K.pb and output_K.pb). A case passes when every
// expected element is legal by the reference. Some official cases carry expected values that were
// not computed in the declared types; those named in a table are compared with the tolerance of
// ONNX's own runner (rtol 1e-3, atol 1e-7) instead, each with its reason. Depends on harness/case
// and the reference alone.
#ifndef MOIRE_ORACLES_REFERENCE_CONFORMANCE_CONFORMANCE_H_
#define MOIRE_ORACLES_REFERENCE_CONFORMANCE_CONFORMANCE_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "harness/case/value.h"
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

// A case whose expected values are less exact than its declared types.
struct InexactCase {
  std::string_view name;
  std::string_view reason;
};
std::span<const InexactCase> InexactCases();

struct ConformanceOptions {
  ReferenceOptions reference;
  std::string filter;  // only cases whose name contains it
};

// The values of one test_data_set_N.
struct DataSet {
  std::vector<NamedTensor> inputs;
  std::vector<NamedOnnxValue> values;                  // inputs that are no dense tensors
  std::vector<std::pair<size_t, OnnxValue>> expected;  // index of the output
};
Result<DataSet> ReadDataSet(const std::string& directory, const Graph& graph);

// Case directories below `directory` (or it alone) whose names contain `filter`, sorted; and the
// data sets of one. kNotFound when there is no case.
Result<std::vector<std::string>> FindCases(const std::string& directory, const std::string& filter);
std::vector<std::string> FindDataSets(const std::string& directory);

// Outcomes of several data sets or outputs: the worst one counts.
void Worsen(CaseReport& report, CaseOutcome outcome, std::string reason);
void Count(ConformanceReport& report, CaseReport one);

// |actual - expected| <= 1e-7 + 1e-3 |expected|: the tolerance of onnx.backend.test.
bool WithinTolerance(double actual, double expected);

// One case directory. Errors inside it are the case's outcome, not the function's.
CaseReport RunConformanceCase(const std::string& directory, const ConformanceOptions& options = {});

// Every case directory directly below `directory`, or that one case. kNotFound when there is none.
Result<ConformanceReport> RunConformance(const std::string& directory,
                                         const ConformanceOptions& options = {});

}  // namespace moire

#endif  // MOIRE_ORACLES_REFERENCE_CONFORMANCE_CONFORMANCE_H_
