// How well `moire bits` tells precisions apart: simulated backends, which compute in the precision
// that they stand for, and what EstimateBitsOf says of them.
#ifndef MOIRE_TESTS_FAULTY_PRECISION_H_
#define MOIRE_TESTS_FAULTY_PRECISION_H_

#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "harness/execute/effective_bits.h"
#include "tests/faulty/faulty_backend.h"

namespace moire::faulty {

struct SimulatedBackend {
  Arithmetic arithmetic;
  Precision truth = Precision::kFloat32;
  std::string name;
};
// Backend `index`: the four kinds in turn, each in every order, with lanes, ways of rounding
// products and of cutting factors drawn from `seed`.
SimulatedBackend DrawBackend(uint64_t seed, int index);

struct PrecisionOptions {
  int backends = 0;
  uint64_t seed = 1;
  std::vector<int64_t> lengths = {64, 1024};
};
struct PrecisionReport {
  int backends = 0;
  int right = 0;       // backends with every operator right at every length
  int64_t judged = 0;  // operators and lengths
  int64_t judged_right = 0;
  std::map<std::string, int> kinds, orders;  // how many backends
  std::vector<std::string> wrong;            // one line each
};
PrecisionReport RunPrecision(const PrecisionOptions& options);
nlohmann::json ToJson(const PrecisionReport& report);

}  // namespace moire::faulty

#endif  // MOIRE_TESTS_FAULTY_PRECISION_H_
