#include "harness/cli/interrupt.h"

#include <sys/mman.h>

#include <atomic>
#include <csignal>
#include <new>

namespace moire {
namespace {

using Flag = std::atomic<bool>;
static_assert(Flag::is_always_lock_free);  // a signal handler sets it

Flag* g_flag = nullptr;

void OnSignal(int) { g_flag->store(true); }

}  // namespace

Status CatchInterrupts() {
  void* memory =
      mmap(nullptr, sizeof(Flag), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return Fail(ErrorCode::kEnvironment, "no memory to share");
  g_flag = new (memory) Flag(false);
  struct sigaction action{};
  action.sa_handler = OnSignal;
  // The second one finds the default action.
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  return {};
}

bool Interrupted() { return g_flag != nullptr && g_flag->load(); }

}  // namespace moire
