#include "harness/backends/bench_bare.h"

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "harness/backends/ort/ort_library.h"
#include "harness/backends/ort/ort_release.h"
#include "harness/backends/ort/ort_settings.h"
#include "harness/backends/ort/ort_values.h"

namespace moire {
namespace {

struct Prepared {
  const Case* test_case = nullptr;
  size_t options = 0;  // which row of session options
  std::vector<const char*> input_names;
  std::vector<const OrtValue*> inputs;
  std::vector<std::string> outputs;
  std::vector<const char*> output_names;
};

struct OptionsRow {
  RunOptions run;
  std::vector<OrtHandle<OrtSessionOptions>> levels;
};

}  // namespace

struct BareLoop::State {
  OrtLibrary* library = nullptr;
  OrtEnv* environment = nullptr;
  std::vector<OrtSettings> settings;
  std::vector<OptionsRow> options;
  std::vector<Prepared> cases;
  std::vector<OrtValue*> results;

  ~State() {
    for (Prepared& one : cases) {
      for (const OrtValue* value : one.inputs) {
        library->api().ReleaseValue(const_cast<OrtValue*>(value));
      }
    }
  }

  Result<size_t> OptionsFor(const RunOptions& run) {
    for (size_t i = 0; i < options.size(); ++i) {
      if (options[i].run == run) return i;
    }
    OptionsRow row{run, {}};
    for (const OrtSettings& level : settings) {
      MOIRE_ASSIGN(auto made, MakeSessionOptions(*library, level, run));
      row.levels.push_back(std::move(made));
    }
    options.push_back(std::move(row));
    return options.size() - 1;
  }

  // Learns the output names from a session; a case that does not load stays, and is timed failing.
  void NameOutputs(Prepared& one) {
    const OrtApi& api = library->api();
    OrtSession* made = nullptr;
    const std::string& model = one.test_case->model;
    if (library->Take(api.CreateSessionFromArray(environment, model.data(), model.size(),
                                                 options[one.options].levels.front().get(),
                                                 &made))) {
      return;
    }
    const OrtHandle<OrtSession> session(made, api.ReleaseSession);
    size_t count = 0;
    if (library->Take(api.SessionGetOutputCount(made, &count))) return;
    for (size_t i = 0; i < count; ++i) {
      char* name = nullptr;
      if (library->Take(api.SessionGetOutputName(made, i, library->allocator(), &name))) return;
      one.outputs.emplace_back(name);
      library->allocator()->Free(library->allocator(), name);
    }
    for (const std::string& name : one.outputs) one.output_names.push_back(name.c_str());
  }

  void RunOne(const Prepared& one, Pass& pass) {
    const OrtApi& api = library->api();
    const std::string& model = one.test_case->model;
    for (const auto& level : options[one.options].levels) {
      ++pass.runs;
      OrtSession* session = nullptr;
      OrtStatus* status = api.CreateSessionFromArray(environment, model.data(), model.size(),
                                                     level.get(), &session);
      if (status == nullptr) {
        results.assign(one.output_names.size(), nullptr);
        status =
            api.Run(session, nullptr, one.input_names.data(), one.inputs.data(), one.inputs.size(),
                    one.output_names.data(), results.size(), results.data());
        for (OrtValue* value : results) api.ReleaseValue(value);
        api.ReleaseSession(session);
      }
      if (status != nullptr) {
        ++pass.failed;
        api.ReleaseStatus(status);
      }
    }
  }
};

BareLoop::BareLoop(std::unique_ptr<State> state) : state_(std::move(state)) {}
BareLoop::BareLoop(BareLoop&&) noexcept = default;
BareLoop& BareLoop::operator=(BareLoop&&) noexcept = default;
BareLoop::~BareLoop() = default;

Result<BareLoop> BareLoop::Prepare(std::string_view target, std::string_view settings,
                                   std::span<const Case> cases) {
  auto state = std::make_unique<State>();
  MOIRE_ASSIGN(state->settings, ParseOrtSettings(settings));
  MOIRE_ASSIGN(const OrtRelease release, FindOrtRelease(target));
  MOIRE_ASSIGN(state->library, OrtLibrary::Load(release.path));
  MOIRE_ASSIGN(state->environment, state->library->Environment());
  state->cases.reserve(cases.size());
  for (const Case& test_case : cases) {
    Prepared& one = state->cases.emplace_back();
    one.test_case = &test_case;
    MOIRE_ASSIGN(one.options, state->OptionsFor(test_case.options));
    for (const NamedTensor& input : test_case.inputs) {
      OrtValue* value = nullptr;
      if (OrtFailure failure = BindInput(*state->library, input, &value)) {
        return Fail(ErrorCode::kInvalidInput, "input '{}': {}", input.name, failure.message);
      }
      one.inputs.push_back(value);
      one.input_names.push_back(input.name.c_str());
    }
    state->NameOutputs(one);
  }
  return BareLoop(std::move(state));
}

BareLoop::Pass BareLoop::Run() {
  Pass pass;
  const auto begin = std::chrono::steady_clock::now();
  for (const Prepared& one : state_->cases) state_->RunOne(one, pass);
  pass.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return pass;
}

BareLoop::Pass BareLoop::Run(size_t case_index) {
  Pass pass;
  const auto begin = std::chrono::steady_clock::now();
  state_->RunOne(state_->cases[case_index], pass);
  pass.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return pass;
}

}  // namespace moire
