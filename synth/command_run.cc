// One run of the command of --check: a shell in a process group of its own, watched with a
// deadline.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>

#include "synth/check_command.h"

namespace moire {
namespace {

constexpr size_t kMostOutput = size_t{1} << 20;
constexpr double kLook = 0.02;  // seconds between two looks at a command that prints nothing

[[noreturn]] void RunShell(const std::string& command, const std::string& directory, int output) {
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  const int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
  dup2(nothing, STDIN_FILENO);
  dup2(output, STDOUT_FILENO);
  dup2(output, STDERR_FILENO);
  for (const int each : {SIGPIPE, SIGINT, SIGTERM}) signal(each, SIG_DFL);
  setenv("MOIRE_BUNDLE", directory.c_str(), 1);
  execl("/bin/sh", "sh", "-c", command.c_str(), static_cast<char*>(nullptr));
  _exit(127);
}

// What is in the pipe now; false at its end.
bool Drain(int pipe, std::string& output) {
  std::array<char, 65536> buffer;
  while (true) {
    const ssize_t got = read(pipe, buffer.data(), buffer.size());
    if (got < 0) return errno == EAGAIN || errno == EINTR;
    if (got == 0) return false;
    const size_t room = kMostOutput - output.size();
    output.append(buffer.data(), std::min(room, static_cast<size_t>(got)));
    if (got < static_cast<ssize_t>(buffer.size())) return true;
  }
}

}  // namespace

Result<CommandRun> RunCommand(const std::string& command, const std::string& directory,
                              double seconds, const std::function<bool()>& stopped) {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) {
    return Fail(ErrorCode::kEnvironment, "cannot make a pipe: {}", std::strerror(errno));
  }
  const auto start = std::chrono::steady_clock::now();
  const pid_t child = fork();
  if (child < 0) {
    const int error = errno;
    close(ends[0]);
    close(ends[1]);
    return Fail(ErrorCode::kEnvironment, "cannot start a process: {}", std::strerror(error));
  }
  if (child == 0) RunShell(command, directory, ends[1]);
  setpgid(child, child);
  close(ends[1]);
  fcntl(ends[0], F_SETFL, O_NONBLOCK);
  // Readable once the shell has ended; -1 on old kernels, where the short sleeps have to do.
  const int ended = static_cast<int>(syscall(SYS_pidfd_open, child, 0));

  CommandRun run;
  int status = 0;
  bool open = true;
  while (true) {
    if (open) open = Drain(ends[0], run.output);
    const pid_t done = waitpid(child, &status, WNOHANG);
    if (done == child) break;
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
    if (elapsed.count() > seconds || (stopped && stopped())) {
      run.timed_out = true;
      kill(-child, SIGKILL);
      waitpid(child, &status, 0);
      break;
    }
    std::array<pollfd, 2> wait = {pollfd{ended, POLLIN, 0}, pollfd{open ? ends[0] : -1, POLLIN, 0}};
    poll(wait.data(), wait.size(), static_cast<int>(kLook * 1000));
  }
  // What the command left running in its group must not outlive the check.
  kill(-child, SIGKILL);
  if (open) Drain(ends[0], run.output);
  close(ends[0]);
  if (ended >= 0) close(ended);
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
  run.seconds = elapsed.count();
  run.status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  return run;
}

}  // namespace moire
