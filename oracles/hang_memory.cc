// Oracle "hang_memory": a configuration did not come to an end, or took far more memory than the
// case holds. Judged against known work: what the reference needed for the same case. Where the
// reference did not do the work (over budget, an operator it lacks) nothing is said, except for a
// configuration that stood still, which no amount of work explains.
#include <algorithm>

#include "oracles/families.h"
#include "oracles/growth.h"

namespace moire {
namespace {

// A hang is more than 5 s of CPU time and 1 000 times the reference's, or no CPU time for 10 s.
constexpr double kHangSeconds = 5;
constexpr double kHangRatio = 1000;
// Memory is more than 256 MB and 50 times all tensors, above the level before the run.
constexpr double kMemoryBytes = 256e6;
constexpr double kMemoryRatio = 50;

// Whether the reference did all of the case's work.
bool KnownWork(const ReferenceResult* reference) {
  if (reference == nullptr || reference->status == ReferenceStatus::kOverBudget) return false;
  for (const RangeTensor& output : reference->outputs) {
    if (output.opaque == Opaque::kUnsupported || output.opaque == Opaque::kUndecidable)
      return false;
  }
  return true;
}

// All tensors of the case, as far as they are known: at least what it carries.
double TensorBytes(const Evidence& evidence) {
  size_t carried = evidence.test_case.model.size();
  for (const NamedTensor& input : evidence.test_case.inputs) carried += input.tensor.data.size();
  const uint64_t computed = evidence.reference == nullptr ? 0 : evidence.reference->spent.bytes;
  return static_cast<double>(std::max<uint64_t>(carried, computed));
}

Verdict Base(const Observation& seen, VerdictKind kind, std::string reason) {
  return {.kind = kind,
          .oracle = "hang_memory",
          .configuration = seen.configuration,
          .against = "reference",
          .severity = IsBug(kind) ? kStructural : 0,
          .reason = std::move(reason),
          .error_class = std::string(Name(kind)),
          .expected = {},
          .actual = {}};
}

Verdict JudgeTime(const Observation& seen, const Evidence& evidence) {
  if (seen.stage == kIdleStage) {
    return Base(
        seen, VerdictKind::kHang,
        fmt::format("stood still: {:.1f} s of CPU time, then none for 10 s", seen.cpu_seconds));
  }
  const double known = evidence.reference_cpu_seconds;
  if (!KnownWork(evidence.reference)) {
    return Base(
        seen, VerdictKind::kOverBudget,
        fmt::format("stopped after {:.1f} s of CPU time; the reference does not know the work",
                    seen.cpu_seconds));
  }
  if (seen.cpu_seconds > kHangSeconds && seen.cpu_seconds > kHangRatio * known) {
    return Base(seen, VerdictKind::kHang,
                fmt::format("no end after {:.1f} s of CPU time; the reference needed {:.6f} s",
                            seen.cpu_seconds, known));
  }
  return Base(seen, VerdictKind::kOverBudget,
              fmt::format("stopped after {:.1f} s of CPU time; the reference needed {:.3f} s",
                          seen.cpu_seconds, known));
}

Verdict JudgeMemory(const Observation& seen, const Evidence& evidence) {
  const auto peak = static_cast<double>(seen.peak_bytes);
  const double known = TensorBytes(evidence);
  const bool too_much = peak > kMemoryBytes && peak > kMemoryRatio * known;
  if (KnownWork(evidence.reference) && too_much) {
    return Base(seen, VerdictKind::kMemory,
                fmt::format("took {:.0f} MB; the tensors of the case take {:.3f} MB", peak / 1e6,
                            known / 1e6));
  }
  return Base(seen, VerdictKind::kOverBudget, fmt::format("took {:.0f} MB", peak / 1e6));
}

class HangMemory : public Oracle {
 public:
  std::string_view name() const override { return "hang_memory"; }
  void Judge(const Evidence& evidence, std::vector<Verdict>& verdicts) const override {
    for (const Observation& seen : evidence.observations) {
      if (seen.outcome == Outcome::kTimedOut) {
        verdicts.push_back(JudgeTime(seen, evidence));
      } else if (seen.outcome == Outcome::kOutOfMemory) {
        verdicts.push_back(JudgeMemory(seen, evidence));
      } else if (seen.stage == kGrowthStage) {
        verdicts.push_back(
            Base(seen, VerdictKind::kMemory,
                 fmt::format("keeps memory: {} runs of the case have added {:.2f} MB for good",
                             kMeasuredRepeats, static_cast<double>(seen.peak_bytes) / 1e6)));
      } else if (static_cast<double>(seen.peak_bytes) > kMemoryBytes) {
        Verdict verdict = JudgeMemory(seen, evidence);
        // It did end: without a bug there is nothing to say.
        if (IsBug(verdict.kind)) verdicts.push_back(std::move(verdict));
      }
    }
  }
};

}  // namespace

const Oracle& HangMemoryOracle() {
  static const HangMemory oracle;
  return oracle;
}

}  // namespace moire
