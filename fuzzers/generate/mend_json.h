// The counters of mending as JSON, for whoever prints them.
#ifndef MOIRE_FUZZERS_GENERATE_MEND_JSON_H_
#define MOIRE_FUZZERS_GENERATE_MEND_JSON_H_

#include <nlohmann/json.hpp>

#include "fuzzers/generate/mend.h"

namespace moire {

inline nlohmann::json MutantsJson(const MendCounts& counts) {
  return {{"made", counts.mutants},
          {"broken", counts.broken},
          {"repaired", counts.repaired},
          {"nodes_mended", counts.nodes_mended},
          {"nodes_lost", counts.nodes_lost}};
}

inline nlohmann::json SolverJson(const shapes::SolverCounts& counts) {
  return {{"near", counts.near},
          {"solves", counts.solves},
          {"cached", counts.cached},
          {"unsat", counts.unsat},
          {"timeouts", counts.timeouts},
          {"median_us", shapes::MedianOfSlots(counts.times)},
          {"near_median_us", shapes::MedianOfSlots(counts.near_times)}};
}

}  // namespace moire

#endif  // MOIRE_FUZZERS_GENERATE_MEND_JSON_H_
