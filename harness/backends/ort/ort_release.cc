#include "harness/backends/ort/ort_release.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <system_error>

extern char** environ;

namespace moire {
namespace {

namespace fs = std::filesystem;

bool IsVersion(std::string_view text) {
  return !text.empty() && text.front() >= '0' && text.front() <= '9' &&
         std::ranges::all_of(text, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '.' || c == '+' ||
                  c == '-';
         });
}

// The numbers of "1.32.0": compared like a tuple.
std::vector<int> VersionNumbers(std::string_view version) {
  std::vector<int> numbers;
  const char* at = version.data();
  const char* const end = at + version.size();
  while (at < end) {
    int number = 0;
    const auto [next, error] = std::from_chars(at, end, number);
    if (error != std::errc()) break;
    numbers.push_back(number);
    at = next < end && *next == '.' ? next + 1 : end;
  }
  return numbers;
}

fs::path ReleasesDirectory() { return fs::path(MoireHome()) / "runtimes" / "onnxruntime"; }

std::string InstallHint(std::string_view version) {
  return fmt::format("run `moire backends install ort@{}`", version);
}

std::string FromEnvironment(const char* variable, const char* otherwise) {
  const char* value = std::getenv(variable);
  return value != nullptr && *value != '\0' ? value : otherwise;
}

Result<OrtRelease> FindByPath(std::string_view target) {
  std::error_code error;
  const fs::path path = fs::canonical(fs::path(target), error);
  if (error) return Fail(ErrorCode::kNotFound, "{}: {}", target, error.message());
  if (!fs::is_regular_file(path, error)) {
    return Fail(ErrorCode::kInvalidInput, "{}: not a file", target);
  }
  for (OrtRelease& release : InstalledOrtReleases()) {
    if (release.path == path) return std::move(release);
  }
  return OrtRelease{"", path.string()};
}

// A script of Moire's own sources.
Result<std::string> FindScript(std::string_view name) {
  std::string script = fmt::format("{}/{}", MoireRoot(), name);
  if (access(script.c_str(), R_OK) == 0) return script;
  return Fail(ErrorCode::kNotFound, "{}: {}; set MOIRE_ROOT to Moire's sources", script,
              std::strerror(errno));
}

// Runs a program to its end. Where it fails the message is the last line that it wrote to standard
// error, without the "error: " in front.
Status RunScript(std::vector<std::string> words) {
  // Scripts find MOIRE_HOME in their environment; ours may be the compiled-in default.
  std::string home = "MOIRE_HOME=" + MoireHome();
  std::vector<char*> environment = {home.data()};
  for (char** variable = environ; *variable != nullptr; ++variable) {
    if (!std::string_view(*variable).starts_with("MOIRE_HOME=")) environment.push_back(*variable);
  }
  environment.push_back(nullptr);
  int pipe_ends[2];
  if (pipe2(pipe_ends, O_CLOEXEC) != 0) {
    return Fail(ErrorCode::kEnvironment, "cannot make a pipe: {}", std::strerror(errno));
  }
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, pipe_ends[1], STDERR_FILENO);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  pid_t child = 0;
  const int failure = posix_spawnp(&child, words[0].c_str(), &actions, nullptr, arguments.data(),
                                   environment.data());
  posix_spawn_file_actions_destroy(&actions);
  close(pipe_ends[1]);
  if (failure != 0) {
    close(pipe_ends[0]);
    return Fail(ErrorCode::kEnvironment, "cannot start {}: {}", words[0], std::strerror(failure));
  }
  std::string output;
  char buffer[4096];
  for (;;) {
    const ssize_t got = read(pipe_ends[0], buffer, sizeof(buffer));
    if (got > 0) output.append(buffer, static_cast<size_t>(got));
    if (got == 0 || (got < 0 && errno != EINTR)) break;
  }
  close(pipe_ends[0]);
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  // The script's last words are "error: what went wrong".
  while (!output.empty() && output.back() == '\n') output.pop_back();
  std::string_view line = output;
  if (const size_t newline = line.rfind('\n'); newline != line.npos)
    line.remove_prefix(newline + 1);
  if (line.starts_with("error: ")) line.remove_prefix(7);
  return Fail(ErrorCode::kEnvironment, "{}", line.empty() ? "the script failed" : line);
}

}  // namespace

std::string MoireHome() { return FromEnvironment("MOIRE_HOME", MOIRE_DEFAULT_HOME); }
std::string MoireRoot() { return FromEnvironment("MOIRE_ROOT", MOIRE_DEFAULT_ROOT); }

std::vector<OrtRelease> InstalledOrtReleases() {
  std::vector<OrtRelease> releases;
  std::error_code error;
  for (fs::directory_iterator it(ReleasesDirectory(), error), end; !error && it != end;
       it.increment(error)) {
    const std::string version = it->path().filename().string();
    if (!IsVersion(version)) continue;
    std::error_code missing;
    const fs::path library = fs::canonical(it->path() / ("libonnxruntime.so." + version), missing);
    if (!missing && fs::is_regular_file(library, missing)) {
      releases.push_back({version, library.string()});
    }
  }
  std::ranges::sort(releases, [](const OrtRelease& a, const OrtRelease& b) {
    return std::pair(VersionNumbers(a.version), a.version) >
           std::pair(VersionNumbers(b.version), b.version);
  });
  return releases;
}

Result<OrtRelease> FindOrtRelease(std::string_view target) {
  if (target.find('/') != target.npos) return FindByPath(target);
  const std::vector<OrtRelease> releases = InstalledOrtReleases();
  if (target.empty()) {
    if (!releases.empty()) return releases.front();
    return Fail(ErrorCode::kNotFound, "no ONNX Runtime is installed in {}: {}",
                ReleasesDirectory().string(), InstallHint("VERSION"));
  }
  if (!IsVersion(target)) {
    return Fail(ErrorCode::kInvalidInput, "'{}' is neither a version nor a path", target);
  }
  const auto found = std::ranges::find(releases, target, &OrtRelease::version);
  if (found != releases.end()) return *found;
  std::string installed;
  for (const OrtRelease& release : releases) {
    installed += (installed.empty() ? "" : ", ") + release.version;
  }
  return Fail(ErrorCode::kNotFound, "ONNX Runtime {} is not installed (installed: {}): {}", target,
              installed.empty() ? "none" : installed, InstallHint(target));
}

Status InstallOrtRelease(std::string_view version) {
  if (!IsVersion(version)) return Fail(ErrorCode::kInvalidInput, "'{}' is not a version", version);
  MOIRE_ASSIGN(const std::string script, FindScript("harness/setup/install_runtime.sh"));
  const Status status = RunScript({"bash", script, "ort", std::string(version)});
  if (status) return {};
  // A release that does not exist is the user's mistake, all else the machine's.
  const std::string& line = status.error().message;
  return Fail(line.starts_with("there is no wheel") ? ErrorCode::kNotFound : status.error().code,
              "installing ort@{}: {}", version, line);
}

Result<std::string> ListOrtSchemas(std::string_view target) {
  MOIRE_ASSIGN(const OrtRelease release, FindOrtRelease(target));
  if (release.version.empty()) {
    return Fail(ErrorCode::kInvalidInput,
                "{}: the schemas are listed by a release's Python module; name a version", target);
  }
  const fs::path list =
      fs::path(MoireHome()) / "schemas" / "onnxruntime" / (release.version + ".json");
  std::error_code error;
  if (fs::is_regular_file(list, error)) return list.string();
  MOIRE_ASSIGN(const std::string script, FindScript("harness/backends/ort/list_schemas.py"));
  const Status status =
      RunScript({MoireHome() + "/venv/bin/python3", script, release.version, list.string()});
  if (status) return list.string();
  return Fail(status.error().code, "the schemas of ort@{}: {}", release.version,
              status.error().message);
}

}  // namespace moire
