#include "harness/cli/reduce_progress.h"

#include <unistd.h>

#include <chrono>

namespace moire {
namespace {

constexpr double kOnTerminal = 0.2;  // seconds between two lines
constexpr double kElsewhere = 10;
constexpr double kFirst = 1;  // what is done before says nothing

double Now() {
  const std::chrono::duration<double> now = std::chrono::steady_clock::now().time_since_epoch();
  return now.count();
}

void Put(int fd, const std::string& text) {
  // Nobody is told where a terminal is gone.
  if (write(fd, text.data(), text.size()) < 0) return;
}

}  // namespace

std::string ReduceProgressText(const ReduceProgress& p) {
  const int fresh = p.checks - p.known;
  const double rate = p.seconds > 0 ? fresh / p.seconds : 0;
  std::string text =
      fmt::format("best: nodes {}, elements {}, {:.1f} kB; {} checks, {:.0f}/s", p.nodes,
                  p.elements, static_cast<double>(p.bytes) / 1e3, p.checks, rate);
  if (p.known > 0) text += fmt::format(", {} known", p.known);
  return text;
}

ReduceProgressLine::ReduceProgressLine()
    : fd_(dup(STDERR_FILENO)), terminal_(isatty(STDERR_FILENO) != 0), next_(Now() + kFirst) {}

ReduceProgressLine::~ReduceProgressLine() {
  if (fd_ >= 0) close(fd_);
}

void ReduceProgressLine::Show(const ReduceProgress& progress) {
  const double now = Now();
  if (fd_ < 0 || now < next_) return;
  next_ = now + (terminal_ ? kOnTerminal : kElsewhere);
  const std::string text = ReduceProgressText(progress);
  Put(fd_, terminal_ ? "\r\033[K" + text : text + "\n");
}

void ReduceProgressLine::Clear() {
  if (fd_ >= 0 && terminal_) Put(fd_, "\r\033[K");
}

}  // namespace moire
