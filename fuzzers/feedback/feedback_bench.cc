// Costs of breakpoint coverage on a library given by path: decoding, arming, one trap, re-arming,
// disarming, and forking from an armed process. For docs/coverage-feedback.md.
//   moire_feedback_bench /x/libonnxruntime.so.1.32.0
#include <dlfcn.h>
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <vector>

#include "fuzzers/feedback/breakpoints.h"
#include "fuzzers/feedback/extra_counters.h"

namespace moire {
namespace {

using Clock = std::chrono::steady_clock;

double MillisecondsSince(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

// Forks a second, with something for the child to do.
template <typename Body>
double ForksPerSecond(const Body& body) {
  constexpr int kForks = 100;
  const auto start = Clock::now();
  for (int i = 0; i < kForks; ++i) {
    const pid_t child = fork();
    if (child == 0) {
      body();
      _exit(0);
    }
    waitpid(child, nullptr, 0);
  }
  return 1e3 * kForks / MillisecondsSince(start);
}

int Run(const char* path) {
  void* library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    fmt::print(stderr, "{}\n", dlerror());
    return 2;
  }
  auto found = BreakpointCoverage::Find(path);
  if (!found) {
    fmt::print(stderr, "{}\n", found.error().message);
    return 2;
  }
  BreakpointCoverage& coverage = **found;
  const DecodeCounts& counts = coverage.decode_counts();
  fmt::print(
      "{} blocks of {} functions in {:.1f} MB; {} undecodable, {} out of step, {} with data\n",
      coverage.blocks(), counts.functions, static_cast<double>(counts.code_bytes) / 1e6,
      counts.undecodable, counts.desynchronised, counts.with_data);
  const double decoding = 1e3 * coverage.arming_seconds();
  fmt::print("forks/s, never armed: {:.0f}\n", ForksPerSecond([] {}));
  if (!coverage.Arm()) return 3;
  fmt::print("decoding {:.0f} ms, arming {:.0f} ms\n", decoding,
             1e3 * coverage.arming_seconds() - decoding);
  fmt::print("forks/s, armed: {:.0f}, and disarmed in the child: {:.0f}\n", ForksPerSecond([] {}),
             ForksPerSecond([&] { coverage.Disarm(); }));
  auto start = Clock::now();
  coverage.Disarm();
  const double disarm = MillisecondsSince(start);
  start = Clock::now();
  if (!coverage.Arm()) return 3;
  fmt::print("disarm {:.2f} ms, arm again {:.0f} ms\n", disarm, MillisecondsSince(start));

  // What the library's entry point reaches, over and over.
  auto* entry = reinterpret_cast<const void* (*)()>(dlsym(library, "OrtGetApiBase"));
  if (entry != nullptr) {
    constexpr int kRounds = 20'000;
    std::vector<uint32_t> blocks;
    double traps = 0;
    for (int i = 0; i < kRounds; ++i) {
      start = Clock::now();
      entry();
      traps += MillisecondsSince(start);
      coverage.TakeNew(blocks);
      coverage.PutBack(blocks);
      if (i + 1 < kRounds) blocks.clear();
    }
    fmt::print("one trap {:.2f} us\n", 1e3 * traps / kRounds / static_cast<double>(blocks.size()));
  }
  constexpr int kRearms = 100;
  start = Clock::now();
  for (int i = 0; i < kRearms; ++i) coverage.Rearm();
  fmt::print("re-arm with nothing reached {:.3f} ms\n", MillisecondsSince(start) / kRearms);
  start = Clock::now();
  for (int i = 0; i < kRearms; ++i) ClearCounters();
  fmt::print("clearing the counters {:.3f} ms\n", MillisecondsSince(start) / kRearms);
  return 0;
}

}  // namespace
}  // namespace moire

int main(int argc, char** argv) {
  if (argc != 2) {
    fmt::print(stderr, "usage: moire_feedback_bench LIBRARY\n");
    return 2;
  }
  return moire::Run(argv[1]);
}
