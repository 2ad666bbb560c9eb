#include "fuzzers/generate/run_server.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <utility>

namespace moire {
namespace {

constexpr time_t kSeconds = 20;  // of CPU time: a case that takes more has died

bool Transfer(int fd, bool writing, char* data, size_t size) {
  while (size > 0) {
    const ssize_t n = writing ? write(fd, data, size) : read(fd, data, size);
    if (n <= 0) return false;
    data += n;
    size -= static_cast<size_t>(n);
  }
  return true;
}

bool SendText(int fd, std::string text) {
  uint64_t size = text.size();
  return Transfer(fd, true, reinterpret_cast<char*>(&size), sizeof size) &&
         Transfer(fd, true, text.data(), text.size());
}

bool ReceiveText(int fd, std::string& text) {
  uint64_t size = 0;
  if (!Transfer(fd, false, reinterpret_cast<char*>(&size), sizeof size) || size > 1 << 30)
    return false;
  text.resize(size);
  return Transfer(fd, false, text.data(), size);
}

}  // namespace

void RunServer::Serve(int in, int out) const {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  const int null = open("/dev/null", O_WRONLY);
  dup2(null, 1);
  dup2(null, 2);
  auto configurations = OpenConfigurations(spec_);
  std::string bytes;
  while (configurations && !configurations->empty() && ReceiveText(in, bytes)) {
    const auto test_case = ParseCase(bytes);
    if (!test_case) break;
    const itimerval limit = {{0, 0}, {kSeconds, 0}};
    setitimer(ITIMER_PROF, &limit, nullptr);
    const Observation seen = configurations->front()->Run(*test_case);
    std::string answer(1, static_cast<char>(seen.outcome));
    answer += seen.reason.substr(0, 4000);
    for (const std::string& name : configurations->front()->AppliedOptimizers()) {
      answer += '\0';
      answer += name;
    }
    const itimerval none = {};
    setitimer(ITIMER_PROF, &none, nullptr);
    if (!SendText(out, std::move(answer))) break;
  }
  _exit(0);
}

bool RunServer::Start() {
  if (child_ > 0) return true;
  signal(SIGPIPE, SIG_IGN);
  int there[2], back[2];
  if (pipe(there) != 0 || pipe(back) != 0) return false;
  child_ = fork();
  if (child_ == 0) {
    close(there[1]);
    close(back[0]);
    Serve(there[0], back[1]);
  }
  close(there[0]);
  close(back[1]);
  to_child_ = there[1];
  from_child_ = back[0];
  return child_ > 0;
}

void RunServer::Stop() {
  if (child_ <= 0) return;
  close(to_child_);
  close(from_child_);
  kill(child_, SIGKILL);
  waitpid(child_, nullptr, 0);
  child_ = -1;
}

RunServer::Answer RunServer::Run(const Case& test_case) {
  std::string text;
  if (!Start() || !SendText(to_child_, SerializeCase(test_case)) ||
      !ReceiveText(from_child_, text) || text.empty()) {
    Stop();
    ++deaths_;
    return {Outcome::kCrashed, "died", {}};
  }
  Answer answer{static_cast<Outcome>(text[0]), {}, {}};
  size_t at = text.find('\0', 1);
  answer.reason = text.substr(1, at == text.npos ? at : at - 1);
  while (at != text.npos) {
    const size_t next = text.find('\0', at + 1);
    answer.optimizers.push_back(text.substr(at + 1, next == text.npos ? next : next - at - 1));
    at = next;
  }
  return answer;
}

}  // namespace moire
