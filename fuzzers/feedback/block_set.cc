// The file: number of blocks (8 bytes), number of them in the set (8), then a bit for each block in
// words of 8 bytes, little endian.
#include "fuzzers/feedback/block_set.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace moire {

struct BlockSet::Layout {
  uint64_t blocks;
  std::atomic<uint64_t> count;
  std::atomic<uint64_t> words[];
};

Result<BlockSet> BlockSet::Open(const std::string& path, uint32_t blocks) {
  const size_t bytes = sizeof(Layout) + (size_t{blocks} / 64 + 1) * sizeof(uint64_t);
  int file = -1;
  if (!path.empty()) {
    file = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    struct stat status{};
    const bool fits = file >= 0 && fstat(file, &status) == 0 &&
                      (status.st_size == static_cast<off_t>(bytes) || ftruncate(file, 0) == 0) &&
                      // Reserves the room: a full disk shows here and not as a SIGBUS later.
                      posix_fallocate(file, 0, static_cast<off_t>(bytes)) == 0;
    if (!fits) {
      const int error = errno;
      if (file >= 0) close(file);
      return Fail(ErrorCode::kEnvironment, "cannot write '{}': {}", path, std::strerror(error));
    }
  }
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                      MAP_SHARED | (file < 0 ? MAP_ANONYMOUS : 0), file, 0);
  if (file >= 0) close(file);
  if (memory == MAP_FAILED) {
    return Fail(ErrorCode::kEnvironment, "cannot map a set of {} blocks: {}", blocks,
                std::strerror(errno));
  }
  auto* layout = static_cast<Layout*>(memory);
  if (layout->blocks != blocks) {
    std::memset(memory, 0, bytes);
    layout->blocks = blocks;
  }
  return BlockSet(layout, bytes);
}

BlockSet::BlockSet(BlockSet&& other) noexcept
    : layout_(std::exchange(other.layout_, nullptr)), bytes_(other.bytes_) {}

BlockSet& BlockSet::operator=(BlockSet&& other) noexcept {
  std::swap(layout_, other.layout_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

BlockSet::~BlockSet() {
  if (layout_ != nullptr) munmap(static_cast<void*>(layout_), bytes_);
}

void BlockSet::Add(std::span<const uint32_t> blocks) {
  for (const uint32_t block : blocks) {
    if (block >= layout_->blocks) continue;
    const uint64_t bit = uint64_t{1} << (block % 64);
    const uint64_t before = layout_->words[block / 64].fetch_or(bit, std::memory_order_relaxed);
    if ((before & bit) == 0) layout_->count.fetch_add(1, std::memory_order_relaxed);
  }
}

uint64_t BlockSet::count() const { return layout_->count.load(std::memory_order_relaxed); }

}  // namespace moire
