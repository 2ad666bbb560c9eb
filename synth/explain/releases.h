// Which of the installed releases fail on a finding's case.
#ifndef MOIRE_SYNTH_EXPLAIN_RELEASES_H_
#define MOIRE_SYNTH_EXPLAIN_RELEASES_H_

#include "synth/explain/explain.h"

namespace moire {

// Oldest first: 1.9.0 before 1.10.0.
bool OlderRelease(std::string_view a, std::string_view b);

// Fills in the releases: the finding's configuration under every installed version of its backend.
// Each runs in a child of its own. A release that refuses the case's operator set gets the case
// with an older one, where it still fails on the finding's own release; one that cannot judge it is
// in neither list. Nothing is filled in for a configuration that names no version.
Status CompareReleases(const Finding& finding, const ChildOptions& options,
                       Explanation& explanation);

}  // namespace moire

#endif  // MOIRE_SYNTH_EXPLAIN_RELEASES_H_
