// The fatal-signal handler of watched.h: where did the process die? Frames come from the unwinder
// of libgcc, which reads .eh_frame, so stripped libraries unwind too. Only async-signal-safe calls,
// except for dl_iterate_phdr and the unwinder, which take the loader's lock: a process that died
// holding it gets stuck here, and its watcher finds the signal already written.
#include <link.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>
#include <unwind.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstring>

#include "harness/execute/watched.h"

namespace moire {
namespace {

constexpr size_t kAlternateStack = size_t{1} << 18;
constexpr size_t kMaxWalk = 256;  // frames looked at
constexpr size_t kMaxModules = 8;
constexpr std::array kFatal = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGSYS};

// What the handler knows; set before the handlers are installed.
struct Handlers {
  SharedState* state = nullptr;
  char modules[kMaxModules][64] = {};
  size_t num_modules = 0;
};
Handlers g_handlers;

uintptr_t FaultAddress(void* context) {
#if defined(__x86_64__)
  return static_cast<uintptr_t>(static_cast<ucontext_t*>(context)->uc_mcontext.gregs[REG_RIP]);
#elif defined(__aarch64__)
  return static_cast<uintptr_t>(static_cast<ucontext_t*>(context)->uc_mcontext.pc);
#else
#error "the register that holds the instruction pointer is not known here"
#endif
}

struct Walk {
  uintptr_t addresses[kMaxWalk];
  size_t count = 0;
};

_Unwind_Reason_Code Collect(_Unwind_Context* context, void* data) {
  auto& walk = *static_cast<Walk*>(data);
  int before = 0;
  const uintptr_t address = _Unwind_GetIPInfo(context, &before);
  if (address == 0 || walk.count == kMaxWalk) return _URC_END_OF_STACK;
  // A return address points behind the call; the instruction that was interrupted is exact.
  walk.addresses[walk.count++] = before != 0 ? address : address - 1;
  return _URC_NO_REASON;
}

struct Find {
  uintptr_t address;
  uintptr_t base = 0;
  const char* name = nullptr;
};

int FindModule(dl_phdr_info* info, size_t /*size*/, void* data) {
  auto& find = *static_cast<Find*>(data);
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const auto& header = info->dlpi_phdr[i];
    if (header.p_type != PT_LOAD) continue;
    const uintptr_t start = info->dlpi_addr + header.p_vaddr;
    if (find.address >= start && find.address < start + header.p_memsz) {
      find.base = info->dlpi_addr;
      find.name = info->dlpi_name;
      return 1;
    }
  }
  return 0;
}

bool IsRuntime(const char* file) {
  for (size_t i = 0; i < g_handlers.num_modules; ++i) {
    if (std::strstr(file, g_handlers.modules[i]) != nullptr) return true;
  }
  return false;
}

void WriteFrames(const Walk& walk, size_t first, SharedState& state) {
  constexpr size_t kMost = sizeof state.frames / sizeof state.frames[0];
  size_t written = 0;
  for (const bool runtime : {true, false}) {
    for (size_t i = first; i < walk.count && written < kMost; ++i) {
      Find find{.address = walk.addresses[i]};
      dl_iterate_phdr(FindModule, &find);
      const char* path = find.name == nullptr ? "unknown" : find.name;
      const char* slash = std::strrchr(path, '/');
      const char* file = slash == nullptr ? path : slash + 1;
      if (*file == '\0') file = "main";
      if (IsRuntime(file) != runtime) continue;
      SharedState::Frame& frame = state.frames[written++];
      std::strncpy(frame.module, file, sizeof frame.module - 1);
      frame.offset = find.address - find.base;
      state.num_frames.store(static_cast<int32_t>(written));
    }
  }
}

void OnFatalSignal(int signal, siginfo_t* /*info*/, void* context) {
  SharedState& state = *g_handlers.state;
  int32_t none = 0;
  // The first thread to die tells; the others only die.
  if (state.signal.compare_exchange_strong(none, signal)) {
    Walk walk;
    _Unwind_Backtrace(Collect, &walk);
    const uintptr_t fault = FaultAddress(context);
    // Our own frames and the kernel's trampoline lie before the frame that was interrupted.
    size_t first = 0;
    while (first < walk.count && walk.addresses[first] != fault) ++first;
    if (first == walk.count) {
      // A jump to nowhere: nothing unwinds from there, but the caller left its return address.
      walk.addresses[0] = fault;
      walk.count = 1;
      first = 0;
    }
    WriteFrames(walk, first, state);
  }
  ::signal(signal, SIG_DFL);
  raise(signal);  // delivered when this handler returns
}

}  // namespace

void InstallFatalSignalHandlers(SharedState& state, std::vector<std::string> runtime_modules) {
  g_handlers.state = &state;
  g_handlers.num_modules = std::min(runtime_modules.size(), kMaxModules);
  for (size_t i = 0; i < g_handlers.num_modules; ++i) {
    std::strncpy(g_handlers.modules[i], runtime_modules[i].c_str(),
                 sizeof g_handlers.modules[i] - 1);
  }
  // Loads what the unwinder needs while it is still safe to.
  Walk walk;
  _Unwind_Backtrace(Collect, &walk);

  void* memory = mmap(nullptr, kAlternateStack, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
  if (memory != MAP_FAILED) {
    stack_t stack{.ss_sp = memory, .ss_flags = 0, .ss_size = kAlternateStack};
    sigaltstack(&stack, nullptr);
  }
  struct sigaction action{};
  action.sa_sigaction = OnFatalSignal;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigemptyset(&action.sa_mask);
  for (const int signal : kFatal) sigaction(signal, &action, nullptr);
  // Breakpoint coverage owns SIGTRAP where it is armed, and passes on what is not its own.
  struct sigaction trap{};
  if (sigaction(SIGTRAP, nullptr, &trap) == 0 && trap.sa_handler == SIG_DFL) {
    sigaction(SIGTRAP, &action, nullptr);
  }
}

}  // namespace moire
