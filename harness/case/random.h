// The one source of random choices: explicit, seeded, the same on every platform.
// Nothing in Moire draws from anywhere else, and nothing reads the clock to decide.
#ifndef MOIRE_HARNESS_CASE_RANDOM_H_
#define MOIRE_HARNESS_CASE_RANDOM_H_

#include <cstddef>
#include <cstdint>
#include <span>

namespace moire {

// One step of splitmix64 (Steele, Lea, Flood 2014): also a good 64-bit mixing function.
constexpr uint64_t Mix64(uint64_t x) {
  x += 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}

  uint64_t Next() {
    const uint64_t value = Mix64(state_);
    state_ += 0x9e3779b97f4a7c15;
    return value;
  }
  // Uniform in [0, bound); bound 0 gives 0.
  uint64_t Below(uint64_t bound) {
    return static_cast<uint64_t>((static_cast<unsigned __int128>(Next()) * bound) >> 64);
  }
  size_t Index(size_t size) { return static_cast<size_t>(Below(size)); }
  // Uniform in [low, high], both included.
  int64_t Between(int64_t low, int64_t high) {
    return low + static_cast<int64_t>(
                     Below(static_cast<uint64_t>(high) - static_cast<uint64_t>(low) + 1));
  }
  // Uniform in [0, 1).
  double Unit() { return static_cast<double>(Next() >> 11) * 0x1p-53; }
  // True `numerator` times in `denominator`.
  bool Chance(uint64_t numerator, uint64_t denominator) { return Below(denominator) < numerator; }
  template <typename T>
  const T& Pick(std::span<const T> items) {
    return items[Index(items.size())];
  }
  template <typename Container>
  const auto& Pick(const Container& items) {
    return items[Index(items.size())];
  }

 private:
  uint64_t state_;
};

// FNV-1a, for keys that must not change between builds.
inline uint64_t HashBytes(const void* data, size_t size, uint64_t seed = 0xcbf29ce484222325) {
  const auto* bytes = static_cast<const unsigned char*>(data);
  uint64_t hash = seed;
  for (size_t i = 0; i < size; ++i) hash = (hash ^ bytes[i]) * 0x100000001b3;
  return hash;
}

}  // namespace moire

#endif  // MOIRE_HARNESS_CASE_RANDOM_H_
