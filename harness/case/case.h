// Case: one test. An ONNX model, its inputs (tensors, and maps: NamedTensor::keys), the run
// options. It alone decides what happens.
#ifndef MOIRE_HARNESS_CASE_CASE_H_
#define MOIRE_HARNESS_CASE_CASE_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "harness/case/error.h"
#include "harness/case/tensor.h"

namespace moire {

// The inputs of one run.
using InputSet = std::vector<NamedTensor>;

struct RunOptions {
  int intra_op_threads = 0;  // 0: the configuration's own setting
  bool parallel_execution = false;
  std::vector<std::string> disabled_optimizers;
  // The runtime is given the model as a file, with initializers of at least so many bytes in
  // another file beside it (onnx_external.h); 0: from memory, everything inside.
  int64_t external_data_bytes = 0;
  // The model, loaded once, is run on the case's inputs and then on each of these, in order: the
  // shapes of dims that it declares by name may differ from run to run.
  std::vector<InputSet> more_runs;
  bool operator==(const RunOptions&) const = default;
};

struct Case {
  std::string model;  // serialised onnx.ModelProto, tensors inside; byte for byte what
                      // the runtime is given, but for RunOptions::external_data_bytes
  std::vector<NamedTensor> inputs;
  RunOptions options;
  bool operator==(const Case&) const = default;
};

// Limits checked before anything is allocated.
struct CaseLimits {
  size_t max_bytes = size_t{1} << 31;       // serialised case
  int64_t max_elements = int64_t{1} << 28;  // one tensor
  size_t max_runs = 16;                     // beside the first
};

// The case of one run alone (0: the first), its session made anew.
Case CaseOfRun(const Case& test_case, size_t run);

// Errors: kInvalidInput for bytes that are not a case, for sizes that disagree or pass the limits,
// for maps with a key twice.
Result<Case> ParseCase(std::string_view bytes, const CaseLimits& limits = {});
// Deterministic: equal cases give equal bytes.
std::string SerializeCase(const Case& test_case);

// Key of a case's content, stable across builds: 16 hex digits.
std::string CaseKey(std::string_view serialized);

// Whole files, with errors that name the path. WriteFile writes beside the target and renames, so a
// reader never sees half a file; a full disk is kEnvironment and leaves the old file in place.
Result<std::string> ReadFile(const std::string& path, size_t max_bytes = size_t{1} << 31);
Status WriteFile(const std::string& path, std::string_view bytes);

}  // namespace moire

#endif  // MOIRE_HARNESS_CASE_CASE_H_
