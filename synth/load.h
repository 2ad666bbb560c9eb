// Reads whatever a user may point at as cases: bundles, ONNX backend-test directories, .onnx files,
// .case files, and directories of these.
#ifndef MOIRE_SYNTH_LOAD_H_
#define MOIRE_SYNTH_LOAD_H_

#include <string>
#include <vector>

#include "harness/case/case.h"
#include "harness/case/model.h"

namespace moire {

struct LoadOptions {
  uint64_t seed = 0;                        // for inputs that are not given
  int64_t max_elements = int64_t{1} << 24;  // of one generated input
};

struct LoadedCase {
  std::string name;       // path, with the data set where there are several
  std::string directory;  // of a bundle or backend test; empty otherwise
  Case test_case;
  bool generated_inputs = false;
};

// A file gives one case; a directory with model.onnx one for each test_data_set_N (or one with
// generated inputs); any other directory those of everything inside it, in the order of the names.
// A case never comes out with an input that the model does not name. Errors name the path:
// kNotFound, kInvalidInput (not a model, truncated, sizes that disagree), kUnsupported (inputs that
// are no tensors).
Result<std::vector<LoadedCase>> LoadCases(const std::string& path, const LoadOptions& options = {});

// Tensors for every graph input that is not an initializer, by its declared type: a symbolic dim is
// the same small number everywhere, an unknown one 1 to 4. Deterministic in the seed.
Result<std::vector<NamedTensor>> GenerateInputs(const Model& model, const LoadOptions& options);

}  // namespace moire

#endif  // MOIRE_SYNTH_LOAD_H_
