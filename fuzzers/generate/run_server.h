// A child process that runs cases one after the other, so that a measurement outlives the crashes
// that it meets. The runtime is loaded in the child only.
#ifndef MOIRE_FUZZERS_GENERATE_RUN_SERVER_H_
#define MOIRE_FUZZERS_GENERATE_RUN_SERVER_H_

#include <sys/types.h>

#include <string>
#include <vector>

#include "harness/backends/backend.h"

namespace moire {

class RunServer {
 public:
  explicit RunServer(std::string spec) : spec_(std::move(spec)) {}
  ~RunServer() { Stop(); }
  RunServer(const RunServer&) = delete;
  RunServer& operator=(const RunServer&) = delete;

  struct Answer {
    Outcome outcome = Outcome::kCrashed;
    std::string reason;
    std::vector<std::string> optimizers;  // that changed the graph; with the backend's log on
  };
  // kCrashed where the child died of the case; the next call starts another.
  Answer Run(const Case& test_case);
  int deaths() const { return deaths_; }

 private:
  bool Start();
  void Stop();
  [[noreturn]] void Serve(int in, int out) const;

  std::string spec_;
  pid_t child_ = -1;
  int to_child_ = -1;
  int from_child_ = -1;
  int deaths_ = 0;
};

}  // namespace moire

#endif  // MOIRE_FUZZERS_GENERATE_RUN_SERVER_H_
