#include "synth/explain/issue.h"

#include <nlohmann/json.hpp>

#include "synth/bundle_extras.h"

namespace moire {

Status AddExplanation(const std::string& bundle, const Finding& finding,
                      const Explanation& explanation) {
  MOIRE_TRY(WriteFile(
      bundle + "/explanation.json",
      ExplanationToJson(explanation).dump(1, ' ', false, nlohmann::json::error_handler_t::replace) +
          "\n"));
  MOIRE_TRY(WriteFile(bundle + "/explanation.txt", ExplanationToText(explanation)));
  return WriteFile(bundle + "/issue.md",
                   IssueText(finding, {.predicate = explanation.predicate.ToString(),
                                       .first_bad_release = explanation.first_bad_release,
                                       .last_good_release = explanation.last_good_release,
                                       .bad_releases = explanation.bad_releases,
                                       .good_releases = explanation.good_releases,
                                       .pass = explanation.pass,
                                       .passing_changes = explanation.passing_changes}));
}

}  // namespace moire
