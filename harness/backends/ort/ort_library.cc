#include "harness/backends/ort/ort_library.h"

#include <dlfcn.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <map>
#include <mutex>
#include <string_view>

namespace moire {
namespace {

// Releases before 1.19 are not shipped as a loadable library, and their error codes differ.
constexpr uint32_t kOldestApi = 19;

thread_local Transformers* reported = nullptr;

void ORT_API_CALL Log(void*, OrtLoggingLevel, const char*, const char*, const char*,
                      const char* message) {
  if (reported != nullptr && message != nullptr) EnterTransformer(message, *reported);
}

void AddOnce(std::vector<std::string>& names, std::string_view name) {
  if (std::ranges::find(names, name) == names.end()) names.emplace_back(name);
}

// The API version of release "1.27.0" is 27; 0 when the text is not of that form.
uint32_t ApiVersion(std::string_view release) {
  const size_t dot = release.find('.');
  if (dot == release.npos) return 0;
  uint32_t minor = 0;
  std::from_chars(release.data() + dot + 1, release.data() + release.size(), minor);
  return minor;
}

std::string FirstLine(const char* text) {
  const std::string_view all = text == nullptr ? "" : text;
  return std::string(all.substr(0, all.find('\n')));
}

}  // namespace

void EnterTransformer(std::string_view message, Transformers& names) {
  constexpr std::string_view kPrefix = "GraphTransformer ";
  constexpr std::string_view kModified = " modified: ";
  if (!message.starts_with(kPrefix)) return;
  message.remove_prefix(kPrefix.size());
  const size_t end = message.find(kModified);
  if (end == message.npos) return;
  AddOnce(names.run, message.substr(0, end));
  if (message.substr(end + kModified.size()).starts_with('1')) {
    AddOnce(names.applied, message.substr(0, end));
  }
}

TransformerLog::TransformerLog(Transformers& names) : previous_(reported) { reported = &names; }
TransformerLog::~TransformerLog() { reported = previous_; }

Result<OrtLibrary*> OrtLibrary::Load(const std::string& path) {
  // Never destroyed, like the libraries.
  static std::mutex& mutex = *new std::mutex;
  static auto& loaded = *new std::map<std::string, std::unique_ptr<OrtLibrary>>;
  const std::lock_guard lock(mutex);
  if (const auto found = loaded.find(path); found != loaded.end()) return found->second.get();

  // Releases from 1.30 on start a telemetry thread with the environment, which writes a database in
  // the user's cache directory, sends it, and runs whatever code it likes while a case is measured.
  setenv("ORT_DISABLE_TELEMETRY", "1", 1);
  void* handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) {
    return Fail(ErrorCode::kInvalidInput, "cannot load the library: {}", FirstLine(dlerror()));
  }
  using GetBase = const OrtApiBase*(ORT_API_CALL*)();
  const auto get_base = reinterpret_cast<GetBase>(dlsym(handle, "OrtGetApiBase"));
  if (get_base == nullptr) {
    dlclose(handle);
    return Fail(ErrorCode::kInvalidInput,
                "{} is not an ONNX Runtime library: it has no OrtGetApiBase", path);
  }
  const OrtApiBase* base = get_base();
  std::unique_ptr<OrtLibrary> library(new OrtLibrary);
  library->path_ = path;
  library->version_ = base->GetVersionString();
  const uint32_t offered = ApiVersion(library->version_);
  if (offered < kOldestApi) {
    return Fail(ErrorCode::kUnsupported, "{} is release '{}'; the oldest that can be used is 1.{}",
                path, library->version_, kOldestApi);
  }
  // A release gives every API version up to its own; asking for more prints and returns null.
  library->api_ = base->GetApi(std::min<uint32_t>(ORT_API_VERSION, offered));
  if (library->api_ == nullptr) {
    return Fail(ErrorCode::kUnsupported, "{} (release {}) does not offer its own API version {}",
                path, library->version_, offered);
  }
  return loaded.emplace(path, std::move(library)).first->second.get();
}

Result<OrtEnv*> OrtLibrary::Environment() {
  if (environment_ != nullptr) return environment_;
  OrtEnv* made = nullptr;
  MOIRE_TRY(
      Check(api_->CreateEnvWithCustomLogger(Log, nullptr, ORT_LOGGING_LEVEL_FATAL, "moire", &made),
            "creating the environment"));
  MOIRE_TRY(Check(api_->CreateCpuMemoryInfo(OrtDeviceAllocator, OrtMemTypeDefault, &cpu_memory_),
                  "describing CPU memory"));
  MOIRE_TRY(Check(api_->GetAllocatorWithDefaultOptions(&allocator_), "finding the allocator"));
  environment_ = made;
  return environment_;
}

OrtFailure OrtLibrary::Take(OrtStatus* status) const {
  if (status == nullptr) return {};
  OrtFailure failure{api_->GetErrorCode(status), FirstLine(api_->GetErrorMessage(status))};
  if (failure.code == ORT_OK)
    failure.code = ORT_FAIL;  // a status that says nothing is a failure too
  api_->ReleaseStatus(status);
  return failure;
}

Status OrtLibrary::Check(OrtStatus* status, const char* what) const {
  const OrtFailure failure = Take(status);
  if (!failure) return {};
  return Fail(ErrorCode::kEnvironment, "{} of ONNX Runtime {}: {}", what, version_,
              failure.message);
}

}  // namespace moire
