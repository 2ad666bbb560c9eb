// Parents of mutants as the mutator takes them: parsing a case again costs as much as running the
// reference on it. Bounded by the bytes of the serialised cases. Depends on the generator alone.
#ifndef MOIRE_HARNESS_CAMPAIGN_PARENT_CACHE_H_
#define MOIRE_HARNESS_CAMPAIGN_PARENT_CACHE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <unordered_map>
#include <utility>

#include "fuzzers/generate/generate.h"

namespace moire {

// Keeps what was used lately: two generations, of which the older one is dropped whole when the
// younger has grown to half the limit.
class ParentCache {
 public:
  using Parent = std::shared_ptr<const GeneratedCase>;

  explicit ParentCache(size_t limit_bytes) : half_(limit_bytes / 2) {}

  // By the hash of the serialised case; null where it is not known.
  Parent Find(uint64_t hash) {
    if (const auto found = young_.find(hash); found != young_.end()) return found->second.first;
    const auto found = old_.find(hash);
    if (found == old_.end()) return nullptr;
    const auto [parent, bytes] = found->second;
    Put(hash, parent, bytes);
    return parent;
  }

  void Put(uint64_t hash, Parent parent, size_t bytes) {
    if (!young_.try_emplace(hash, std::move(parent), bytes).second) return;
    bytes_ += bytes;
    if (bytes_ < half_) return;
    old_ = std::exchange(young_, {});
    bytes_ = 0;
  }

  void Clear() {
    young_.clear();
    old_.clear();
    bytes_ = 0;
  }

 private:
  using Generation = std::unordered_map<uint64_t, std::pair<Parent, size_t>>;

  size_t half_;
  size_t bytes_ = 0;  // of the younger
  Generation young_;
  Generation old_;
};

}  // namespace moire

#endif  // MOIRE_HARNESS_CAMPAIGN_PARENT_CACHE_H_
