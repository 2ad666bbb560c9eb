// The ONNX Runtime configuration: load, bind, run, fetch. The path is as short as the C API allows,
// because a fuzzing loop lives in it: bench_bare.h is the yardstick.
#include "harness/backends/ort/ort_backend.h"

#include <xmmintrin.h>

#include <ctime>
#include <exception>
#include <optional>
#include <utility>

#include "harness/backends/ort/ort_errors.h"
#include "harness/backends/ort/ort_library.h"
#include "harness/backends/ort/ort_release.h"
#include "harness/backends/ort/ort_settings.h"
#include "harness/backends/ort/ort_values.h"
#include "harness/case/model_files.h"

namespace moire {
namespace {

// ONNX Runtime sets the calling thread's flush mode from the options of the first session of the
// process and from no later one. Setting it ourselves makes it depend on the configuration alone,
// and putting the register back leaves nothing behind for the reference or the next runtime.
class FloatMode {
 public:
  explicit FloatMode(bool flush_subnormals) : saved_(_mm_getcsr()) {
    const unsigned base = saved_ & ~kFlushBits;
    _mm_setcsr(flush_subnormals ? base | kFlushBits : base);
  }
  ~FloatMode() { _mm_setcsr(saved_); }
  FloatMode(const FloatMode&) = delete;
  FloatMode& operator=(const FloatMode&) = delete;

 private:
  static constexpr unsigned kFlushBits = 0x8040;  // FTZ and DAZ of MXCSR (Intel SDM 1, 10.2.3)
  unsigned saved_;
};

double CpuSeconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

class OrtConfiguration : public Configuration {
 public:
  OrtConfiguration(std::string name, OrtLibrary& library, OrtEnv* environment, OrtSettings settings)
      : name_(std::move(name)),
        library_(library),
        environment_(environment),
        settings_(std::move(settings)),
        options_(nullptr, library.api().ReleaseSessionOptions) {}

  // Makes the session options, so that a mistake in them is told before the first case.
  Status Prepare(const RunOptions& run) {
    OrtSettings settings = settings_;
    // What is kept from run to run is what further runs are about.
    settings.arena = settings.arena || !run.more_runs.empty();
    MOIRE_ASSIGN(options_, MakeSessionOptions(library_, settings, run));
    options_for_ = OfSession(run);
    return {};
  }

  const std::string& name() const override { return name_; }
  std::vector<std::string> AppliedOptimizers() const override { return optimizers_.applied; }
  std::vector<std::string> RunOptimizers() const override { return optimizers_.run; }

  Observation Run(const Case& test_case) override {
    Observation seen;
    seen.configuration = name_;
    optimizers_ = {};
    const double begin = CpuSeconds();
    try {
      const FloatMode mode(settings_.denormals_zero);
      RunInto(test_case, seen);
    } catch (const std::exception& error) {  // bad_alloc or length_error of copying the outputs
      seen.outputs.clear();
      Stop(seen, Outcome::kOutOfMemory, "run",
           fmt::format("copying the outputs: {}", error.what()));
    }
    seen.cpu_seconds = CpuSeconds() - begin;
    return seen;
  }

 private:
  static void Stop(Observation& seen, Outcome outcome, const char* stage, std::string reason) {
    seen.outcome = outcome;
    seen.stage = stage;
    seen.reason = std::move(reason);
  }
  static void Stop(Observation& seen, const char* stage, OrtFailure failure) {
    const Outcome outcome = ClassifyOrtFailure(failure);
    Stop(seen, outcome, stage, std::move(failure.message));
  }

  void RunInto(const Case& test_case, Observation& seen) {
    const OrtApi& api = library_.api();
    if (!Fits(test_case.options)) {
      if (Status status = Prepare(test_case.options); !status) {
        return Stop(seen, Outcome::kRejected, "load", status.error().message);
      }
    }
    // Where the files cannot be written (a full disk), the runtime gets the model from memory: the
    // same graph, so that nothing it does can be taken for what it is not.
    std::optional<ModelFiles> files;
    if (const int64_t least = test_case.options.external_data_bytes; least > 0) {
      if (auto written = ModelFiles::Write(test_case.model, least)) {
        files.emplace(std::move(*written));
      }
    }
    OrtSession* made = nullptr;
    OrtFailure failure = files ? LoadFiles(*files, &made) : LoadBytes(test_case.model, &made);
    const OrtHandle<OrtSession> session(made, api.ReleaseSession);
    if (failure) return Stop(seen, "load", std::move(failure));

    const ValueRelease release{*this};  // before the session goes
    failure = NameOutputs(session.get(), seen);
    if (failure) return Stop(seen, "load", std::move(failure));
    RunOnce(session.get(), test_case.inputs, seen);
    for (const InputSet& inputs : test_case.options.more_runs) {
      ReleaseValues();
      seen.later.emplace_back().configuration = name_;
      failure = NameOutputs(session.get(), seen.later.back());
      if (failure) return Stop(seen.later.back(), "load", std::move(failure));
      RunOnce(session.get(), inputs, seen.later.back());
    }
  }

  void RunOnce(OrtSession* session, const InputSet& inputs, Observation& seen) {
    OrtFailure failure = BindInputs(inputs);
    if (!failure) failure = Execute(session);
    for (size_t i = 0; !failure && i < seen.outputs.size(); ++i) {
      failure = FetchTensor(library_, outputs_[i], seen.outputs[i].tensor);
      if (failure)
        failure.message = fmt::format("output '{}': {}", seen.outputs[i].name, failure.message);
    }
    if (failure) {
      seen.outputs.clear();
      Stop(seen, "run", std::move(failure));
    }
  }

  // What a session depends on: the runs only by whether there are several.
  static RunOptions OfSession(const RunOptions& run) {
    RunOptions out;
    out.intra_op_threads = run.intra_op_threads;
    out.parallel_execution = run.parallel_execution;
    out.disabled_optimizers = run.disabled_optimizers;
    if (!run.more_runs.empty()) out.more_runs.emplace_back();
    return out;
  }
  bool Fits(const RunOptions& run) const {
    return run.intra_op_threads == options_for_.intra_op_threads &&
           run.parallel_execution == options_for_.parallel_execution &&
           run.disabled_optimizers == options_for_.disabled_optimizers &&
           run.more_runs.empty() == options_for_.more_runs.empty();
  }

  OrtFailure LoadBytes(const std::string& model, OrtSession** session) {
    return Create([&] {
      return library_.api().CreateSessionFromArray(environment_, model.data(), model.size(),
                                                   options_.get(), session);
    });
  }

  OrtFailure LoadFiles(const ModelFiles& files, OrtSession** session) {
    OrtFailure failure = Create([&] {
      return library_.api().CreateSession(environment_, files.path().c_str(), options_.get(),
                                          session);
    });
    // The directory has another name each time.
    const auto drop = [&](const std::string& text) {
      for (size_t at = failure.message.find(text); at != std::string::npos;
           at = failure.message.find(text, at)) {
        failure.message.erase(at, text.size());
      }
    };
    drop(fmt::format("Load model from {} failed:", files.path()));
    drop(files.directory());
    return failure;
  }

  template <typename Call>
  OrtFailure Create(const Call& call) {
    if (!settings_.log) return library_.Take(call());
    const TransformerLog log(optimizers_);
    return library_.Take(call());
  }

  // Names the outputs in `seen`, in graph order; output_names_ points into it.
  OrtFailure NameOutputs(const OrtSession* session, Observation& seen) {
    const OrtApi& api = library_.api();
    size_t count = 0;
    if (auto failure = library_.Take(api.SessionGetOutputCount(session, &count))) return failure;
    seen.outputs.resize(count);
    output_names_.resize(count);
    outputs_.assign(count, nullptr);
    OrtAllocator* allocator = library_.allocator();
    for (size_t i = 0; i < count; ++i) {
      char* name = nullptr;
      if (auto failure = library_.Take(api.SessionGetOutputName(session, i, allocator, &name))) {
        return failure;
      }
      seen.outputs[i].name = name;
      allocator->Free(allocator, name);
      output_names_[i] = seen.outputs[i].name.c_str();
    }
    return {};
  }

  OrtFailure BindInputs(const std::vector<NamedTensor>& inputs) {
    input_names_.resize(inputs.size());
    inputs_.assign(inputs.size(), nullptr);
    for (size_t i = 0; i < inputs.size(); ++i) {
      input_names_[i] = inputs[i].name.c_str();
      OrtValue* value = nullptr;
      if (auto failure = BindInput(library_, inputs[i], &value)) {
        failure.message = fmt::format("input '{}': {}", inputs[i].name, failure.message);
        return failure;
      }
      inputs_[i] = value;
    }
    return {};
  }

  OrtFailure Execute(OrtSession* session) {
    return library_.Take(library_.api().Run(session, nullptr, input_names_.data(), inputs_.data(),
                                            inputs_.size(), output_names_.data(), outputs_.size(),
                                            outputs_.data()));
  }

  struct ValueRelease {
    OrtConfiguration& configuration;
    ~ValueRelease() { configuration.ReleaseValues(); }
  };
  void ReleaseValues() {
    for (const OrtValue* value : inputs_) library_.api().ReleaseValue(const_cast<OrtValue*>(value));
    for (OrtValue* value : outputs_) library_.api().ReleaseValue(value);
    inputs_.clear();
    outputs_.clear();
  }

  std::string name_;
  OrtLibrary& library_;
  OrtEnv* environment_;
  OrtSettings settings_;
  OrtHandle<OrtSessionOptions> options_;
  RunOptions options_for_;
  Transformers optimizers_;  // of the last run
  // Of the run under way; members so that their storage is kept.
  std::vector<const char*> input_names_;
  std::vector<const char*> output_names_;
  std::vector<const OrtValue*> inputs_;
  std::vector<OrtValue*> outputs_;
};

}  // namespace

Result<std::vector<std::unique_ptr<Configuration>>> OpenOrt(std::string_view target,
                                                            std::string_view settings) {
  MOIRE_ASSIGN(const std::vector<OrtSettings> parsed, ParseOrtSettings(settings));
  MOIRE_ASSIGN(const OrtRelease release, FindOrtRelease(target));
  MOIRE_ASSIGN(OrtLibrary* const library, OrtLibrary::Load(release.path));
  MOIRE_ASSIGN(OrtEnv* const environment, library->Environment());
  std::vector<std::unique_ptr<Configuration>> configurations;
  for (const OrtSettings& one : parsed) {
    const std::string& where = release.version.empty() ? release.path : release.version;
    auto configuration = std::make_unique<OrtConfiguration>(
        fmt::format("ort@{}:{}", where, ToString(one)), *library, environment, one);
    MOIRE_TRY(configuration->Prepare({}));
    configurations.push_back(std::move(configuration));
  }
  return configurations;
}

std::vector<BackendInfo> ListOrt() {
  std::vector<BackendInfo> list;
  for (const OrtRelease& release : InstalledOrtReleases()) {
    list.push_back({.name = "ort",
                    .version = release.version,
                    .path = release.path,
                    .installed = true,
                    .note = list.empty() ? "default" : ""});
  }
  return list;
}

Status InstallOrt(std::string_view version) { return InstallOrtRelease(version); }

Result<std::string> OrtLibraryPath(std::string_view target) {
  MOIRE_ASSIGN(OrtRelease release, FindOrtRelease(target));
  return std::move(release.path);
}

Result<std::string> LoadOrtLibrary(std::string_view target) {
  MOIRE_ASSIGN(std::string path, OrtLibraryPath(target));
  MOIRE_ASSIGN([[maybe_unused]] OrtLibrary* const library, OrtLibrary::Load(path));
  return path;
}

std::vector<OrtSettingHelp> OrtSettingsHelp() {
  std::vector<OrtSettingHelp> help;
  for (const OrtSettingRow& row : OrtSettingRows()) help.push_back({row.key, row.help});
  return help;
}

}  // namespace moire
