// See trap_handler.h. INT3 is a trap: the saved RIP is the byte behind it (Intel SDM volume
// 3, 6.5), and Linux reports it with si_code SI_KERNEL, which kill(2) and sigqueue(3) cannot forge.
#include "fuzzers/feedback/trap_handler.h"

#include <signal.h>
#include <ucontext.h>

#include <array>
#include <bit>
#include <csignal>

namespace moire {
namespace {

constexpr size_t kMaxTexts = 16;
std::array<std::atomic<ArmedText*>, kMaxTexts> g_texts;
struct sigaction g_previous;

// Sets a bit; true when it was clear.
bool SetBit(std::vector<std::atomic<uint64_t>>& bits, uint32_t index) {
  const uint64_t mask = uint64_t{1} << (index % 64);
  return (bits[index / 64].fetch_or(mask, std::memory_order_relaxed) & mask) == 0;
}

// True when `address` is the first byte of a block of ours.
bool Reach(ArmedText& text, uintptr_t address) {
  if (!text.range.Contains(address)) return false;
  const size_t offset = address - text.range.begin;
  const uint64_t word = text.leaders[offset / 64];
  const uint64_t bit = uint64_t{1} << (offset % 64);
  if ((word & bit) == 0) return false;
  const uint32_t block =
      text.rank[offset / 64] + static_cast<uint32_t>(std::popcount(word & (bit - 1)));
  // Two threads may stand on one byte: both restore it, the first records it.
  std::atomic_ref<uint8_t>(*text.Byte(block)).store(text.original[block]);
  if (SetBit(text.hit, block)) {
    const uint32_t place = text.order_size.fetch_add(1, std::memory_order_relaxed);
    if (place < text.order.size()) {
      text.order[place].store(block + 1, std::memory_order_release);
    }
  }
  if (SetBit(text.ever, block)) text.reached.fetch_add(1, std::memory_order_relaxed);
  return true;
}

void PassOn(int signal, siginfo_t* info, void* context) {
  if ((g_previous.sa_flags & SA_SIGINFO) != 0) {
    g_previous.sa_sigaction(signal, info, context);
  } else if (g_previous.sa_handler == SIG_DFL ||
             (g_previous.sa_handler == SIG_IGN && info->si_code > 0)) {
    // Die of it, as without us: the signal is blocked here and delivered on return. (The kernel
    // does not let a trap be ignored.)
    struct sigaction by_default = {};
    by_default.sa_handler = SIG_DFL;
    sigaction(SIGTRAP, &by_default, nullptr);
    raise(SIGTRAP);
  } else if (g_previous.sa_handler != SIG_IGN) {
    g_previous.sa_handler(signal);
  }
}

void OnTrap(int signal, siginfo_t* info, void* context) {
  if (info->si_code == SI_KERNEL || info->si_code == TRAP_BRKPT) {
    auto& rip = static_cast<ucontext_t*>(context)->uc_mcontext.gregs[REG_RIP];
    const auto address = static_cast<uintptr_t>(rip) - 1;
    for (const std::atomic<ArmedText*>& place : g_texts) {
      ArmedText* text = place.load(std::memory_order_acquire);
      if (text == nullptr) break;
      if (Reach(*text, address)) {
        rip = static_cast<greg_t>(address);
        return;
      }
    }
  }
  PassOn(signal, info, context);
}

}  // namespace

bool RegisterText(ArmedText& text) {
  for (std::atomic<ArmedText*>& place : g_texts) {
    ArmedText* expected = nullptr;
    if (place.compare_exchange_strong(expected, &text, std::memory_order_release)) return true;
  }
  return false;
}

void InstallTrapHandler() {
  struct sigaction current = {};
  sigaction(SIGTRAP, nullptr, &current);
  if ((current.sa_flags & SA_SIGINFO) != 0 && current.sa_sigaction == OnTrap) return;
  g_previous = current;
  struct sigaction ours = {};
  ours.sa_sigaction = OnTrap;
  ours.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART;
  sigemptyset(&ours.sa_mask);
  sigaction(SIGTRAP, &ours, nullptr);
}

}  // namespace moire
