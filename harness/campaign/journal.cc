#include "harness/campaign/journal.h"

#include <cerrno>
#include <cstring>

#include "harness/case/case.h"

namespace moire {
namespace {

// kind, seed and three hashes, little endian, then the row.
constexpr size_t kRecordBytes = 1 + 4 + 3 * 8;
constexpr uint64_t kMaxRow = 4096;

}  // namespace

Result<JournalWriter> JournalWriter::Open(const std::string& path) {
  JournalWriter out;
  out.file_.reset(std::fopen(path.c_str(), "abe"));
  if (!out.file_) {
    return Fail(ErrorCode::kEnvironment, "cannot write the journal '{}': {}", path,
                std::strerror(errno));
  }
  return out;
}

void JournalWriter::Write(const JournalRecord& record) {
  char bytes[kRecordBytes];
  bytes[0] = static_cast<char>(record.kind);
  const uint64_t first = record.kind == JournalRecord::kRow ? record.row.size() : record.first;
  std::memcpy(bytes + 1, &record.seed, 4);
  std::memcpy(bytes + 5, &first, 8);
  std::memcpy(bytes + 13, &record.second, 8);
  std::memcpy(bytes + 21, &record.output, 8);
  std::fwrite(bytes, 1, kRecordBytes, file_.get());
  std::fwrite(record.row.data(), 1, record.row.size(), file_.get());
  // One write call a record: what was written survives the death of this process.
  std::fflush(file_.get());
}

Result<std::vector<JournalRecord>> ReadJournal(const std::string& path) {
  MOIRE_ASSIGN(const std::string bytes, ReadFile(path));
  std::vector<JournalRecord> records;
  size_t at = 0;
  while (at + kRecordBytes <= bytes.size()) {
    JournalRecord record;
    const char* source = bytes.data() + at;
    record.kind = static_cast<uint8_t>(source[0]);
    std::memcpy(&record.seed, source + 1, 4);
    std::memcpy(&record.first, source + 5, 8);
    std::memcpy(&record.second, source + 13, 8);
    std::memcpy(&record.output, source + 21, 8);
    at += kRecordBytes;
    if (record.kind < JournalRecord::kMutate || record.kind > JournalRecord::kRow ||
        (record.kind == JournalRecord::kRow && record.first > kMaxRow)) {
      return Fail(ErrorCode::kInvalidInput, "'{}' is not a journal (byte {})", path,
                  at - kRecordBytes);
    }
    if (record.kind == JournalRecord::kRow) {
      if (at + record.first > bytes.size()) break;
      record.row = bytes.substr(at, record.first);
      at += record.first;
    }
    records.push_back(std::move(record));
  }
  if (records.empty()) return Fail(ErrorCode::kInvalidInput, "'{}' holds no journal record", path);
  return records;
}

}  // namespace moire
