#include "fuzzers/bench/mini_fuzzer.h"

#include <bit>
#include <cstring>

#include "fuzzers/feedback/extra_counters.h"
#include "harness/execute/watched.h"

namespace moire {
namespace {

// libFuzzer's defaults: a mutant is mutated again so many times before another parent is picked.
constexpr int kMutationDepth = 5;

// libFuzzer's CounterToFeature.
unsigned Bucket(uint8_t value) {
  return value >= 128  ? 7
         : value >= 32 ? 6
         : value >= 16 ? 5
         : value >= 8  ? 4
         : value >= 4  ? 3
                       : value - 1;
}

}  // namespace

MiniFuzzer::MiniFuzzer(Worker& worker, uint64_t seed)
    : worker_(worker),
      random_(seed),
      buffer_(kMaxSharedCase),
      features_(AllCounters().size() * 8) {}

bool MiniFuzzer::LitNew() {
  const auto counters = AllCounters();
  bool fresh = false;
  for (size_t i = 0; i < counters.size(); i += sizeof(uint64_t)) {
    uint64_t word;
    std::memcpy(&word, &counters[i], sizeof word);
    if (word == 0) continue;
    for (size_t k = i; k < i + sizeof(uint64_t); ++k) {
      if (counters[k] == 0) continue;
      const size_t feature = k * 8 + Bucket(counters[k]);
      fresh |= !features_[feature];
      features_[feature] = true;
    }
  }
  return fresh;
}

std::string_view MiniFuzzer::Make() {
  if (depth_ == 0) current_ = random_.Pick(corpus_);
  depth_ = (depth_ + 1) % kMutationDepth;
  const auto seed = static_cast<unsigned>(random_.Next());
  if (random_.Chance(1, 2)) {
    size_ = worker_.Crossover(current_, random_.Pick(corpus_), buffer_, seed);
  } else {
    size_ = worker_.Mutate(current_, buffer_, seed);
  }
  current_.assign(reinterpret_cast<const char*>(buffer_.data()), size_);
  return current_;
}

std::string_view MiniFuzzer::Next() {
  Make();
  ClearCounters();
  worker_.Test(current_);
  if (LitNew()) {
    corpus_.push_back(current_);
    depth_ = 0;
  }
  return current_;
}

}  // namespace moire
