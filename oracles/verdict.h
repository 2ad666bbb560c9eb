// Verdict: what an oracle says of one case. "Cannot tell" is never a bug and never a pass.
#ifndef MOIRE_ORACLES_VERDICT_H_
#define MOIRE_ORACLES_VERDICT_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace moire {

enum class VerdictKind {
  kMatch,
  // Bugs.
  kMismatch,
  kWronglyRejected,
  kWronglyAccepted,
  kCrash,
  kHang,
  kMemory,
  kNondeterministic,
  kSlow,
  // No judgement.
  kUnsupported,
  kUnspecified,
  kUndecidable,
  kOverBudget,
  kOracleError,
};
std::string_view Name(VerdictKind kind);  // "mismatch", "wrongly rejected", ...
VerdictKind ParseVerdictKind(std::string_view name);
bool IsBug(VerdictKind kind);

struct Verdict {
  VerdictKind kind = VerdictKind::kMatch;
  std::string oracle;          // "differential", "crash", ...
  std::string configuration;   // the one that is blamed
  std::string against;         // what it was compared with: "reference", another configuration
  double severity = 0;         // >= 0; mismatch: distance outside the range in units of its width
  std::string reason;          // one line, for a person
  // Class of error for the symptom: the message with names and numbers removed, or
  // "SIGFPE libonnxruntime.so.1.32.0+0x1234 ...", or for a mismatch "value", "nan", "shape", "type".
  std::string error_class;
  int output = -1;             // index of the graph output, mismatch only
  int64_t element = -1;        // flat index
  int run = 0;                 // of the case: 0 the first, else one of RunOptions::more_runs
  std::string expected;        // "[0.1, 0.2]" or "7"
  std::string actual;
};

}  // namespace moire

#endif  // MOIRE_ORACLES_VERDICT_H_
