// The settings of an ONNX Runtime configuration, and the session options they stand for.
#ifndef MOIRE_HARNESS_BACKENDS_ORT_ORT_SETTINGS_H_
#define MOIRE_HARNESS_BACKENDS_ORT_ORT_SETTINGS_H_

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "harness/backends/ort/ort_library.h"
#include "harness/case/case.h"
#include "harness/case/error.h"

namespace moire {

struct OrtSettings {
  GraphOptimizationLevel level = ORT_ENABLE_ALL;
  int threads = 1;                    // of one operator; 1: no thread pool
  bool parallel = false;              // independent nodes at the same time
  std::vector<std::string> disabled;  // graph transformers that must not run
  bool log = false;             // collect the names of the transformers that modified the graph
  std::string optimized_model;  // file that the optimised model is written to
  bool denormals_zero = false;  // subnormals are flushed, in and out
  bool arena = false;           // the runtime's own memory arena and memory pattern
};

struct OrtLevel {
  std::string_view name;
  GraphOptimizationLevel level;
};
std::span<const OrtLevel> OrtLevels();  // none, basic, extended, all

// "level=none+all,threads=2": one entry for each level, in the order given; every level when none
// is.
Result<std::vector<OrtSettings>> ParseOrtSettings(std::string_view settings);
// The one way to write it: level first, then what differs from the default.
std::string ToString(const OrtSettings& settings);

struct OrtSettingRow {
  std::string_view key;
  std::string_view help;
};
std::vector<OrtSettingRow> OrtSettingRows();

// Session options of the settings for a case's run options. Everything that does not change results
// is chosen for speed on tiny models; see the comments there.
Result<OrtHandle<OrtSessionOptions>> MakeSessionOptions(const OrtLibrary& library,
                                                        const OrtSettings& settings,
                                                        const RunOptions& run);

}  // namespace moire

#endif  // MOIRE_HARNESS_BACKENDS_ORT_ORT_SETTINGS_H_
