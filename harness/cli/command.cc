#include "harness/cli/command.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "harness/case/case.h"

namespace moire {
namespace {

// A device or a pipe is written to; WriteFile would put a regular file in its place.
Status WriteSpecial(const std::string& path, const std::string& json) {
  std::fflush(stdout);  // it may be standard output under another name
  std::FILE* file = std::fopen(path.c_str(), "we");
  bool whole = false;
  int error = errno;
  if (file != nullptr) {
    std::setvbuf(file, nullptr, _IONBF, 0);  // so that the write itself says what failed
    whole = std::fwrite(json.data(), 1, json.size(), file) == json.size();
    error = errno;
    std::fclose(file);
  }
  if (whole) return {};
  return Fail(ErrorCode::kEnvironment, "cannot write '{}': {}", path, std::strerror(error));
}

}  // namespace

int ExitCodeOf(const Error& error) {
  switch (error.code) {
    case ErrorCode::kInternal:
    case ErrorCode::kEnvironment:
      return kExitInternal;
    default:
      return kExitUsage;
  }
}

void Complain(CommandContext& context, const Error& error) {
  fmt::print(stderr, "moire: {}\n", error.message);
  context.exit_code = ExitCodeOf(error);
}

void AddJson(CLI::App& command, std::string& path) {
  command
      .add_option_function<std::vector<std::string>>(
          "--json",
          [&path](const std::vector<std::string>& values) {
            path = values.empty() || values.front().empty() ? "-" : values.front();
            // `run --json model.onnx` means to read it.
            const std::string kind = std::filesystem::path(path).extension().string();
            if (kind == ".onnx" || kind == ".case" || kind == ".pb" ||
                std::filesystem::is_directory(path)) {
              throw CLI::ValidationError("--json", "'" + path + "' is an input; put --json last");
            }
          },
          "As JSON to this file; without one, or with -, to standard output")
      ->expected(0, 1)
      ->type_name("[FILE]");
}

void Say(const std::string& json_path, const std::string& text) {
  if (json_path != "-") fmt::print("{}", text);
}

void WriteJson(CommandContext& context, const std::string& path, const std::string& json) {
  if (path.empty()) return;
  if (path == "-") {
    fmt::print("{}\n", json);
    return;
  }
  std::error_code ignored;
  const auto kind = std::filesystem::status(path, ignored).type();
  const bool special =
      kind == std::filesystem::file_type::character || kind == std::filesystem::file_type::block ||
      kind == std::filesystem::file_type::fifo || kind == std::filesystem::file_type::socket;
  const Status status = special ? WriteSpecial(path, json) : WriteFile(path, json);
  if (!status) Complain(context, status.error());
}

void AddCommands(CLI::App& app, CommandContext& context) {
  AddFuzz(app, context);
  AddRun(app, context);
  AddReplay(app, context);
  AddReduce(app, context);
  AddExplain(app, context);
  AddFindings(app, context);
  AddCorpus(app, context);
  AddBackends(app, context);
  AddCover(app, context);
  AddBench(app, context);
  AddConformance(app, context);
  AddCalibrate(app, context);
  AddBits(app, context);
  AddInternal(app, context);
}

}  // namespace moire
