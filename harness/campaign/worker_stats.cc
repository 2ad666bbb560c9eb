#include "harness/campaign/worker_stats.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <bit>

namespace moire {
namespace {

// Matches up to the first probe, and at most between two; after one that passed the next follow soon.
constexpr uint64_t kFirstProbe = 64;
constexpr uint64_t kLongestDistance = 1024;
constexpr uint64_t kSoon = 8;

}  // namespace

bool RuleCounters::CountMatch() {
  if (distance == 0) {
    distance = kFirstProbe;
    next_probe = kFirstProbe;
  }
  if (++matches < next_probe) return false;
  passes = 0;
  distance = std::min(2 * std::max(distance.load(), kFirstProbe / 2), kLongestDistance);
  next_probe = matches + distance;
  return true;
}

void RuleCounters::Passed(uint64_t passes_before) {
  passes = passes_before + 1;
  distance = kSoon;
  next_probe = matches + kSoon;
}

void RuleCounters::operator=(const RuleCounters& other) {
  matches = other.matches.load();
  passes = other.passes.load();
  distance = other.distance.load();
  next_probe = other.next_probe.load();
}

void WorkerStats::DropRule(size_t index) {
  for (size_t r = index; r + 1 < rules.size(); ++r) rules[r] = rules[r + 1];
  rules.back() = RuleCounters();
}

void WorkerStats::CountMend(const MendCounts& counts) {
  const auto words = std::bit_cast<std::array<uint64_t, kMendWords>>(counts);
  for (size_t i = 0; i < words.size(); ++i) {
    if (words[i] != 0) mend[i] += words[i];
  }
}

MendCounts WorkerStats::Mend() const {
  std::array<uint64_t, kMendWords> words{};
  for (size_t i = 0; i < words.size(); ++i) words[i] = mend[i];
  return std::bit_cast<MendCounts>(words);
}

void WorkerStats::Count(std::span<const Judged> judged,
                        const std::vector<std::vector<float>>& bounds_by_type) {
  for (size_t type = 0; type < std::min(judged.size(), types.size()); ++type) {
    ByType& row = types[type];
    if (judged[type].elements == 0) continue;
    row.elements += static_cast<uint64_t>(judged[type].elements);
    row.decidable += static_cast<uint64_t>(judged[type].decidable);
    row.unspecified += static_cast<uint64_t>(judged[type].unspecified);
  }
  for (size_t type = 0; type < std::min(bounds_by_type.size(), types.size()); ++type) {
    for (const float bound : bounds_by_type[type]) {
      const double slot = bound > 0 ? std::ceil(std::log2(bound) * 4) + 256 : 0;
      ++types[type].bounds[static_cast<size_t>(
          std::clamp(slot, 0.0, static_cast<double>(kBoundSlots - 1)))];
    }
  }
}

WorkerStats* MapWorkerStats(const std::string& path) {
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0) return nullptr;
  void* memory = MAP_FAILED;
  // posix_fallocate, not ftruncate: a full disk is an error here and not a SIGBUS later.
  if (const int error = posix_fallocate(fd, 0, sizeof(WorkerStats)); error != 0) {
    errno = error;
  } else {
    memory = mmap(nullptr, sizeof(WorkerStats), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  }
  close(fd);
  return memory == MAP_FAILED ? nullptr : static_cast<WorkerStats*>(memory);
}

}  // namespace moire
