// How much of a released library a set of models reaches: `moire cover`. Runs every model at every
// configuration under breakpoints, in children with deadlines: a model that kills or hangs the
// runtime costs itself and a restart. Depends on feedback, backends and execute.
#ifndef MOIRE_FUZZERS_BENCH_COVER_H_
#define MOIRE_FUZZERS_BENCH_COVER_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "harness/case/case.h"
#include "harness/execute/watched.h"

namespace moire {

struct CoverOptions {
  // All of one library, that of the first.
  std::vector<std::string> specs = {"ort:level=none", "ort:level=all"};
  ChildLimits limits = {.cpu_seconds = 30, .wall_seconds = 24 * 3600.0};
  // Called in the child, before a model: how many are done, of how many.
  std::function<void(size_t done, size_t total)> progress;
};

struct CoverReport {
  std::string library;
  uint64_t blocks_total = 0;
  uint64_t blocks_base = 0;      // after one Identity model at every configuration
  uint64_t blocks_reached = 0;   // base included
  uint64_t blocks_accepted = 0;  // of them, those that models reached which ran; base included
  uint64_t models = 0;
  uint64_t accepted = 0;          // gave outputs at the first configuration
  uint64_t unreadable = 0;        // could not be loaded as a case
  std::vector<std::string> died;  // crashed, hung or ran out of memory
  double seconds = 0;
};

// The models of a directory tree, or one model: directories in the ONNX backend-test layout
// (holding model.onnx), .onnx files, and any other file (a serialised case). Sorted by path.
// kNotFound where there is no such path, kInvalidInput where it holds nothing.
Result<std::vector<std::string>> FindModels(const std::string& path);

// `load` turns one of `paths` into a case; it runs in the child. Errors: those of opening the
// backend, kNotFound and kInvalidInput; that of the first model where none can be loaded;
// kEnvironment where no child can be made.
Result<CoverReport> Cover(const std::vector<std::string>& paths,
                          const std::function<Result<Case>(const std::string& path)>& load,
                          const CoverOptions& options = {});

std::string ToJson(const CoverReport& report);

}  // namespace moire

#endif  // MOIRE_FUZZERS_BENCH_COVER_H_
