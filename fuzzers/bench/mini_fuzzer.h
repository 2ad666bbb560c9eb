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
  // Makes a case; its bytes, valid until the next call. Empty: the mutator gave none.
  std::string_view Make();
  // Makes one, runs it, and keeps it when it was worth keeping.
  std::string_view Next();
  size_t corpus_size() const { return corpus_.size(); }

 private:
  bool LitNew();

  Worker& worker_;
  Random random_;
  std::vector<std::string> corpus_{std::string()};
  std::string current_;  // what is mutated again, libFuzzer's mutation depth
  int depth_ = 0;
  std::vector<uint8_t> buffer_;
  size_t size_ = 0;
  std::vector<bool> features_;
};

}  // namespace moire

#endif  // MOIRE_FUZZERS_BENCH_MINI_FUZZER_H_
