#include "synth/journal.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "harness/case/case.h"
#include "harness/case/random.h"

namespace moire {
namespace {

constexpr size_t kRecord = 16;
using Record = std::array<unsigned char, kRecord>;

Record Write(uint64_t key, Journal::Answer answer) {
  Record record{};
  const uint64_t check =
      Mix64(key + static_cast<uint64_t>(answer)) << 8 | static_cast<uint64_t>(answer);
  for (size_t i = 0; i < 8; ++i) {
    record[i] = static_cast<unsigned char>(key >> (8 * i));
    record[8 + i] = static_cast<unsigned char>(check >> (8 * i));
  }
  return record;
}

uint64_t ReadKey(const char* bytes) {
  uint64_t key = 0;
  for (size_t i = 8; i-- > 0;) key = key << 8 | static_cast<unsigned char>(bytes[i]);
  return key;
}

}  // namespace

Journal::~Journal() { Forget(); }

void Journal::Forget() {
  if (file_ >= 0) close(file_);
  file_ = -1;
}

Status Journal::Open(const std::string& path) {
  file_ = open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (file_ < 0) {
    return Fail(ErrorCode::kEnvironment, "cannot write '{}': {}", path, std::strerror(errno));
  }
  MOIRE_ASSIGN(const std::string bytes, ReadFile(path));
  size_t whole = 0;
  for (; whole + kRecord <= bytes.size(); whole += kRecord) {
    const char* at = bytes.data() + whole;
    const uint64_t key = ReadKey(at);
    const auto answer = static_cast<Answer>(at[8]);
    const Record expected = Write(key, answer);
    if (answer > Answer::kDied || std::memcmp(expected.data(), at, kRecord) != 0) break;
    answers_[key] = answer;
  }
  read_ = whole / kRecord;
  if (ftruncate(file_, static_cast<off_t>(whole)) != 0) {
    return Fail(ErrorCode::kEnvironment, "cannot write '{}': {}", path, std::strerror(errno));
  }
  return {};
}

void Journal::set_question(std::string_view question) {
  question_ = HashBytes(question.data(), question.size());
}

uint64_t Journal::Key(std::string_view bytes) const {
  return HashBytes(bytes.data(), bytes.size(), Mix64(question_));
}

std::optional<Journal::Answer> Journal::Find(uint64_t key) const {
  const auto found = answers_.find(key);
  return found == answers_.end() ? std::nullopt : std::optional(found->second);
}

void Journal::Add(uint64_t key, Answer answer) {
  answers_[key] = answer;
  if (file_ < 0) return;
  const Record record = Write(key, answer);
  if (write(file_, record.data(), kRecord) != static_cast<ssize_t>(kRecord)) {
    Forget();
  }
}

}  // namespace moire
