#include "harness/backends/ort/ort_settings.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "harness/backends/spec.h"

namespace moire {
namespace {

constexpr std::array<OrtLevel, 4> kLevels = {{{"none", ORT_DISABLE_ALL},
                                              {"basic", ORT_ENABLE_BASIC},
                                              {"extended", ORT_ENABLE_EXTENDED},
                                              {"all", ORT_ENABLE_ALL}}};
constexpr int kMaxThreads = 256;

std::vector<std::string> SplitPlus(std::string_view list) {
  std::vector<std::string> parts;
  for (;;) {
    const size_t plus = list.find('+');
    parts.emplace_back(list.substr(0, plus));
    if (plus == list.npos) return parts;
    list.remove_prefix(plus + 1);
  }
}

std::string JoinPlus(const std::vector<std::string>& parts) {
  std::string joined;
  for (const std::string& part : parts) joined += (joined.empty() ? "" : "+") + part;
  return joined;
}

// Every level of the list, for the levels differ in nothing else.
struct Parsed {
  std::vector<GraphOptimizationLevel> levels;
  OrtSettings common;
};

Status SetLevel(std::string_view value, Parsed& parsed) {
  for (const std::string& name : SplitPlus(value)) {
    const auto level = std::ranges::find(kLevels, name, &OrtLevel::name);
    if (level == kLevels.end()) {
      return Fail(ErrorCode::kInvalidInput,
                  "there is no level '{}'; the levels are: none, basic, extended, all", name);
    }
    if (std::ranges::find(parsed.levels, level->level) != parsed.levels.end()) {
      return Fail(ErrorCode::kInvalidInput, "level '{}' is given twice", name);
    }
    parsed.levels.push_back(level->level);
  }
  return {};
}

Status SetThreads(std::string_view value, Parsed& parsed) {
  const auto [end, error] =
      std::from_chars(value.data(), value.data() + value.size(), parsed.common.threads);
  if (error != std::errc() || end != value.data() + value.size() || parsed.common.threads < 1 ||
      parsed.common.threads > kMaxThreads) {
    return Fail(ErrorCode::kInvalidInput, "threads={}: must be a number from 1 to {}", value,
                kMaxThreads);
  }
  return {};
}

Status SetMode(std::string_view value, Parsed& parsed) {
  if (value != "sequential" && value != "parallel") {
    return Fail(ErrorCode::kInvalidInput, "mode={}: must be sequential or parallel", value);
  }
  parsed.common.parallel = value == "parallel";
  return {};
}

Status SetDisable(std::string_view value, Parsed& parsed) {
  parsed.common.disabled = SplitPlus(value);
  if (std::ranges::any_of(parsed.common.disabled, [](const auto& name) { return name.empty(); })) {
    return Fail(ErrorCode::kInvalidInput, "disable={}: an empty name; write disable=NAME+NAME",
                value);
  }
  return {};
}

Status SetOptimizedModel(std::string_view value, Parsed& parsed) {
  if (value.empty()) return Fail(ErrorCode::kInvalidInput, "optimized_model= needs a file name");
  parsed.common.optimized_model = value;
  return {};
}

template <bool OrtSettings::* kMember>
Status SetSwitch(std::string_view value, Parsed& parsed) {
  if (value != "0" && value != "1") {
    return Fail(ErrorCode::kInvalidInput, "'{}' is neither 0 nor 1", value);
  }
  parsed.common.*kMember = value == "1";
  return {};
}

struct Row {
  std::string_view key;
  std::string_view help;
  Status (*set)(std::string_view value, Parsed& parsed);
};
constexpr std::array<Row, 8> kRows = {{
    {"level",
     "graph optimisation: none, basic, extended, all; several joined by '+' (default: each)",
     SetLevel},
    {"threads", "threads inside an operator (default 1: no thread pool)", SetThreads},
    {"mode", "sequential, or parallel: independent nodes at the same time", SetMode},
    {"disable", "graph transformers to switch off, joined by '+'", SetDisable},
    {"log", "1: collect the transformers that modify the graph (slower)",
     SetSwitch<&OrtSettings::log>},
    {"optimized_model", "file that the optimised model is written to (one level only)",
     SetOptimizedModel},
    {"denormals_zero", "1: flush subnormals to zero", SetSwitch<&OrtSettings::denormals_zero>},
    {"arena", "1: the runtime's own memory arena and memory pattern (slower)",
     SetSwitch<&OrtSettings::arena>},
}};

}  // namespace

std::span<const OrtLevel> OrtLevels() { return kLevels; }

std::vector<OrtSettingRow> OrtSettingRows() {
  std::vector<OrtSettingRow> rows;
  for (const Row& row : kRows) rows.push_back({row.key, row.help});
  return rows;
}

Result<std::vector<OrtSettings>> ParseOrtSettings(std::string_view settings) {
  Parsed parsed;
  MOIRE_ASSIGN(const std::vector<Setting> list, ParseSettings(settings));
  for (const Setting& setting : list) {
    const auto row = std::ranges::find(kRows, setting.key, &Row::key);
    if (row == kRows.end()) {
      std::vector<std::string_view> keys;
      for (const Row& known : kRows) keys.push_back(known.key);
      return Fail(ErrorCode::kInvalidInput, "there is no setting '{}'; the settings are: {}",
                  setting.key, JoinNames(keys));
    }
    if (Status status = row->set(setting.value, parsed); !status) {
      return std::unexpected(std::move(status).error().With("setting " + setting.key));
    }
  }
  if (parsed.levels.empty()) {
    for (const OrtLevel& level : kLevels) parsed.levels.push_back(level.level);
  }
  if (!parsed.common.optimized_model.empty() && parsed.levels.size() > 1) {
    return Fail(ErrorCode::kInvalidInput,
                "optimized_model needs one level, or each would overwrite the last: add level=all");
  }
  std::vector<OrtSettings> configurations;
  for (GraphOptimizationLevel level : parsed.levels) {
    configurations.push_back(parsed.common);
    configurations.back().level = level;
  }
  return configurations;
}

std::string ToString(const OrtSettings& settings) {
  std::string text = "level=";
  text += std::ranges::find(kLevels, settings.level, &OrtLevel::level)->name;
  if (settings.threads != 1) text += fmt::format(",threads={}", settings.threads);
  if (settings.parallel) text += ",mode=parallel";
  if (!settings.disabled.empty()) text += ",disable=" + JoinPlus(settings.disabled);
  if (settings.log) text += ",log=1";
  if (!settings.optimized_model.empty()) text += ",optimized_model=" + settings.optimized_model;
  if (settings.denormals_zero) text += ",denormals_zero=1";
  if (settings.arena) text += ",arena=1";
  return text;
}

Result<OrtHandle<OrtSessionOptions>> MakeSessionOptions(const OrtLibrary& library,
                                                        const OrtSettings& settings,
                                                        const RunOptions& run) {
  const OrtApi& api = library.api();
  OrtSessionOptions* made = nullptr;
  MOIRE_TRY(library.Check(api.CreateSessionOptions(&made), "creating session options"));
  OrtHandle<OrtSessionOptions> options(made, api.ReleaseSessionOptions);

  const int threads = run.intra_op_threads > 0 ? run.intra_op_threads : settings.threads;
  const bool parallel = run.parallel_execution || settings.parallel;
  MOIRE_TRY(library.Check(api.SetSessionGraphOptimizationLevel(made, settings.level), "level"));
  MOIRE_TRY(
      library.Check(api.SetIntraOpNumThreads(made, std::min(threads, kMaxThreads)), "threads"));
  // One thread would make the parallel executor a sequential one.
  MOIRE_TRY(library.Check(
      api.SetInterOpNumThreads(made, parallel ? std::clamp(threads, 2, kMaxThreads) : 1),
      "threads between operators"));
  MOIRE_TRY(
      library.Check(api.SetSessionExecutionMode(made, parallel ? ORT_PARALLEL : ORT_SEQUENTIAL),
                    "execution mode"));
  // The transformers report at INFO: 422 us at level all where silence takes 358 us, VERBOSE 473
  // us.
  MOIRE_TRY(
      library.Check(api.SetSessionLogSeverityLevel(
                        made, settings.log ? ORT_LOGGING_LEVEL_INFO : ORT_LOGGING_LEVEL_FATAL),
                    "log level"));
  const auto entry = [&](const char* key, const char* value) {
    return library.Check(api.AddSessionConfigEntry(made, key, value), key);
  };
  if (threads > 1 || parallel) {
    // A waiting thread sleeps instead of burning a core that another worker needs.
    MOIRE_TRY(entry("session.intra_op.allow_spinning", "0"));
    MOIRE_TRY(entry("session.inter_op.allow_spinning", "0"));
  }
  if (!settings.arena) {
    // Measured on 100 float models of 10 nodes, 1.32.0, create + run + release at level none / all:
    // 168 / 378 us with both, 155 / 365 us without the arena, 152 / 361 us without the pattern too.
    // The arena maps a fresh megabyte for each session; the pattern is planned in the first run for
    // the second, which never comes. What reuses a buffer (the allocation planner) stays on.
    // No gain, so left alone: session.disable_prepacking, session.load_model_format,
    // session.disable_aot_function_inlining, session.use_env_allocators (364 us at level all).
    MOIRE_TRY(library.Check(api.DisableCpuMemArena(made), "memory arena"));
    MOIRE_TRY(library.Check(api.DisableMemPattern(made), "memory pattern"));
  }
  if (settings.denormals_zero) MOIRE_TRY(entry("session.set_denormal_as_zero", "1"));
  if (!settings.disabled.empty() || !run.disabled_optimizers.empty()) {
    std::string names;
    for (const auto* list : {&settings.disabled, &run.disabled_optimizers}) {
      for (const std::string& name : *list) names += (names.empty() ? "" : ";") + name;
    }
    MOIRE_TRY(entry("optimization.disable_specified_optimizers", names.c_str()));
  }
  if (!settings.optimized_model.empty()) {
    MOIRE_TRY(library.Check(api.SetOptimizedModelFilePath(made, settings.optimized_model.c_str()),
                            "optimized_model"));
  }
  return options;
}

}  // namespace moire
