// Finding, arming and disarming. The handler's side is trap_handler.cc.
#include "fuzzers/feedback/breakpoints.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <limits>

#include "fuzzers/feedback/trap_handler.h"

namespace moire {
namespace {

constexpr int kArmedRights = PROT_READ | PROT_WRITE | PROT_EXEC;
constexpr int kPlainRights = PROT_READ | PROT_EXEC;
// Room in the order of arrival for records that race with a Rearm.
constexpr size_t kSlack = 1024;

double SecondsSince(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// Every library ever found, for exit() and for finding one again. Never freed.
std::vector<ArmedText*>& Texts() {
  static auto& texts = *new std::vector<ArmedText*>;
  return texts;
}

bool TestBit(const std::vector<std::atomic<uint64_t>>& bits, uint32_t block) {
  return (bits[block / 64].load(std::memory_order_relaxed) >> (block % 64) & 1) != 0;
}

bool TestBit(const std::vector<uint64_t>& bits, uint32_t block) {
  return (bits[block / 64] >> (block % 64) & 1) != 0;
}

void StoreByte(const ArmedText& text, uint32_t block, uint8_t value) {
  std::atomic_ref<uint8_t>(*text.Byte(block)).store(value, std::memory_order_relaxed);
}

Status SetRights(const ArmedText& text, int rights) {
  for (const CodeSegment& segment : text.module.code) {
    if (mprotect(reinterpret_cast<void*>(segment.range.begin), segment.range.size(), rights) != 0) {
      return Fail(ErrorCode::kEnvironment, "{}: changing the rights of its code: {}",
                  text.module.path, std::strerror(errno));
    }
  }
  return {};
}

// The module's file, when mapping it again would give the code that is in memory now.
int OpenSameFile(const LoadedModule& module) {
  const int file = open(module.path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return -1;
  bool same = true;
  for (const CodeSegment& segment : module.code) {
    const size_t size = segment.range.size();
    void* fresh =
        mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file, static_cast<off_t>(segment.file_offset));
    // The last page may lie past the end of a file that was truncated: compare inside it only.
    const off_t end = lseek(file, 0, SEEK_END);
    same = same && fresh != MAP_FAILED && end >= static_cast<off_t>(segment.file_offset + size) &&
           std::memcmp(fresh, reinterpret_cast<const void*>(segment.range.begin), size) == 0;
    if (fresh != MAP_FAILED) munmap(fresh, size);
  }
  if (same) return file;
  close(file);
  return -1;
}

bool MapAfresh(const ArmedText& text) {
  if (text.file < 0) return false;
  for (const CodeSegment& segment : text.module.code) {
    if (mmap(reinterpret_cast<void*>(segment.range.begin), segment.range.size(), kPlainRights,
             MAP_PRIVATE | MAP_FIXED, text.file,
             static_cast<off_t>(segment.file_offset)) == MAP_FAILED) {
      return false;
    }
  }
  return true;
}

void RestoreCode(const ArmedText& text) {
  if (MapAfresh(text)) return;
  if (!SetRights(text, kArmedRights)) return;  // was never armed
  for (uint32_t block = 0; block < text.offsets.size(); ++block) {
    StoreByte(text, block, text.original[block]);
  }
  (void)SetRights(text, kPlainRights);  // writable code is no worse than before
}

// Registered when the first library is armed: later than the constructors of the statics of the
// libraries under test, so it runs before their destructors.
void DisarmAtExit() {
  for (const ArmedText* text : Texts()) {
    if (text->in_use) RestoreCode(*text);
  }
}

Result<ArmedText*> Decode(LoadedModule module) {
  if (module.code.empty()) {
    return Fail(ErrorCode::kInvalidInput, "{} has no code", module.path);
  }
  MOIRE_ASSIGN(const auto functions, FindFunctions(module));
  const AddressRange range{module.code.front().range.begin, module.code.back().range.end};
  if (range.size() > std::numeric_limits<uint32_t>::max()) {
    return Fail(ErrorCode::kUnsupported, "{}: more than 4 GiB of code", module.path);
  }

  auto text = std::make_unique<ArmedText>();
  // Holes between segments hold no function and are not read.
  const BlockLeaders found = FindBlockLeaders(
      {reinterpret_cast<const uint8_t*>(range.begin), range.size()}, range.begin, functions);
  text->counts = {found.functions, range.size(), found.undecodable, found.desynchronised,
                  found.with_data};
  text->range = range;
  text->leaders = found.bits.words();
  text->rank.reserve(text->leaders.size());
  text->offsets.reserve(found.count);
  text->original.reserve(found.count);
  for (size_t i = 0; i < text->leaders.size(); ++i) {
    text->rank.push_back(static_cast<uint32_t>(text->offsets.size()));
    for (uint64_t word = text->leaders[i]; word != 0; word &= word - 1) {
      const auto offset =
          static_cast<uint32_t>(i * 64) + static_cast<uint32_t>(std::countr_zero(word));
      text->offsets.push_back(offset);
      text->original.push_back(*reinterpret_cast<const uint8_t*>(range.begin + offset));
    }
  }
  const size_t words = found.count / 64 + 1;
  text->hit = std::vector<std::atomic<uint64_t>>(words);
  text->ever = std::vector<std::atomic<uint64_t>>(words);
  text->dropped.resize(words);
  text->order = std::vector<std::atomic<uint32_t>>(found.count + kSlack);
  // The module must not go away under the handler. Its own name finds it whatever way it was
  // opened.
  if (dlopen(module.path.c_str(), RTLD_LAZY | RTLD_NOLOAD) == nullptr) {
    return Fail(ErrorCode::kInternal, "{}: cannot be held in memory", module.path);
  }
  text->file = OpenSameFile(module);
  text->module = std::move(module);
  if (!RegisterText(*text)) {
    return Fail(ErrorCode::kInternal, "too many libraries under coverage");
  }
  Texts().push_back(text.get());
  return text.release();
}

// Calls `act` with the index of each set bit of word `i` of a bitmap.
template <typename Act>
void ForEachBit(size_t i, uint64_t word, const Act& act) {
  for (; word != 0; word &= word - 1) {
    act(static_cast<uint32_t>(i * 64) + static_cast<uint32_t>(std::countr_zero(word)));
  }
}

uint32_t OrderSize(const ArmedText& text) {
  return std::min<uint32_t>(text.order_size.load(std::memory_order_acquire),
                            static_cast<uint32_t>(text.order.size()));
}

void ForgetOrder(ArmedText& text) {
  for (uint32_t i = 0, used = OrderSize(text); i < used; ++i) {
    text.order[i].store(0, std::memory_order_relaxed);
  }
  text.order_size.store(0);
}

}  // namespace

Result<std::unique_ptr<BreakpointCoverage>> BreakpointCoverage::Find(std::string_view name) {
  const auto start = std::chrono::steady_clock::now();
  MOIRE_ASSIGN(LoadedModule module, FindLoadedModule(name));
  ArmedText* text = nullptr;
  for (ArmedText* known : Texts()) {
    if (known->module.base == module.base && known->module.path == module.path) text = known;
  }
  if (text == nullptr) {
    MOIRE_ASSIGN(text, Decode(std::move(module)));
  }
  if (text->in_use) {
    return Fail(ErrorCode::kInternal, "{} is under coverage already", text->module.path);
  }
  text->in_use = true;
  ForgetOrder(*text);
  for (auto& word : text->hit) word.store(0, std::memory_order_relaxed);
  for (auto& word : text->ever) word.store(0, std::memory_order_relaxed);
  text->reached.store(0);
  std::ranges::fill(text->dropped, 0);
  std::unique_ptr<BreakpointCoverage> coverage(new BreakpointCoverage(*text));
  coverage->find_seconds_ = SecondsSince(start);
  return coverage;
}

BreakpointCoverage::~BreakpointCoverage() {
  Disarm();
  text_.in_use = false;
}

const std::string& BreakpointCoverage::path() const { return text_.module.path; }
uint32_t BreakpointCoverage::blocks() const { return static_cast<uint32_t>(text_.offsets.size()); }
const DecodeCounts& BreakpointCoverage::decode_counts() const { return text_.counts; }
uint64_t BreakpointCoverage::reached() const { return text_.reached.load(); }

uint64_t BreakpointCoverage::BlockOffset(uint32_t block) const {
  return text_.range.begin + text_.offsets[block] - text_.module.base;
}

Status BreakpointCoverage::Arm() {
  if (armed_) return {};
  const auto start = std::chrono::steady_clock::now();
  MOIRE_TRY(SetRights(text_, kArmedRights));
  InstallTrapHandler();
  [[maybe_unused]] static const int registered = std::atexit(DisarmAtExit);
  for (uint32_t block = 0; block < blocks(); ++block) {
    if (!TestBit(text_.hit, block) && !TestBit(text_.dropped, block)) {
      StoreByte(text_, block, kInt3);
    }
  }
  armed_ = true;
  if (arm_seconds_ == 0) arm_seconds_ = SecondsSince(start);
  return {};
}

void BreakpointCoverage::Disarm() {
  if (!armed_) return;
  armed_ = false;
  RestoreCode(text_);
}

void BreakpointCoverage::Rearm() {
  InstallTrapHandler();
  ForgetOrder(text_);
  taken_ = 0;
  for (size_t i = 0; i < text_.hit.size(); ++i) {
    const uint64_t hit = text_.hit[i].exchange(0, std::memory_order_relaxed);
    if (armed_) {
      ForEachBit(i, hit & ~text_.dropped[i], [&](uint32_t k) { StoreByte(text_, k, kInt3); });
    }
  }
}

void BreakpointCoverage::Drop() {
  for (size_t i = 0; i < text_.dropped.size(); ++i) {
    const uint64_t now = text_.ever[i].load(std::memory_order_relaxed) & ~text_.dropped[i];
    text_.dropped[i] |= now;
    // Some were reached earlier and armed again since.
    if (armed_) ForEachBit(i, now, [&](uint32_t k) { StoreByte(text_, k, text_.original[k]); });
  }
}

void BreakpointCoverage::Undrop() {
  for (size_t i = 0; i < text_.dropped.size(); ++i) {
    const uint64_t again = text_.dropped[i] & ~text_.hit[i].load(std::memory_order_relaxed);
    if (armed_) ForEachBit(i, again, [&](uint32_t k) { StoreByte(text_, k, kInt3); });
    text_.dropped[i] = 0;
  }
}

void BreakpointCoverage::PutBack(std::span<const uint32_t> blocks, uint8_t most) {
  put_back_.resize(text_.offsets.size());
  for (const uint32_t block : blocks) {
    if (most < UINT8_MAX && put_back_[block]++ >= most) {
      put_back_[block] = most;
      continue;
    }
    const uint64_t mask = uint64_t{1} << (block % 64);
    if ((text_.dropped[block / 64] & mask) != 0) continue;
    text_.hit[block / 64].fetch_and(~mask, std::memory_order_relaxed);
    if ((text_.ever[block / 64].fetch_and(~mask, std::memory_order_relaxed) & mask) != 0) {
      text_.reached.fetch_sub(1, std::memory_order_relaxed);
    }
    if (armed_) StoreByte(text_, block, kInt3);
  }
}

void BreakpointCoverage::TakeNew(std::vector<uint32_t>& blocks) {
  uint32_t size = OrderSize(text_);
  for (; taken_ < size; ++taken_) {
    const uint32_t place = text_.order[taken_].load(std::memory_order_acquire);
    if (place == 0) return;  // counted but not written yet by another thread: next time
    if (!TestBit(text_.dropped, place - 1)) blocks.push_back(place - 1);
  }
  // All taken: the order begins anew, unless another thread appends at this moment.
  for (uint32_t i = 0; i < size; ++i) text_.order[i].store(0, std::memory_order_relaxed);
  if (text_.order_size.compare_exchange_strong(size, 0)) {
    taken_ = 0;
  }
}

std::vector<uint64_t> WarmUp(BreakpointCoverage& coverage, const std::function<void()>& run_all,
                             int passes) {
  std::vector<uint64_t> first_reached;
  for (int pass = 0; pass < passes; ++pass) {
    const uint64_t before = coverage.reached();
    run_all();
    first_reached.push_back(coverage.reached() - before);
  }
  coverage.Drop();
  return first_reached;
}

}  // namespace moire
