// From a sighting to a finding: reproduce, check identity, reduce, blame, write the bundle, read it
// back and see it fail again. Everything that touches a runtime happens in children; the caller
// must not have loaded one itself.
#ifndef MOIRE_SYNTH_INVESTIGATE_H_
#define MOIRE_SYNTH_INVESTIGATE_H_

#include <string>
#include <vector>

#include "harness/execute/child.h"
#include "synth/finding.h"
#include "synth/reduce.h"
#include "synth/repeats.h"

namespace moire {

enum class Standing {
  kConfirmed,         // reduced, bundled, and failed again with the same symptom from its bundle
  kUnconfirmed,       // did not repeat in a fresh process
  kNondeterministic,  // A against A, or against its re-serialised twin, differs
  kOurs,              // Moire or the ONNX library failed on it
};
std::string_view Name(Standing standing);

struct InvestigateOptions {
  ReduceOptions reduce;
  ChildOptions child;
  bool blame = true;  // find the optimiser whose removal makes it vanish
  // Reduce also what fails in some runs only: everything is run often enough for its rate.
  bool flaky = false;
};

struct Investigation {
  Standing standing = Standing::kUnconfirmed;
  std::string reason;  // one line
  Finding finding;     // the reduced case, its verdict, symptom, cause, configurations, specs
  ReduceResult reduction;
  FailureRate original;  // with InvestigateOptions::flaky
  Repeats repeats;       // that judged each candidate
  std::string bundle;    // directory; empty when none was written
};

// `verdict` is what was seen; `specs` open the configurations (at least the blamed one). The bundle
// goes to bundle_root/NAME, where NAME is made from the cause; nothing is written where bundle_root
// is empty. Errors: those of opening the specs, and kEnvironment.
Result<Investigation> Investigate(const Case& test_case, const Verdict& verdict,
                                  const std::vector<std::string>& specs,
                                  const std::string& bundle_root,
                                  const InvestigateOptions& options = {});
// The same with configurations that `open` opens (the tests' faulty runtimes).
Result<Investigation> Investigate(const Case& test_case, const Verdict& verdict,
                                  const OpenAll& open, const std::vector<std::string>& specs,
                                  const std::string& bundle_root,
                                  const InvestigateOptions& options = {});

}  // namespace moire

#endif  // MOIRE_SYNTH_INVESTIGATE_H_
