// How an observation says that the runtime keeps memory: `stage` is kGrowthStage beside outcome
// kOutputs, and `peak_bytes` the resident memory that kMeasuredRepeats runs have gained, after a
// warm-up.
#ifndef MOIRE_ORACLES_GROWTH_H_
#define MOIRE_ORACLES_GROWTH_H_

#include <string_view>

namespace moire {

inline constexpr std::string_view kGrowthStage = "growth";
inline constexpr int kMeasuredRepeats = 100;

}  // namespace moire

#endif  // MOIRE_ORACLES_GROWTH_H_
