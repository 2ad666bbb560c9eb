// Known findings: what keeps a finding out of the exit code. Read from `--known FILE|DIR`:
//   FILE  one entry a line: CAUSE [until YYYY-MM-DD] [# reason]; * in CAUSE stands for anything
//   DIR   a bundle (its finding.json names the cause), or a directory of bundles
#ifndef MOIRE_HARNESS_CAMPAIGN_KNOWN_H_
#define MOIRE_HARNESS_CAMPAIGN_KNOWN_H_

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "harness/case/error.h"

namespace moire {

struct KnownEntry {
  std::string reason;
  std::string expires;  // ISO date, the last day it holds; empty: for ever
};

class KnownFindings {
 public:
  static Result<KnownFindings> Read(const std::vector<std::string>& paths);
  // Null when the cause is not known, or no longer (`today`: ISO date).
  const KnownEntry* Find(std::string_view cause, std::string_view today) const;
  size_t size() const { return entries_.size() + patterns_.size(); }

 private:
  Status ReadListing(const std::string& path);
  Status ReadDirectory(const std::string& path);
  std::map<std::string, KnownEntry, std::less<>> entries_;
  std::vector<std::pair<std::string, KnownEntry>> patterns_;  // causes with a * in them
};

// ISO date of now, UTC.
std::string Today();

}  // namespace moire

#endif  // MOIRE_HARNESS_CAMPAIGN_KNOWN_H_
