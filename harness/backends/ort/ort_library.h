// One loaded ONNX Runtime: its C API, its environment and what every session of it shares.
// Knows the C API alone: no case, no settings.
#ifndef MOIRE_HARNESS_BACKENDS_ORT_ORT_LIBRARY_H_
#define MOIRE_HARNESS_BACKENDS_ORT_ORT_LIBRARY_H_

#include <onnxruntime_c_api.h>

#include <memory>
#include <string>
#include <vector>

#include "harness/case/error.h"

namespace moire {

// Owns an object of the C API; the deleter is the API's own Release function.
template <typename T>
using OrtHandle = std::unique_ptr<T, void (*)(T*)>;

// What a failed call said. Empty message: success.
struct OrtFailure {
  OrtErrorCode code = ORT_OK;
  std::string message;  // first line
  explicit operator bool() const { return code != ORT_OK; }
};

class OrtLibrary {
 public:
  // Loads the library at a canonical path, once per process, and never unloads it: its worker
  // threads and static objects outlive any owner we could name.
  static Result<OrtLibrary*> Load(const std::string& path);

  const std::string& path() const { return path_; }
  const std::string& version() const { return version_; }  // as the library says
  const OrtApi& api() const { return *api_; }

  // The environment, made at the first call, with a logger that swallows everything.
  Result<OrtEnv*> Environment();
  // Valid once Environment() has succeeded.
  const OrtMemoryInfo* cpu_memory() const { return cpu_memory_; }
  OrtAllocator* allocator() const { return allocator_; }

  // Takes the status over.
  OrtFailure Take(OrtStatus* status) const;
  Status Check(OrtStatus* status, const char* what) const;

 private:
  OrtLibrary() = default;

  std::string path_;
  std::string version_;
  const OrtApi* api_ = nullptr;
  OrtEnv* environment_ = nullptr;
  OrtMemoryInfo* cpu_memory_ = nullptr;
  OrtAllocator* allocator_ = nullptr;
};

// Names of graph transformers, in order of their first report.
struct Transformers {
  std::vector<std::string> run;      // all that went over the graph
  std::vector<std::string> applied;  // those that modified it
};

// While it lives, collects what sessions created on this thread report of their graph transformers;
// needs a session log level of ORT_LOGGING_LEVEL_INFO or lower.
class TransformerLog {
 public:
  explicit TransformerLog(Transformers& names);
  ~TransformerLog();
  TransformerLog(const TransformerLog&) = delete;
  TransformerLog& operator=(const TransformerLog&) = delete;

 private:
  Transformers* previous_;
};

// Enters what "GraphTransformer NAME modified: 1 with status: OK" (or 0) says; no other message.
void EnterTransformer(std::string_view message, Transformers& names);

}  // namespace moire

#endif  // MOIRE_HARNESS_BACKENDS_ORT_ORT_LIBRARY_H_
