// A reduction on disk while it is not finished: OUT/unfinished holds reduction.json (what was
// asked), journal.bin (every judgement, see journal.h) and best.case (the best case so far, at most
// a second old). With these it goes on where it was stopped or killed and ends at the same result.
#ifndef MOIRE_SYNTH_UNFINISHED_H_
#define MOIRE_SYNTH_UNFINISHED_H_

#include <chrono>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "harness/case/case.h"
#include "synth/journal.h"

namespace moire {

// What was asked of `moire reduce`; everything that decides where it ends.
struct ReduceRequest {
  std::string path;  // of what was given, absolute
  std::string name;  // of the case there, as LoadCases gives it
  std::string key;   // CaseKey of that case: it must not have changed
  uint64_t seed = 0;
  std::string out;
  std::vector<std::string> backends;
  std::string check, check_regex;
  int check_code = -1;
  double check_seconds = 60;
  std::vector<std::string> only, skip;
  std::string search = "learned";  // see ParseSearchOrder
  int max_checks = 0;
  std::string bundle;  // of the best so far when it was interrupted; gone when it goes on
};

class Unfinished {
 public:
  // OUT/unfinished.
  static std::string DirectoryOf(const std::string& out);
  // Begins one, in place of another that was left there. kEnvironment.
  Status Begin(const ReduceRequest& request);
  // The one that `out` (or OUT/unfinished itself) holds. kNotFound, kInvalidInput.
  Status Resume(const std::string& out);

  const ReduceRequest& request() const { return request_; }
  Journal& journal() { return journal_; }
  std::string experience() const;  // the file's path
  // At most once a second, so that large cases do not spend the time.
  void KeepBest(const Case& best);
  // It was interrupted, and the best so far has a bundle.
  Status Interrupted(const std::string& bundle);
  // It is finished: nothing stays but what was learned.
  void End();
  // It should not have begun: nothing stays.
  void Drop();

 private:
  ReduceRequest request_;
  std::string directory_;
  Journal journal_;
  std::optional<std::chrono::steady_clock::time_point> last_best_;
};

}  // namespace moire

#endif  // MOIRE_SYNTH_UNFINISHED_H_
