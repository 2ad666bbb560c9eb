// A set of blocks that several processes add to and that outlives each of them: what a campaign has
// reached, whatever worker did and however often it was restarted. Depends on harness/case/error.h.
#ifndef MOIRE_FUZZERS_FEEDBACK_BLOCK_SET_H_
#define MOIRE_FUZZERS_FEEDBACK_BLOCK_SET_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "harness/case/error.h"

namespace moire {

class BlockSet {
 public:
  // Maps the file, made when it is not there; "" maps memory of this process alone. The file
  // belongs to one library: one made for another number of blocks is begun anew. kEnvironment: no
  // room.
  static Result<BlockSet> Open(const std::string& path, uint32_t blocks);
  BlockSet(BlockSet&& other) noexcept;
  BlockSet& operator=(BlockSet&& other) noexcept;
  ~BlockSet();

  // Any process may add at any time. Blocks past the size are left out.
  void Add(std::span<const uint32_t> blocks);
  uint64_t count() const;

 private:
  struct Layout;
  BlockSet(Layout* layout, size_t bytes) : layout_(layout), bytes_(bytes) {}

  Layout* layout_;
  size_t bytes_;
};

}  // namespace moire

#endif  // MOIRE_FUZZERS_FEEDBACK_BLOCK_SET_H_
