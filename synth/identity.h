// Identity first: A against A, and the case against its own re-serialised twin, must match before A
// against B is believed (DESIGN 3.7).
#ifndef MOIRE_SYNTH_IDENTITY_H_
#define MOIRE_SYNTH_IDENTITY_H_

#include <string>

#include "harness/backends/backend.h"
#include "harness/execute/child.h"

namespace moire {

enum class Identity {
  kSame,
  kRunsDiffer,   // the same bytes, run again, gave something else
  kTwinDiffers,  // parse and serialise of the model gave something else
};

// What the first difference was, in words; empty for kSame.
struct IdentityResult {
  Identity identity = Identity::kSame;
  std::string reason;
};

// Runs the case three times and its twin once. Outputs are compared bit for bit, except that any
// NaN is like any other. In this process: announce the stage, or be in a child.
IdentityResult CheckIdentity(const Case& test_case, Configuration& configuration);

// The same in a child of its own. A configuration that dies there says nothing about identity:
// deaths are confirmed by dying again.
IdentityResult CheckIdentityInChild(const Case& test_case, const std::string& configuration,
                                    const OpenAll& open, const ChildOptions& options);

}  // namespace moire

#endif  // MOIRE_SYNTH_IDENTITY_H_
