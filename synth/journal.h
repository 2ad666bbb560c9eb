// What a reduction has found out: every judgement of a candidate, in memory and, where a file is
// named, on disk, so that a reduction that was interrupted, killed, or lost a child goes on by
// walking the same way again without running anything twice. Knows nothing of what is judged.
//
// The file: records of 16 bytes, little endian. Bytes 0-7: the key. Byte 8: the answer (0 passes, 1
// fails, 2 died). Bytes 9-15: the low 56 bits of Mix64(key + answer), so that a record of which
// only a part was written is told from a whole one; the file is cut back to the whole ones.
#ifndef MOIRE_SYNTH_JOURNAL_H_
#define MOIRE_SYNTH_JOURNAL_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "harness/case/error.h"

namespace moire {

class Journal {
 public:
  enum class Answer : uint8_t { kPasses, kFails, kDied };

  Journal() = default;
  ~Journal();
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  // Reads what the file holds and appends to it from here on. kEnvironment.
  Status Open(const std::string& path);
  // What is asked of a case is part of its key: the symptom, in any words.
  void set_question(std::string_view question);
  // Of a serialised case.
  uint64_t Key(std::string_view bytes) const;

  std::optional<Answer> Find(uint64_t key) const;
  // Each answer is in the kernel's hands when this returns: it outlives the process. A disk that is
  // full costs the file, not the reduction.
  void Add(uint64_t key, Answer answer);
  // The file is no business of this process any more: what it adds stays in memory.
  void Forget();
  // In memory alone: what another process has written already.
  void Learn(uint64_t key, Answer answer) { answers_[key] = answer; }
  size_t size() const { return answers_.size(); }
  size_t read() const { return read_; }  // answers that the file held

 private:
  std::unordered_map<uint64_t, Answer> answers_;
  uint64_t question_ = 0;
  size_t read_ = 0;
  int file_ = -1;
};

}  // namespace moire

#endif  // MOIRE_SYNTH_JOURNAL_H_
