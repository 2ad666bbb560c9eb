// A request is a length and the case, an answer one byte; no answer is an answer, too.
#include "fuzzers/bench/checker.h"

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <string>

namespace moire {
namespace {

constexpr int kTimeoutMilliseconds = 20'000;

bool SendAll(int socket, const void* data, size_t size) {
  const char* at = static_cast<const char*>(data);
  while (size > 0) {
    const ssize_t sent = send(socket, at, size, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return false;
    at += sent;
    size -= static_cast<size_t>(sent);
  }
  return true;
}

bool ReceiveAll(int socket, void* data, size_t size) {
  char* at = static_cast<char*>(data);
  while (size > 0) {
    const ssize_t got = recv(socket, at, size, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    at += got;
    size -= static_cast<size_t>(got);
  }
  return true;
}

[[noreturn]] void Serve(Worker& worker, int socket) {
  if (worker.coverage() != nullptr) worker.coverage()->Disarm();
  std::string bytes;
  for (uint64_t size = 0; ReceiveAll(socket, &size, sizeof size);) {
    bytes.resize(size);
    if (!ReceiveAll(socket, bytes.data(), size)) break;
    worker.Test(bytes);
    if (!SendAll(socket, "y", 1)) break;
  }
  _exit(0);
}

}  // namespace

Checker::~Checker() { End(); }

bool Checker::Start() {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return false;
  const pid_t parent = getpid();
  child_ = fork();
  if (child_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    close(ends[0]);
    if (getppid() == parent) Serve(worker_, ends[1]);
    _exit(1);
  }
  close(ends[1]);
  socket_ = ends[0];
  if (child_ > 0) return true;
  End();
  return false;
}

void Checker::End() {
  if (socket_ >= 0) close(socket_);
  socket_ = -1;
  if (child_ > 0) {
    kill(child_, SIGKILL);
    while (waitpid(child_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  child_ = -1;
}

bool Checker::Survives(std::string_view bytes) {
  if (child_ < 0 && !Start()) return true;  // no process to be had: run it unchecked
  const uint64_t size = bytes.size();
  char answer = 0;
  pollfd waiting{.fd = socket_, .events = POLLIN, .revents = 0};
  const bool survived =
      SendAll(socket_, &size, sizeof size) && SendAll(socket_, bytes.data(), bytes.size()) &&
      poll(&waiting, 1, kTimeoutMilliseconds) > 0 && ReceiveAll(socket_, &answer, 1);
  if (!survived) End();
  return survived;
}

}  // namespace moire
