// What every order of edits shares: the case as it is now, the one way to try an edit, the limits,
// and the best case so far. Internal to reduction.
#ifndef MOIRE_SYNTH_SEARCH_H_
#define MOIRE_SYNTH_SEARCH_H_

#include <chrono>
#include <optional>
#include <unordered_set>

#include "synth/edit.h"
#include "synth/journal.h"
#include "synth/reduce.h"
#include "synth/speculation.h"

namespace moire {

class Search {
 public:
  Search(const Case& original, const Interesting& interesting, const ReduceOptions& options);
  Search(const Search&) = delete;
  Search& operator=(const Search&) = delete;

  // Confirms the original and writes its functions out. False where there is nothing to edit: it
  // is no model, or fails only as the bytes that it was given as. kInvalidInput: it does not fail.
  Result<bool> Begin();
  // Before anything else: the nodes of the model's own functions in place of their calls, where it
  // still fails then. They count as the original's nodes.
  void InlineCalls();
  const Sketch& current() const { return current_; }
  // Repairs the edited sketch, drops what is no step forward, was tried, is too large or no ONNX;
  // judges the rest. True: it is `current` now.
  bool Attempt(Sketch candidate) { return Try(std::move(candidate), false); }
  // Every edit that `pass` proposes from `current` on; how many were kept.
  int RunPass(const ReductionPass& pass);
  bool Spent();
  // To be called before anything is done that others can see: does not return in a process that
  // only walks ahead.
  void Settle() { speculation_.EndIfAhead(); }
  int checks() const { return checks_; }
  size_t original_bytes() const { return bytes_before_; }
  // `minimal`: the order of edits came to its end, and that end proves it.
  ReduceResult End(bool minimal);

 private:
  bool Judge(const Case& test_case, uint64_t key);
  bool Mend(Sketch& candidate);
  bool Try(Sketch candidate, bool may_grow);
  void Become(Sketch next);
  bool Detour(Sketch candidate);
  bool IsSmall(const Sketch& sketch, size_t bytes) const;
  void KeepBest(const Case& test_case, size_t bytes);
  void Report();

  const Case& original_;
  const Interesting& interesting_;
  const ReduceOptions& options_;
  Journal own_;  // where none is given
  Journal& journal_;
  Speculation speculation_;
  Sketch current_;
  std::optional<Sketch> small_;  // the last state within the original's size
  Size begun_;                   // of the original
  ReduceProgress progress_;
  std::unordered_set<uint64_t> tried_;
  std::unordered_set<uint64_t> proposed_;  // from current_ on, as edited
  int64_t max_elements_ = 0;
  int64_t max_nodes_ = 0;
  size_t bytes_before_ = 0;
  size_t max_bytes_ = 0;
  int64_t nodes_before_ = 0;
  int checks_ = 0;
  int known_ = 0;
  int repaired_ = 0;
  int repaired_kept_ = 0;
  bool spent_ = false;
  bool valid_ = false;                 // the original, for ONNX's checker
  bool evaluates_ = false;             // the original, by the reference
  std::optional<KnownValues> values_;  // of current_, once they were needed
  int misses_ = 0;                     // sketches in a row that could not be mended
  // Of the first candidate that the journal does not know.
  std::optional<std::chrono::steady_clock::time_point> start_;
};

}  // namespace moire

#endif  // MOIRE_SYNTH_SEARCH_H_
