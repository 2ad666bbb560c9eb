// What libFuzzer does around a target, without libFuzzer: picks a parent, asks for a mutant or a
// crossover, runs it, keeps it when it lights a feature that was never lit. For benchmarks, which
// need to stop between two cases. Depends on the campaign's worker and the extra counters.
#ifndef MOIRE_FUZZERS_BENCH_MINI_FUZZER_H_
#define MOIRE_FUZZERS_BENCH_MINI_FUZZER_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "harness/campaign/worker.h"
#include "harness/case/random.h"

namespace moire {

class MiniFuzzer {
 public:
  MiniFuzzer(Worker& worker, uint64_t seed);
  // Makes the next case; valid until the next call. Empty: the mutator gave none.
  const std::string& Make();
  // Runs the case just made.
  void Run();
  // Takes what was worth keeping into the corpus.
  void Keep();
  // Where Make goes on from. The same state and corpus make the same cases again.
  struct State {
    Random random;
    std::string current;  // what is mutated again, libFuzzer's mutation depth
    int depth = 0;
    ValueSearch values{};  // what the worker's search remembers
  };
  State state() const {
    State out = state_;
    out.values = worker_.value_search();
    return out;
  }
  void GoBack(State state) {
    worker_.value_search() = std::move(state.values);
    state_ = std::move(state);
  }

 private:
  bool LitNew();

  Worker& worker_;
  State state_;
  std::vector<std::string> corpus_{std::string()};
  std::vector<std::string> new_;
  std::vector<uint8_t> buffer_;
  std::vector<bool> features_;
};

}  // namespace moire

#endif  // MOIRE_FUZZERS_BENCH_MINI_FUZZER_H_
