// Oracle "acceptance": who refuses and who runs the case.
//   wrongly rejected: a configuration refuses what the same runtime runs without optimisation, or
//     what the reference evaluates and the ONNX checker accepts. "Not implemented" is no bug,
//     unless the same runtime runs the model without optimisation: then its optimiser broke the
//     model.
//   wrongly accepted: a configuration returns outputs for values that ONNX calls an error.
// Nothing is said where ONNX leaves a value inside the graph open (a runtime may refuse it), where
// an undecidable value decides whether there is an error, and where neither the reference nor the
// plain configuration vouches for the case.
#include <algorithm>
#include <array>
#include <cctype>

#include "oracles/configuration_name.h"
#include "oracles/error_class.h"
#include "oracles/families.h"

namespace moire {
namespace {

// Runtimes say "not implemented" in many ways; a status code of its own is the exception.
constexpr std::array<std::string_view, 7> kNotImplemented = {
    "implement", "support",     "not yet",  "under development",
    "no kernel", "exceeds the", "too large"};

bool SaysNotImplemented(std::string_view message) {
  std::string lower(message);
  std::ranges::transform(lower, lower.begin(),
                         [](char c) { return static_cast<char>(std::tolower(c)); });
  return std::ranges::any_of(kNotImplemented, [&](std::string_view phrase) {
    return lower.find(phrase) != std::string::npos;
  });
}

// The same runtime's configuration without optimisation, where the case ended there in this way.
const Observation* PlainThat(Outcome outcome, const Evidence& evidence, const Observation& seen) {
  for (const Observation& other : evidence.observations) {
    if (&other != &seen && other.outcome == outcome && IsPlain(other.configuration) &&
        BackendPart(other.configuration) == BackendPart(seen.configuration)) {
      return &other;
    }
  }
  return nullptr;
}

// The reference did the whole case: nothing that it lacks hides an error.
bool ReferenceVouches(const ReferenceResult* reference) {
  return reference != nullptr && reference->status == ReferenceStatus::kEvaluated &&
         std::ranges::all_of(reference->outputs,
                             [](const RangeTensor& o) { return o.opaque == Opaque::kNo; });
}

class Acceptance : public Oracle {
 public:
  std::string_view name() const override { return "acceptance"; }

  void Judge(const Evidence& evidence, std::vector<Verdict>& verdicts) const override {
    std::optional<Status> checked;  // run at most once
    for (const Observation& seen : evidence.observations) {
      if (seen.outcome == Outcome::kOutputs) {
        JudgeAccepted(evidence, seen, verdicts);
      } else if (seen.outcome == Outcome::kRejected || seen.outcome == Outcome::kUnsupported) {
        verdicts.push_back(JudgeRejected(evidence, seen, checked));
      }
    }
  }

 private:
  static Verdict Make(const Observation& seen, VerdictKind kind, std::string_view against,
                      std::string reason) {
    return {.kind = kind,
            .oracle = "acceptance",
            .configuration = seen.configuration,
            .against = std::string(against),
            .severity = IsBug(kind) ? kStructural : 0,
            .reason = std::move(reason),
            .error_class = MessageClass(seen.reason),
            .expected = {},
            .actual = {}};
  }

  static void JudgeAccepted(const Evidence& evidence, const Observation& seen,
                            std::vector<Verdict>& verdicts) {
    if (evidence.reference == nullptr || evidence.reference->status != ReferenceStatus::kRejected ||
        !evidence.reference->must_reject) {
      return;
    }
    // An optimiser may drop a node that nothing needs, with its error.
    if (PlainThat(Outcome::kRejected, evidence, seen) != nullptr) return;
    Verdict verdict =
        Make(seen, VerdictKind::kWronglyAccepted, "reference",
             "returned outputs; ONNX calls it an error: " + evidence.reference->reason);
    verdict.error_class = MessageClass(evidence.reference->reason);
    verdict.expected = "an error";
    verdict.actual = "outputs";
    verdicts.push_back(std::move(verdict));
  }

  static Verdict JudgeRejected(const Evidence& evidence, const Observation& seen,
                               std::optional<Status>& checked) {
    const ReferenceResult* reference = evidence.reference;
    if (reference != nullptr && reference->status == ReferenceStatus::kRejected) {
      return Make(seen, VerdictKind::kMatch, "reference", "refused, and so does the reference");
    }
    if (evidence.unspecified_inside) {
      return Make(seen, VerdictKind::kUnspecified, "reference",
                  "refused a case that computes a value which ONNX leaves open: " + seen.reason);
    }
    if (reference != nullptr && reference->may_reject) {
      return Make(seen, VerdictKind::kUndecidable, "reference",
                  "refused a case in which an undecidable value may be an error: " + seen.reason);
    }
    const Observation* plain = IsPlain(seen.configuration) ? nullptr : PlainThat(Outcome::kOutputs, evidence, seen);
    if (plain == nullptr) {
      if (seen.outcome == Outcome::kUnsupported || SaysNotImplemented(seen.reason)) {
        return Make(seen, VerdictKind::kUnsupported, {}, "not implemented: " + seen.reason);
      }
      if (!ReferenceVouches(reference)) {
        return Make(seen, VerdictKind::kUndecidable, {},
                    "refused, and nobody can say whether rightly: " + seen.reason);
      }
    }
    if (!checked) checked = evidence.checker ? evidence.checker() : Status();
    if (!*checked) {
      return Make(seen, VerdictKind::kUndecidable, "ONNX checker",
                  fmt::format("refused: {}; and the ONNX checker refuses it as well: {}",
                              seen.reason, checked->error().message));
    }
    Verdict verdict = Make(
        seen, VerdictKind::kWronglyRejected, plain != nullptr ? plain->configuration : "reference",
        fmt::format("refused what {} runs: {}",
                    plain != nullptr ? plain->configuration : "the reference", seen.reason));
    verdict.expected = "outputs";
    verdict.actual = fmt::format("an error in {}", seen.stage.empty() ? "load" : seen.stage);
    return verdict;
  }
};

}  // namespace

const Oracle& AcceptanceOracle() {
  static const Acceptance oracle;
  return oracle;
}

}  // namespace moire
