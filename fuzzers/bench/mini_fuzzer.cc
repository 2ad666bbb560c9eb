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
      state_{Random(seed), {}, 0},
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

const std::string& MiniFuzzer::Make() {
  auto& [random, current, depth, values] = state_;
  if (depth == 0) current = random.Pick(corpus_);
  depth = (depth + 1) % kMutationDepth;
  const auto seed = static_cast<unsigned>(random.Next());
  const size_t size = random.Chance(1, 2)
                          ? worker_.Crossover(current, random.Pick(corpus_), buffer_, seed)
                          : worker_.Mutate(current, buffer_, seed);
  current.assign(reinterpret_cast<const char*>(buffer_.data()), size);
  return current;
}

void MiniFuzzer::Run() {
  ClearCounters();
  worker_.Test(state_.current);
  if (LitNew()) new_.push_back(state_.current);
}

void MiniFuzzer::Keep() {
  for (std::string& bytes : new_) corpus_.push_back(std::move(bytes));
  new_.clear();
}

}  // namespace moire
