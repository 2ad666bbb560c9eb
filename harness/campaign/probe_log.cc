#include "harness/campaign/probe_log.h"

#include <fcntl.h>
#include <unistd.h>

namespace moire {

ProbeLog::ProbeLog(const std::string& path) : path_(path) {
  if (path_.empty()) return;
  file_ = open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  uint64_t key = 0;
  while (file_ >= 0 && read(file_, &key, sizeof key) == static_cast<ssize_t>(sizeof key)) {
    if (key != 0) deadly_.insert(key);
  }
}

ProbeLog::~ProbeLog() {
  if (file_ >= 0) close(file_);
}

void ProbeLog::Asking(uint64_t key) {
  const auto at = static_cast<off_t>(deadly_.size() * sizeof key);
  // Without the note a deadly probe is asked again: a restart more.
  if (file_ >= 0) (void)!pwrite(file_, &key, sizeof key, at);
}

void ProbeLog::Finish() {
  if (file_ >= 0) unlink(path_.c_str());
}

}  // namespace moire
