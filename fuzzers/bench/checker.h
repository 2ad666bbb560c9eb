// Tells whether a case would end the process, by running it in another one first. A benchmark that
// died of every tenth-thousandth case could not time consecutive cases in one process.
// Depends on the campaign's worker.
#ifndef MOIRE_FUZZERS_BENCH_CHECKER_H_
#define MOIRE_FUZZERS_BENCH_CHECKER_H_

#include <sys/types.h>

#include <string_view>

#include "harness/campaign/worker.h"

namespace moire {

// The other process is forked from this one when needed, disarmed, and serves until a case kills it
// or takes more than 20 s.
class Checker {
 public:
  explicit Checker(Worker& worker) : worker_(worker) {}
  ~Checker();
  Checker(const Checker&) = delete;
  Checker& operator=(const Checker&) = delete;

  bool Survives(std::string_view bytes);

 private:
  bool Start();
  void End();

  Worker& worker_;
  pid_t child_ = -1;
  int socket_ = -1;
};

}  // namespace moire

#endif  // MOIRE_FUZZERS_BENCH_CHECKER_H_
