// The cases of a directory in the backend-test layout on a backend: what `moire conformance
// --backend` runs. Children run the cases, one after the other; one that dies takes its case with
// it, and the next goes on behind it.
#ifndef MOIRE_HARNESS_EXECUTE_SUITE_H_
#define MOIRE_HARNESS_EXECUTE_SUITE_H_

#include <string>

#include "harness/execute/child.h"
#include "oracles/reference/conformance/conformance.h"

namespace moire {

// A case passes when every configuration gives every expected output within the tolerance of
// onnx.backend.test. What does not is failed; the reason goes on with what the reference says of
// it. Not implemented: the backend says so, or the case has values that are no dense tensors.
// Elements that the reference marks are not compared; a case without any other is undetermined.
// Errors: those of FindCases and of `open`.
Result<ConformanceReport> RunSuite(const std::string& directory, const OpenAll& open,
                                   const ConformanceOptions& options = {});

}  // namespace moire

#endif  // MOIRE_HARNESS_EXECUTE_SUITE_H_
