// The child sends a record after each model; what it had reached is united by the parent.
#include "fuzzers/bench/cover.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string_view>

#include "fuzzers/feedback/base_case.h"
#include "fuzzers/feedback/breakpoints.h"
#include "harness/backends/ort/ort_backend.h"
#include "harness/backends/spec.h"

namespace moire {
namespace {

namespace fs = std::filesystem;

enum class Fate : uint32_t { kBase, kAccepted, kRejected, kUnreadable, kFailed };

// One record: this header, then `blocks` block numbers, or for kUnreadable and kFailed that many
// bytes of an error message. kBase: the library's path, NUL-terminated, stands before the blocks.
struct Header {
  Fate fate = Fate::kBase;
  uint32_t index = 0;
  uint32_t blocks = 0;
  uint32_t total = 0;  // blocks of the library; for an error its code
};

using Send = std::function<void(std::string_view)>;
using Configurations = std::vector<std::unique_ptr<Configuration>>;

void SendRecord(const Send& send, const Header& header, std::string_view rest) {
  std::string record(reinterpret_cast<const char*>(&header), sizeof header);
  record += rest;
  send(record);
}

void SendError(const Send& send, Fate fate, size_t index, const Error& error) {
  SendRecord(send,
             {fate, static_cast<uint32_t>(index), static_cast<uint32_t>(error.message.size()),
              static_cast<uint32_t>(error.code)},
             error.message);
}

std::string_view BytesOf(const std::vector<uint32_t>& blocks) {
  return {reinterpret_cast<const char*>(blocks.data()), blocks.size() * sizeof(uint32_t)};
}

struct Opened {
  std::unique_ptr<BreakpointCoverage> coverage;
  Configurations configurations;
};

// Arms before the first environment is made: what a session needs of it belongs to the base.
Result<Opened> Open(const CoverOptions& options) {
  Opened opened;
  MOIRE_ASSIGN(const BackendSpec spec, ParseSpec(options.specs.front(), "ort"));
  MOIRE_ASSIGN(const std::string library, LoadOrtLibrary(spec.target));
  MOIRE_ASSIGN(opened.coverage, BreakpointCoverage::Find(library));
  MOIRE_TRY(opened.coverage->Arm());
  for (const std::string& one : options.specs) {
    MOIRE_ASSIGN(auto configurations, OpenConfigurations(one));
    for (auto& configuration : configurations) {
      opened.configurations.push_back(std::move(configuration));
    }
  }
  return opened;
}

// Runs the models from `first` on and sends what each reached.
int RunModels(const std::vector<std::string>& paths, size_t first,
              const std::function<Result<Case>(const std::string&)>& load,
              const CoverOptions& options, SharedState& state, const Send& send) {
  SharedStageObserver observer(state);
  auto opened = Open(options);
  if (!opened) {
    SendError(send, Fate::kFailed, 0, opened.error());
    return 0;
  }
  BreakpointCoverage& coverage = *opened->coverage;
  std::vector<uint32_t> blocks;
  // Outputs at the first configuration: the case was valid and ran.
  const auto run = [&](const Case& test_case) {
    bool accepted = false;
    for (size_t i = 0; i < opened->configurations.size(); ++i) {
      observer.Enter(Stage::kConfiguration, static_cast<int>(i));
      const Observation seen = opened->configurations[i]->Run(test_case);
      if (i == 0) accepted = seen.outcome == Outcome::kOutputs;
    }
    blocks.clear();
    coverage.TakeNew(blocks);
    return accepted;
  };
  run(BaseCase());
  Header header{Fate::kBase, 0, static_cast<uint32_t>(blocks.size()), coverage.blocks()};
  SendRecord(send, header, coverage.path());
  send(std::string(1, '\0'));
  send(BytesOf(blocks));
  for (size_t i = first; i < paths.size(); ++i) {
    if (options.progress) options.progress(i, paths.size());
    observer.Enter(Stage::kParse, -1);
    const Result<Case> test_case = load(paths[i]);
    if (test_case) {
      header = {run(*test_case) ? Fate::kAccepted : Fate::kRejected, static_cast<uint32_t>(i),
                static_cast<uint32_t>(blocks.size()), coverage.blocks()};
      // A rejected model must not hide blocks from one that runs.
      if (header.fate == Fate::kRejected) coverage.PutBack(blocks);
      SendRecord(send, header, BytesOf(blocks));
    } else {
      SendError(send, Fate::kUnreadable, i, test_case.error());
    }
    observer.Enter(Stage::kIdle, -1);
  }
  return 0;
}

// Takes the records of children apart and adds them up.
class Tally {
 public:
  explicit Tally(CoverReport& report) : report_(report) {}

  // The first model that `output` says nothing of; an error when the child could not start.
  Result<size_t> Add(std::string_view output, size_t next) {
    while (output.size() >= sizeof(Header)) {
      Header header;
      std::memcpy(&header, output.data(), sizeof header);
      output.remove_prefix(sizeof header);
      if (header.fate == Fate::kFailed) {
        return std::unexpected(Error{static_cast<ErrorCode>(header.total), std::string(output)});
      }
      if (header.fate == Fate::kBase) {
        const size_t end = output.find('\0');
        if (end == std::string_view::npos) break;
        report_.library = output.substr(0, end);
        output.remove_prefix(end + 1);
      }
      if (header.fate == Fate::kUnreadable) {
        if (output.size() < header.blocks) break;
        if (++report_.unreadable == 1) {
          unreadable_ = {static_cast<ErrorCode>(header.total),
                         std::string(output.substr(0, header.blocks))};
        }
        output.remove_prefix(header.blocks);
        next = header.index + 1;
        continue;
      }
      if (output.size() / sizeof(uint32_t) < header.blocks) break;  // died while sending
      std::vector<uint32_t> blocks(header.blocks);
      if (!blocks.empty()) {
        std::memcpy(blocks.data(), output.data(), blocks.size() * sizeof(uint32_t));
      }
      output.remove_prefix(blocks.size() * sizeof(uint32_t));
      Count(header, blocks);
      if (header.fate != Fate::kBase) next = header.index + 1;
    }
    return next;
  }
  // Of the first model that could not be loaded.
  const Error& unreadable() const { return unreadable_; }

 private:
  void Count(const Header& header, const std::vector<uint32_t>& blocks) {
    report_.blocks_total = header.total;
    reached_.resize(header.total);
    accepted_.resize(header.total);
    const bool counts = header.fate == Fate::kBase || header.fate == Fate::kAccepted;
    for (const uint32_t block : blocks) {
      if (block >= header.total) continue;
      report_.blocks_reached += reached_[block] ? 0 : 1;
      reached_[block] = true;
      report_.blocks_accepted += counts && !accepted_[block] ? 1 : 0;
      accepted_[block] = accepted_[block] || counts;
    }
    if (header.fate == Fate::kBase) {
      // Restarts add what differs from run to run; the base is what the first child saw.
      if (report_.blocks_base == 0) report_.blocks_base = report_.blocks_reached;
      return;
    }
    report_.accepted += header.fate == Fate::kAccepted ? 1 : 0;
  }

  CoverReport& report_;
  Error unreadable_;
  std::vector<bool> reached_;
  std::vector<bool> accepted_;
};

}  // namespace

Result<std::vector<std::string>> FindModels(const std::string& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (!fs::exists(status)) return Fail(ErrorCode::kNotFound, "no such file or directory: {}", path);
  std::vector<std::string> models;
  if (!fs::is_directory(status) || fs::exists(fs::path(path) / "model.onnx", error)) {
    models.push_back(path);
    return models;
  }
  fs::recursive_directory_iterator it(path, error);
  for (; !error && it != fs::recursive_directory_iterator(); it.increment(error)) {
    std::error_code ignored;
    if (it->is_directory(ignored)) {
      if (!fs::exists(it->path() / "model.onnx", ignored)) continue;
      models.push_back(it->path().string());
      it.disable_recursion_pending();
    } else if (it->is_regular_file(ignored)) {
      models.push_back(it->path().string());
    }
  }
  if (error) return Fail(ErrorCode::kInvalidInput, "reading {}: {}", path, error.message());
  if (models.empty()) return Fail(ErrorCode::kInvalidInput, "no models in {}", path);
  std::ranges::sort(models);
  return models;
}

Result<CoverReport> Cover(const std::vector<std::string>& paths,
                          const std::function<Result<Case>(const std::string& path)>& load,
                          const CoverOptions& options) {
  if (options.specs.empty()) return Fail(ErrorCode::kInvalidInput, "no configuration to run");
  const auto start = std::chrono::steady_clock::now();
  CoverReport report;
  report.models = paths.size();
  Tally tally(report);
  for (size_t next = 0; next < paths.size();) {
    const ChildResult child = RunInChild(
        [&](SharedState& state, const Send& send) {
          return RunModels(paths, next, load, options, state, send);
        },
        options.limits);
    MOIRE_ASSIGN(next, tally.Add(child.output, next));
    if (child.end == ChildEnd::kExited && child.exit_code == 0) break;
    if (child.output.empty()) {
      return Fail(ErrorCode::kEnvironment,
                  "the base model does not run in a child (exit code {}, signal {})",
                  child.exit_code, child.signal);
    }
    if (next < paths.size()) report.died.push_back(paths[next]);
    ++next;
  }
  if (report.unreadable == report.models) return std::unexpected(tally.unreadable());
  report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return report;
}

std::string ToJson(const CoverReport& report) {
  return nlohmann::json{{"library", report.library},
                        {"blocks_total", report.blocks_total},
                        {"blocks_base", report.blocks_base},
                        {"blocks_reached", report.blocks_reached},
                        {"blocks_accepted", report.blocks_accepted},
                        {"models", report.models},
                        {"accepted", report.accepted},
                        {"unreadable", report.unreadable},
                        {"died", report.died},
                        {"seconds", report.seconds}}
      .dump(2);
}

}  // namespace moire
