// How a child tells its parent what it saw: records of length-prefixed fields over a pipe. Private
// to one build, so there is no version; the reader still trusts no length, for a dying child may
// have written anything.
#ifndef MOIRE_HARNESS_EXECUTE_WIRE_H_
#define MOIRE_HARNESS_EXECUTE_WIRE_H_

#include <concepts>
#include <cstring>
#include <string>
#include <string_view>

#include "harness/backends/backend.h"
#include "oracles/verdict.h"

namespace moire {

class WireWriter {
 public:
  template <typename T>
    requires std::is_arithmetic_v<T> || std::is_enum_v<T>
  void Put(T value) {
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  void Put(std::string_view text);
  void Put(const NamedTensor& tensor);
  void Put(const Observation& observation, bool with_outputs);
  void Put(const Verdict& verdict);
  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

// After the first field that does not fit, every read gives a default and ok() is false.
class WireReader {
 public:
  explicit WireReader(std::string_view bytes) : rest_(bytes) {}
  template <typename T>
    requires std::is_arithmetic_v<T> || std::is_enum_v<T>
  T Get() {
    T value{};
    const std::string_view bytes = Take(sizeof value);
    if (ok_) std::memcpy(&value, bytes.data(), sizeof value);
    return value;
  }
  std::string GetString();
  NamedTensor GetTensor();
  Observation GetObservation();
  Verdict GetVerdict();
  // Number of items that follow, each at least one byte.
  size_t GetCount();
  std::string_view GetView();
  bool ok() const { return ok_; }
  bool done() const { return rest_.empty(); }

 private:
  std::string_view Take(size_t size);
  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace moire

#endif  // MOIRE_HARNESS_EXECUTE_WIRE_H_
