// What probing has cost a worker so far. A probe that kills the worker is noted as it is asked, so
// that the worker that replaces it leaves it out; it has become a candidate by then.
#ifndef MOIRE_HARNESS_CAMPAIGN_PROBE_LOG_H_
#define MOIRE_HARNESS_CAMPAIGN_PROBE_LOG_H_

#include <cstdint>
#include <string>
#include <unordered_set>

namespace moire {

// A file of 64-bit keys of cases: those that killed, then the one that is being asked (0: none).
// With an empty path nothing is kept.
class ProbeLog {
 public:
  explicit ProbeLog(const std::string& path);
  ~ProbeLog();
  ProbeLog(const ProbeLog&) = delete;
  ProbeLog& operator=(const ProbeLog&) = delete;

  bool Deadly(uint64_t key) const { return deadly_.contains(key); }
  void Asking(uint64_t key);
  void Answered() { Asking(0); }
  // All probes were answered: the file goes.
  void Finish();

 private:
  std::string path_;
  int file_ = -1;
  std::unordered_set<uint64_t> deadly_;
};

}  // namespace moire

#endif  // MOIRE_HARNESS_CAMPAIGN_PROBE_LOG_H_
