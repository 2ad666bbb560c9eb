// Learns what a configuration does not implement. The probes run in children: one that kills or
// hangs the runtime costs a child and no worker, and counts as implemented.
#ifndef MOIRE_HARNESS_CAMPAIGN_PROBE_H_
#define MOIRE_HARNESS_CAMPAIGN_PROBE_H_

#include "fuzzers/generate/generate.h"
#include "harness/backends/backend.h"

namespace moire {

// The calling process must have no threads.
void ProbeInChildren(const GeneratorSettings& settings, Configuration& configuration,
                     Learned& learned);

}  // namespace moire

#endif  // MOIRE_HARNESS_CAMPAIGN_PROBE_H_
