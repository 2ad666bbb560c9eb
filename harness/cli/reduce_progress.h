// The line that says where a reduction is: kept up to date on a terminal, a line every 10 s
// elsewhere.
#ifndef MOIRE_HARNESS_CLI_REDUCE_PROGRESS_H_
#define MOIRE_HARNESS_CLI_REDUCE_PROGRESS_H_

#include <string>

#include "synth/reduce.h"

namespace moire {

// "nodes 12, elements 96, 1.4 kB; 310 checks, 88/s, 20 known"
std::string ReduceProgressText(const ReduceProgress& progress);

class ReduceProgressLine {
 public:
  // Writes to standard error as it is now, also where a child silences its own later.
  ReduceProgressLine();
  ~ReduceProgressLine();
  ReduceProgressLine(const ReduceProgressLine&) = delete;
  ReduceProgressLine& operator=(const ReduceProgressLine&) = delete;

  void Show(const ReduceProgress& progress);
  // Takes the line off the terminal again.
  void Clear();

 private:
  int fd_ = -1;
  bool terminal_ = false;
  double next_ = 0;  // seconds on the monotonic clock
};

}  // namespace moire

#endif  // MOIRE_HARNESS_CLI_REDUCE_PROGRESS_H_
