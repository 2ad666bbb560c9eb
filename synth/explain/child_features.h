// Features of probes, computed in children with a deadline: what computes them runs ONNX's shape
// inference on models that may be malformed, and that dies of some and never ends on others.
#ifndef MOIRE_SYNTH_EXPLAIN_CHILD_FEATURES_H_
#define MOIRE_SYNTH_EXPLAIN_CHILD_FEATURES_H_

#include <functional>
#include <span>
#include <vector>

#include "harness/execute/watched.h"
#include "synth/explain/features.h"

namespace moire {

struct ChildFeatures {
  std::vector<Features> features;  // in the order of the probes
  // Probes that have only what they state: the ONNX library, or Moire, died of them or took too
  // long, or of so many before them that they were not tried.
  int stated_only = 0;
};
// `cpu_seconds` for each probe. `features_of` is what the children compute.
ChildFeatures FeaturesInChildren(
    std::span<const Probe> probes, const ChildLimits& limits, double cpu_seconds = 2,
    const std::function<Features(const Probe&)>& features_of = FeaturesOf);

}  // namespace moire

#endif  // MOIRE_SYNTH_EXPLAIN_CHILD_FEATURES_H_
