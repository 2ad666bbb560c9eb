// All cores for one search, with the result of one. Most candidates are refused, so while the
// search judges one, other processes, forked from it, take that for granted and walk ahead: process
// k of n judges every n-th candidate and takes the others for refused. The search itself still
// takes every answer in order; where one is kept, what the others assumed was wrong, and they end.
// Which candidates are asked for, and what is answered, does not depend on their number.
#ifndef MOIRE_SYNTH_SPECULATION_H_
#define MOIRE_SYNTH_SPECULATION_H_

#include <sys/types.h>

#include <functional>
#include <vector>

namespace moire {

class Speculation {
 public:
  using OnFork = std::function<void(const std::function<bool()>& cancelled)>;
  // `jobs` counts this process too; with 1 it only asks.
  Speculation(int jobs, OnFork on_fork);
  ~Speculation();
  Speculation(const Speculation&) = delete;
  Speculation& operator=(const Speculation&) = delete;

  // The answer of `check`, from this process or another. In a process that walks ahead it is false
  // for what others judge, and after a true one it does not return.
  bool Judge(const std::function<bool()>& check);
  // Whether this process only walks ahead: nothing that it does may be seen outside.
  bool ahead() const { return slot_ > 0; }
  // In a process that walks ahead: it has nothing left to do, and does not return.
  void EndIfAhead();
  int forks() const { return forks_; }

 private:
  struct Table;
  void Start();
  void Stop();
  bool Await(size_t index, const std::function<bool()>& check);

  const int jobs_;
  const OnFork on_fork_;
  Table* table_ = nullptr;  // shared with the others
  std::vector<pid_t> others_;
  int slot_ = 0;  // 0: the search itself
  size_t next_ = 0;
  double refused_seconds_ = 0;  // of checks since the last one that was kept
  int forks_ = 0;
};

}  // namespace moire

#endif  // MOIRE_SYNTH_SPECULATION_H_
