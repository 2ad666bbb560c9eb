// What runs a model. A Backend is a runtime at a version; a Configuration is a backend with
// settings. What is compared is configurations.
//
// Contract of Configuration::Run: runs the whole case (load, then bind, run, fetch for each of its
// runs) and says what
// happened; never throws; leaves nothing behind that changes a later run; deterministic as far as
// the runtime is. It may crash or hang the process: whoever calls it runs in a child or has
// announced the stage to a supervisor. Not thread safe. A backend never knows an oracle.
#ifndef MOIRE_HARNESS_BACKENDS_BACKEND_H_
#define MOIRE_HARNESS_BACKENDS_BACKEND_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "harness/case/case.h"
#include "harness/case/error.h"

namespace moire {

enum class Outcome {
  kOutputs,      // ran; outputs are there
  kRejected,     // refused the model or its inputs; reason says why
  kUnsupported,  // "not implemented" for this combination of operator, type, attributes
  kCrashed,      // died of a signal (set by whoever watched the child)
  kTimedOut,
  kOutOfMemory,
};
std::string_view Name(Outcome outcome);

struct Observation {
  std::string configuration;  // Configuration::name()
  Outcome outcome = Outcome::kOutputs;
  std::vector<NamedTensor> outputs;  // in graph order; type kUndefined: not a dense tensor
  std::string stage;    // "load" (session creation) or "run", where it did not end with outputs
  std::string reason;   // the runtime's own message, first line
  int signal = 0;       // kCrashed
  std::vector<std::string> frames;  // kCrashed: "module+0xoffset", innermost first, inside the runtime
  double cpu_seconds = 0;
  uint64_t peak_bytes = 0;  // above the level before the run; 0 when not measured
  // What the further runs of the case (RunOptions::more_runs) showed, in order; empty where the
  // first did not come to a session, or the backend runs a case once.
  std::vector<Observation> later;
};

class Configuration {
 public:
  virtual ~Configuration() = default;
  // Stable and complete, and accepted by OpenConfigurations: "ort@1.32.0:level=all".
  virtual const std::string& name() const = 0;
  virtual Observation Run(const Case& test_case) = 0;
  // Names of the graph transformers that modified the graph in the last Run, when asked for with
  // the setting log=1; empty otherwise.
  virtual std::vector<std::string> AppliedOptimizers() const { return {}; }
  // Names of all that went over the graph, in order, whether they modified it or not.
  virtual std::vector<std::string> RunOptimizers() const { return {}; }
};

struct BackendInfo {
  std::string name;      // "ort"
  std::string version;   // "1.32.0"
  std::string path;      // of the library
  bool installed = false;
  std::string note;
};

// One row of the registry: a backend adds itself by one line in registry.cc.
struct BackendEntry {
  std::string_view name;
  std::string_view help;
  // target: "", a version ("1.27.0") or a path; settings: "level=all,threads=2". Empty settings
  // open every level ("none", "basic", "extended", "all").
  Result<std::vector<std::unique_ptr<Configuration>>> (*open)(std::string_view target,
                                                              std::string_view settings);
  std::vector<BackendInfo> (*list)();
  Status (*install)(std::string_view version);
  // The file that lists the operators which the backend defines itself; null where there are none.
  Result<std::string> (*schemas)(std::string_view target) = nullptr;
};
const std::vector<BackendEntry>& BackendRegistry();

// SPEC is NAME[@VERSION|@PATH][:key=value[,key=value...]], or a path to a library
// ("/x/libonnxruntime.so:level=none"). Errors say which names, versions or keys exist.
Result<std::vector<std::unique_ptr<Configuration>>> OpenConfigurations(std::string_view spec);

// The list of a SPEC's backend. kInvalidInput for a backend without operators of its own.
Result<std::string> ListBackendSchemas(std::string_view spec);

}  // namespace moire

#endif  // MOIRE_HARNESS_BACKENDS_BACKEND_H_
