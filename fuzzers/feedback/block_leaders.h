// Where the basic blocks of a piece of code begin: function entries, branch targets, and what
// follows a branch (behind a jump or a return: padding left out; jump tables lead there). Found by
// decoding each function from its first byte to its last.
// Depends on harness/case/error.h and the instruction decoder; knows nothing of how it is loaded.
#ifndef MOIRE_FUZZERS_FEEDBACK_BLOCK_LEADERS_H_
#define MOIRE_FUZZERS_FEEDBACK_BLOCK_LEADERS_H_

#include <cstdint>
#include <span>
#include <vector>

#include "fuzzers/feedback/loaded_module.h"

namespace moire {

// One bit for each byte of a range of code.
class CodeBitmap {
 public:
  explicit CodeBitmap(size_t bytes) : words_(bytes / 64 + 1) {}
  bool Test(size_t offset) const { return (words_[offset / 64] >> (offset % 64) & 1) != 0; }
  void Set(size_t offset) { words_[offset / 64] |= uint64_t{1} << (offset % 64); }
  void Clear(size_t offset) { words_[offset / 64] &= ~(uint64_t{1} << (offset % 64)); }
  void ClearRange(size_t begin, size_t end);
  const std::vector<uint64_t>& words() const { return words_; }

 private:
  std::vector<uint64_t> words_;
};

struct BlockLeaders {
  CodeBitmap bits;  // by offset from the beginning of the code
  uint64_t count = 0;
  uint64_t functions = 0;
  uint64_t instructions = 0;
  // Functions that are not taken to their end: an undecodable byte (blocks up to there are kept), a
  // branch into the middle of an instruction (the entry alone is kept), data between the
  // instructions that some instruction refers to (blocks before it are kept).
  uint64_t undecodable = 0;
  uint64_t desynchronised = 0;
  uint64_t with_data = 0;
};

// `code` is the memory at `address`; every function lies inside it, sorted, without overlap.
// A leader is always the first byte of an instruction decoded in sequence from its function's
// entry, and never one that is INT3 itself.
BlockLeaders FindBlockLeaders(std::span<const uint8_t> code, uintptr_t address,
                              std::span<const AddressRange> functions);

}  // namespace moire

#endif  // MOIRE_FUZZERS_FEEDBACK_BLOCK_LEADERS_H_
