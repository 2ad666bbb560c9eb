#include "synth/investigate.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>

#include "harness/case/onnx_adapter.h"
#include "oracles/configuration_name.h"
#include "synth/bundle.h"
#include "synth/identity.h"
#include "synth/judge.h"
#include "synth/load.h"
#include "synth/reduce_child.h"
#include "synth/symptom_check.h"

namespace moire {
namespace {

constexpr std::array<std::string_view, 4> kStandings = {"confirmed", "unconfirmed",
                                                        "nondeterministic", "ours"};

// A failure of every fourth run shows in one of these with a probability of 0.997.
constexpr int kRuns = 20;

// The verdict of a run that stands for the sighting: one of its kind and class of error if there is
// one, of the plainest configuration that shows it.
const Verdict* Matching(const Verdict& sighting, const std::vector<Verdict>& verdicts) {
  const Verdict* of_kind = nullptr;
  for (const Verdict& verdict : verdicts) {
    if (verdict.kind != sighting.kind) continue;
    if (verdict.error_class == sighting.error_class) return &verdict;
    if (of_kind == nullptr) of_kind = &verdict;
  }
  return of_kind;
}

std::vector<std::string> ConfigurationsThatShow(const Verdict& wanted,
                                                const std::vector<Verdict>& verdicts) {
  std::vector<std::string> names;
  for (const Verdict& verdict : verdicts) {
    if (verdict.kind == wanted.kind && verdict.error_class == wanted.error_class &&
        std::ranges::find(names, verdict.configuration) == names.end()) {
      names.push_back(verdict.configuration);
    }
  }
  return names;
}

OpenAll OpenOnly(OpenAll open, const std::string& name) {
  return [open = std::move(open), name]() -> Result<Configurations> {
    MOIRE_ASSIGN(Configurations opened, open());
    std::erase_if(opened, [&](const auto& configuration) { return configuration->name() != name; });
    return opened;
  };
}

class Investigator {
 public:
  Investigator(const Verdict& sighting, const OpenAll& open, const std::vector<std::string>& specs,
               const std::string& bundle_root, const InvestigateOptions& options)
      : sighting_(sighting),
        open_(open),
        specs_(specs),
        bundle_root_(bundle_root),
        options_(options) {}

  Result<Investigation> Run(const Case& test_case) {
    investigation_.finding.test_case = test_case;
    investigation_.finding.verdict = sighting_;
    investigation_.finding.symptom = SymptomKey(sighting_);
    investigation_.finding.specs = specs_;

    MOIRE_ASSIGN(std::optional<Verdict> seen, Reproduce(test_case, sighting_));
    if (!seen) return std::move(investigation_);
    // Each configuration takes seconds to prove a hang: from here on only the one that is blamed.
    if (seen->kind == VerdictKind::kHang) open_ = OpenOnly(std::move(open_), seen->configuration);
    MOIRE_ASSIGN(const bool reduced, ReduceIt(test_case, *seen));
    if (!reduced) return std::move(investigation_);
    // The reduced case, in a fresh process, against everything: what is it now, and who shows it?
    const std::vector<std::string> all = investigation_.finding.configurations;
    MOIRE_ASSIGN(const std::optional<Verdict> after,
                 Reproduce(investigation_.finding.test_case, *seen));
    if (!after) return std::move(investigation_);
    if (seen->kind == VerdictKind::kHang) investigation_.finding.configurations = all;
    Describe(*after);
    MOIRE_TRY(WriteAndConfirm());
    return std::move(investigation_);
  }

 private:
  void End(Standing standing, std::string reason) {
    investigation_.standing = standing;
    investigation_.reason = std::move(reason);
  }

  // How often what should fail is run until it does.
  int Runs() const { return options_.flaky ? std::max(kRuns, investigation_.repeats.runs) : 1; }
  bool Flaky() const { return investigation_.original.flaky(); }

  // Empty, with the standing set, where the sighting does not show.
  Result<std::optional<Verdict>> Reproduce(const Case& test_case, const Verdict& wanted) {
    ChildExecution run;
    const Verdict* found = nullptr;
    for (int again = 0; again < Runs() && found == nullptr; ++again) {
      MOIRE_ASSIGN(run, ExecuteInChild(test_case, open_, options_.child));
      found = Matching(wanted, run.execution.verdicts);
    }
    if (found == nullptr) {
      if (!run.ours.empty()) {
        End(Standing::kOurs, run.ours);
      } else {
        End(Standing::kUnconfirmed, "did not show again in a fresh process");
      }
      return std::optional<Verdict>();
    }
    investigation_.finding.configurations = ConfigurationsThatShow(*found, run.execution.verdicts);
    return std::optional(*found);
  }

  // `wanted` becomes the symptom that the reduction held.
  Result<bool> ReduceIt(const Case& test_case, Verdict& wanted) {
    ReduceInChildOptions reduce{options_.reduce, options_.child, options_.blame, options_.flaky};
    MOIRE_ASSIGN(ChildReduction reduction, ReduceInChild(test_case, wanted, open_, reduce));
    investigation_.original = reduction.rate;
    investigation_.repeats = reduction.repeats;
    if (!reduction.identity.empty() && !Flaky()) {
      End(Standing::kNondeterministic, reduction.identity);
      return false;
    }
    if (!reduction.showed && options_.reduce.stopped && options_.reduce.stopped()) {
      End(Standing::kUnconfirmed, "interrupted before anything was reduced");
      investigation_.reduction = std::move(reduction.result);
      return false;
    }
    if (!reduction.showed) {
      End(Standing::kUnconfirmed, "did not show when run alone");
      return false;
    }
    wanted = reduction.held;
    investigation_.finding.blamed_optimizer = reduction.blamed_optimizer;
    investigation_.finding.test_case = reduction.result.reduced;
    investigation_.reduction = std::move(reduction.result);
    return true;
  }

  void Describe(const Verdict& verdict) {
    Finding& finding = investigation_.finding;
    finding.verdict = verdict;
    finding.symptom = SymptomKey(verdict);
    const Result<Model> model = ParseModel(finding.test_case.model);
    finding.cause = CauseKey(verdict, model ? *model : Model{}, finding.test_case.inputs,
                             finding.test_case.options, finding.blamed_optimizer);
  }

  // Writes the bundle beside its place, sees it fail from there, and only then moves it in.
  Status WriteAndConfirm() {
    const Finding& finding = investigation_.finding;
    if (bundle_root_.empty()) return Confirm(finding.test_case);
    const std::filesystem::path place = std::filesystem::path(bundle_root_) / BundleName(finding);
    // The cause is named after its bundle, which was confirmed before it was moved there.
    if (std::filesystem::exists(place / "finding.json")) {
      investigation_.bundle = place.string();
      End(Standing::kConfirmed, finding.verdict.reason);
      return {};
    }
    // Another process may be at the same cause.
    const std::string fresh = fmt::format("{}.{}.new", place.string(), getpid());
    std::error_code ignored;
    std::filesystem::remove_all(fresh, ignored);
    MOIRE_TRY(WriteBundle(fresh, finding));
    Result<Finding> read = ReadBundle(fresh);
    if (!read) return std::unexpected(std::move(read).error().With("reading the bundle back"));
    MOIRE_TRY(Confirm(read->test_case));
    // The same cause may have its bundle by now.
    if (investigation_.standing == Standing::kConfirmed && !std::filesystem::exists(place)) {
      std::filesystem::rename(fresh, place, ignored);
      if (ignored && !std::filesystem::exists(place / "finding.json")) {
        return Fail(ErrorCode::kEnvironment, "cannot write {}", place.string());
      }
    }
    std::filesystem::remove_all(fresh, ignored);
    if (investigation_.standing == Standing::kConfirmed) investigation_.bundle = place.string();
    return {};
  }

  Status Confirm(const Case& test_case) {
    const Verdict& wanted = investigation_.finding.verdict;
    bool shown = false;
    for (int again = 0; again < Runs() && !shown; ++again) {
      MOIRE_ASSIGN(const ChildExecution run, ExecuteInChild(test_case, open_, options_.child));
      shown = FindSymptom(wanted, run.execution.verdicts) != nullptr;
    }
    if (!shown) {
      End(Standing::kUnconfirmed, "did not show again from its bundle");
      return {};
    }
    if (Flaky()) {
      End(Standing::kConfirmed,
          fmt::format("flaky, {} of {} runs fail: {}", investigation_.original.failures,
                      investigation_.original.runs, wanted.reason));
      return {};
    }
    // What dies has just shown that it dies again; and what is not itself is the finding here.
    if (!IsDeath(wanted.kind) && wanted.kind != VerdictKind::kNondeterministic) {
      const IdentityResult identity =
          CheckIdentityInChild(test_case, wanted.configuration, open_, options_.child);
      if (identity.identity != Identity::kSame) {
        End(Standing::kNondeterministic, identity.reason);
        return {};
      }
    }
    End(Standing::kConfirmed, wanted.reason);
    return {};
  }

  const Verdict& sighting_;
  OpenAll open_;
  const std::vector<std::string>& specs_;
  const std::string& bundle_root_;
  const InvestigateOptions& options_;
  Investigation investigation_;
};

}  // namespace

std::string_view Name(Standing standing) { return kStandings[static_cast<size_t>(standing)]; }

Result<Investigation> Investigate(const Case& test_case, const Verdict& verdict,
                                  const OpenAll& open, const std::vector<std::string>& specs,
                                  const std::string& bundle_root,
                                  const InvestigateOptions& options) {
  return Investigator(verdict, open, specs, bundle_root, options).Run(test_case);
}

Result<Investigation> Investigate(const Case& test_case, const Verdict& verdict,
                                  const std::vector<std::string>& specs,
                                  const std::string& bundle_root,
                                  const InvestigateOptions& options) {
  return Investigate(test_case, verdict, OpenSpecs(specs), specs, bundle_root, options);
}

}  // namespace moire
