// The journal of a worker: every call of the mutator and every change of what the mutator knows, so
// that `fuzz --rerun` makes the same cases without coverage. Format: docs/formats.md. A record is
// written before the case runs and is not buffered past a few calls, so a death loses nothing.
#ifndef MOIRE_HARNESS_CAMPAIGN_JOURNAL_H_
#define MOIRE_HARNESS_CAMPAIGN_JOURNAL_H_

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "harness/case/error.h"

namespace moire {

struct JournalRecord {
  enum Kind : uint8_t { kMutate = 1, kCrossover = 2, kRow = 3 };
  uint8_t kind = kMutate;
  uint32_t seed = 0;      // what libFuzzer gave
  uint64_t first = 0;     // hash of the parent; kRow: length of the row that follows
  uint64_t second = 0;    // crossover: hash of the other parent
  uint64_t output = 0;    // hash of the case that came out
  std::string row;        // kRow: a learned row
};

class JournalWriter {
 public:
  // Appends to the file. kEnvironment when it cannot.
  static Result<JournalWriter> Open(const std::string& path);
  void Write(const JournalRecord& record);

 private:
  struct Closer {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  std::unique_ptr<std::FILE, Closer> file_;
};

// A truncated last record is dropped.
Result<std::vector<JournalRecord>> ReadJournal(const std::string& path);

}  // namespace moire

#endif  // MOIRE_HARNESS_CAMPAIGN_JOURNAL_H_
