// What reductions have taught about reducing: how often each rule's edits were kept, and which
// nodes had to stay. The learned order (learned.h) starts from it and adds to it. Deterministic:
// the same file and seed give the same reduction.
//
// The file is text, one entry a line after the first, "moire-experience 1":
//   rule NAME KEPT REFUSED    counts of edits, faded so that they add up to 50 at most
//   weight FEATURE VALUE      of a feature of a node, see NodeFeatures in learned.cc
// Names and features hold no white space. A file that is none counts as no experience.
#ifndef MOIRE_SYNTH_EXPERIENCE_H_
#define MOIRE_SYNTH_EXPERIENCE_H_

#include <map>
#include <string>
#include <vector>

#include "harness/case/error.h"
#include "harness/case/random.h"

namespace moire {

using Features = std::vector<std::string>;

class Experience {
 public:
  static Experience Read(const std::string& path);
  Status Write(const std::string& path) const;

  // A draw from what is believed of the chance that the rule's next edit is kept: Thompson sampling
  // (Thompson 1933), a Beta distribution over the counts.
  double Sample(const std::string& rule, Random& random) const;
  void Count(const std::string& rule, int kept, int refused);

  // How likely a node with these features is to be needed, against the others of its graph: the
  // exponents of a softmax.
  double Score(const Features& features) const;
  // One step of gradient descent on the cross entropy: `needed[i]` says whether node i stayed.
  void Learn(const std::vector<Features>& nodes, const std::vector<bool>& needed);

  bool operator==(const Experience&) const = default;

 private:
  struct Counts {
    double kept = 0, refused = 0;
    bool operator==(const Counts&) const = default;
  };
  std::map<std::string, Counts> rules_;
  std::map<std::string, double> weights_;
};

}  // namespace moire

#endif  // MOIRE_SYNTH_EXPERIENCE_H_
