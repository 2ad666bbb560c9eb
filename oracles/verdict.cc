// Names of the kinds of verdict. Depends on nothing else.
#include "oracles/verdict.h"

#include <array>

namespace moire {
namespace {

struct KindRow {
  VerdictKind kind;
  std::string_view name;
  bool bug;
};

constexpr std::array kKinds = {
    KindRow{VerdictKind::kMatch, "match", false},
    KindRow{VerdictKind::kMismatch, "mismatch", true},
    KindRow{VerdictKind::kWronglyRejected, "wrongly rejected", true},
    KindRow{VerdictKind::kWronglyAccepted, "wrongly accepted", true},
    KindRow{VerdictKind::kCrash, "crash", true},
    KindRow{VerdictKind::kHang, "hang", true},
    KindRow{VerdictKind::kMemory, "memory", true},
    KindRow{VerdictKind::kNondeterministic, "nondeterministic", true},
    KindRow{VerdictKind::kSlow, "slow", true},
    KindRow{VerdictKind::kUnsupported, "unsupported", false},
    KindRow{VerdictKind::kUnspecified, "unspecified", false},
    KindRow{VerdictKind::kUndecidable, "undecidable", false},
    KindRow{VerdictKind::kOverBudget, "over budget", false},
    KindRow{VerdictKind::kOracleError, "oracle error", false},
};

}  // namespace

std::string_view Name(VerdictKind kind) {
  for (const KindRow& row : kKinds) {
    if (row.kind == kind) return row.name;
  }
  return "oracle error";
}

VerdictKind ParseVerdictKind(std::string_view name) {
  for (const KindRow& row : kKinds) {
    if (row.name == name) return row.kind;
  }
  return VerdictKind::kOracleError;
}

bool IsBug(VerdictKind kind) {
  for (const KindRow& row : kKinds) {
    if (row.kind == kind) return row.bug;
  }
  return false;
}

}  // namespace moire
